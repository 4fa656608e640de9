"""Snapshots of a buffer: its transitions, its generator and its strategy's state.

The core writes the transitions, with bytes of the caller's that are read back before anything is
loaded: here three parts, of which the first two end with a newline. They are the dtypes and shapes
of observations and actions, the generator's state (both JSON), and the strategy's state.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from framering._core import SamplerBase
from framering.atomic_write import atomic_write
from framering.replay.sampling import SamplingStrategy
from framering.replay.spaces import ArraySpec
from framering.replay.workers import GeneratorState


@dataclass(frozen=True)
class Snapshotter:
    """Writes and reads the snapshots of one buffer."""

    specs: tuple[ArraySpec, ArraySpec]
    sampler: SamplerBase
    strategy: SamplingStrategy

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a snapshot to a file, as a stream."""
        with atomic_write(path) as file:
            self.sampler.save(file.fileno(), self._header())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Load a snapshot from a file, as a stream."""
        with open(path, "rb", buffering=0) as file:
            self._load(partial(self.sampler.load, file.fileno()))

    def to_bytes(self) -> bytes:
        """Return a snapshot."""
        return self.sampler.dump(self._header())

    def load_bytes(self, snapshot: bytes) -> None:
        """Load a snapshot."""
        self._load(partial(self.sampler.load_bytes, snapshot))

    def _load(self, load: Callable[[bytes, Callable[[bytes, int], None]], None]) -> None:
        decoded: list[tuple[GeneratorState, Any]] = []
        prefix = self._array_line()

        def accept(header: bytes, slots: int) -> None:
            # Nothing has been loaded yet: a part that can't be restored must be refused here.
            generator, _, state = header[len(prefix) :].partition(b"\n")
            decoded.append(
                (_read_generator_state(generator), self.strategy.read_state(state, slots))
            )

        load(prefix, accept)
        self.sampler.generator_state, strategy_state = decoded[0]
        self.strategy.restore(strategy_state)

    def _header(self) -> bytes:
        generator = json.dumps(self.sampler.generator_state).encode()
        return self._array_line() + generator + b"\n" + self.strategy.state()

    def _array_line(self) -> bytes:
        """Return what two buffers must have in common to load each other's snapshots."""
        return json.dumps([[spec.dtype.str, spec.shape] for spec in self.specs]).encode() + b"\n"


def _read_generator_state(line: bytes) -> GeneratorState:
    try:
        state = json.loads(line)
        a, b, c, d = (number for number in state if type(number) is int and 0 <= number < 1 << 64)
    except (ValueError, TypeError, RecursionError):
        a = b = c = d = 0
    if not any((a, b, c, d)):
        raise ValueError(
            "the snapshot contradicts itself: expected a generator state of four numbers of 64 "
            f"bits, not all 0, got {line!r:.100}"
        )
    return a, b, c, d
