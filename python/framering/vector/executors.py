"""Who steps the lanes of a vector environment: the calling process, worker processes, or both."""

import os
from typing import Protocol

import numpy as np

from framering import _core
from framering.atari.settings import AtariSettings
from framering.vector.lane import VectorLane, begin_anew
from framering.vector.pool import WorkerPool
from framering.vector.shared_arrays import Columns, Layout


class Lanes(Protocol):
    """Does what the columns ask for.

    Attributes
    ----------
    columns : Columns
        Commands and results. They are the lanes' between `send` and the end of `receive`.
    restarts : int
        How often lanes have begun anew so far, as ``columns.restarted`` tells.
    """

    columns: Columns

    @property
    def restarts(self) -> int:
        """How often lanes have begun anew so far."""

    def send(self) -> None:
        """Let the lanes do what the columns ask for."""

    def receive(self) -> None:
        """Wait until all lanes are done.

        Where an exception from outside, as a KeyboardInterrupt, ends it, it can be resumed. With
        nothing sent, it returns at once.
        """

    def close(self) -> None:
        """Let go of the emulators."""


def make_lanes(
    layout: Layout,
    settings: AtariSettings,
    same_step_autoreset: bool,
    ring: _core.Ring,
    num_workers: int | None,
) -> Lanes:
    """Make lanes; with None, the calling process and a worker for each further core share them.

    Parameters
    ----------
    layout
        The columns' layout.
    settings, same_step_autoreset
        As for `framering.vector.lane.VectorLane`.
    ring
        The ring, in shared memory where there are workers.
    num_workers
        Worker processes, which leave the caller nothing to do; 0 leaves it everything.
    """
    common = (settings, same_step_autoreset, ring)
    if num_workers is not None and num_workers > 0:
        return WorkerPool(layout, *common, num_workers)
    others = 0 if num_workers == 0 else helpers_of(layout.lanes)
    if others == 0:
        return LocalLanes(Columns(layout), layout.lanes, *common)
    own = layout.lanes // (others + 1)
    pool = WorkerPool(layout, *common, others, first_lane=own)
    return SharedLanes(LocalLanes(pool.columns, own, *common), pool)


def helpers_of(lanes: int) -> int:
    """Give the number of workers beside a caller that takes its share: all other cores."""
    return min(len(os.sched_getaffinity(0)), lanes) - 1


class LocalLanes:
    """The first lanes, or all of them, in the calling process, one after another.

    A game that an exception from outside cuts short within a step begins anew.
    """

    def __init__(
        self,
        columns: Columns,
        number: int,
        settings: AtariSettings,
        same_step_autoreset: bool,
        ring: _core.Ring,
    ) -> None:
        self.columns = columns
        self.restarts = 0
        self._lanes = [
            VectorLane(i, settings, same_step_autoreset, ring, columns) for i in range(number)
        ]
        self._begun = self._done = number

    def send(self) -> None:
        """Take note: the lanes do it in `receive`."""
        self._begun = self._done = 0

    def receive(self) -> None:
        """Do what was asked for, or what is left of it."""
        while self._done < len(self._lanes):
            if self._begun > self._done:
                # Nobody knows how far this lane went.
                lane = slice(self._done, self._done + 1)
                begin_anew(self.columns, lane, np.random.default_rng())
                self.restarts += 1
            self._begun = self._done + 1
            self._lanes[self._done].execute()
            self._done += 1

    def close(self) -> None:
        """Let go of the emulators."""
        self._lanes.clear()


class SharedLanes:
    """The first lanes in the calling process, the others in worker processes at the same time.

    A caller that steps its share neither sleeps nor is woken, and no process makes way for another:
    on as many cores as there are processes, that is the fastest.
    """

    def __init__(self, own: LocalLanes, others: WorkerPool) -> None:
        self.columns = others.columns
        self._own = own
        self._others = others

    @property
    def restarts(self) -> int:
        """How often lanes have begun anew so far."""
        return self._own.restarts + self._others.restarts

    def send(self) -> None:
        """Let the workers do what the columns ask for; the caller's share waits for `receive`."""
        self._others.send()
        self._own.send()

    def receive(self) -> None:
        """Do the caller's share, then wait for the workers."""
        self._own.receive()
        self._others.receive()

    def close(self) -> None:
        """Let go of the emulators, and end the workers."""
        self._own.close()
        self._others.close()
