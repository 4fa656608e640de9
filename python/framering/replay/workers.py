"""Generators of seeded buffers in the worker processes of a torch DataLoader."""

import os
import sys

import numpy as np

GeneratorState = tuple[int, int, int, int]

_process = object()


def this_process() -> object:
    """Return an object that stands for this process; a forked child has another one."""
    return _process


def _enter_child() -> None:
    global _process
    _process = object()


# Cheaper than a system call for the process's id in each sample.
os.register_at_fork(after_in_child=_enter_child)


def worker_generator_state(state: GeneratorState) -> GeneratorState:
    """Return a generator state for this process.

    Workers start with copies of one buffer, whose generators are equal. In a worker, the state is
    derived from the worker's seed too, which is the DataLoader's base seed plus the worker's
    number, as torch seeds its own generators there. In other processes the state stays.
    """
    data = sys.modules.get("torch.utils.data")
    worker = None if data is None else data.get_worker_info()
    if worker is None:
        return state
    a, b, c, d = np.random.SeedSequence([*state, worker.seed]).generate_state(4, np.uint64)
    return int(a), int(b), int(c), int(d)
