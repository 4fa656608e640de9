"""Process-wide settings: those that train fastest, and those of torch during a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from framering._core import keep_freed_memory
from framering.config import TrainConfig
from framering.training.workers import worker_count


def tune_process(config: TrainConfig) -> None:
    """Change the settings of this process to those with which a run trains fastest.

    ``framering train`` calls this; `train` itself changes no heap setting and no environment
    variable. In a program of your own, call it once, before torch is imported: OpenMP reads its
    environment variables when torch loads it.

    - The C heap keeps freed memory (glibc alone), so that the blocks of each update are reused
      without page faults.
    - Where other processes emulate, torch's threads yield their cores early
      (``GOMP_SPINCOUNT=10000``, unless that variable is set). OpenMP's threads wait for one another
      by spinning, for milliseconds by default: on cores that emulators share, an update takes ten
      times as long.

    Parameters
    ----------
    config
        The settings of the run.

    Examples
    --------
    >>> from framering import TrainConfig, tune_process
    >>> config = TrainConfig(env_id="PongNoFrameskip-v4", num_envs=8)
    >>> tune_process(config)  # doctest: +SKIP
    >>> from framering import train
    >>> result = train(config)  # doctest: +SKIP
    """
    keep_freed_memory()
    workers = worker_count(config.num_envs, config.num_workers, config.pipelined)
    # The number of a resumed run's workers is in its checkpoint, and reading that needs torch.
    if config.resume or config.collectors or workers != 0:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


@contextmanager
def torch_settings(config: TrainConfig) -> Iterator[None]:
    """Seed torch and set its threads and determinism; restore all of these at the end.

    Only the CPU's generator is seeded: it draws the first weights, wherever they go afterwards.
    """
    import torch

    threads, deterministic = torch.get_num_threads(), torch.backends.cudnn.deterministic
    with torch.random.fork_rng(devices=[]):
        try:
            torch.default_generator.manual_seed(config.seed)
            torch.backends.cudnn.deterministic = config.torch_deterministic
            if config.torch_threads:
                torch.set_num_threads(config.torch_threads)
            yield
        finally:
            torch.backends.cudnn.deterministic = deterministic
            if config.torch_threads:
                torch.set_num_threads(threads)
