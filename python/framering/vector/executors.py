"""Executors of lanes: the calling process, worker processes, or both."""

from typing import Protocol

import numpy as np

from framering.cores import usable_cores
from framering.vector.lane import LaneSetup, VectorLane, restart_lanes
from framering.vector.pool import WorkerPool
from framering.vector.shared_arrays import Columns, Layout


class Executor(Protocol):
    """Executes the commands of all lanes.

    Attributes
    ----------
    columns : Columns
        Commands and results. The lanes read and write them between `send` and the end of `receive`.
    """

    columns: Columns

    @property
    def restarts(self) -> int:
        """Number of restarts of lanes so far; ``columns.restarted`` marks the lanes."""

    def send(self) -> None:
        """Start the commands in the columns."""

    def receive(self) -> None:
        """Wait until all lanes have executed their commands.

        After an exception from outside, such as a KeyboardInterrupt, call it again to continue. It
        returns at once if no command was sent.
        """

    def close(self) -> None:
        """Release the emulators."""


def make_executor(layout: Layout, setup: LaneSetup, num_workers: int | None) -> Executor:
    """Make an executor for all lanes.

    Parameters
    ----------
    layout
        The layout of the columns.
    setup
        What all lanes have in common; the ring is in shared memory if there are workers.
    num_workers
        Worker processes that execute all lanes; 0 for the calling process alone; None to share the
        lanes between the calling process and one worker for each further core.
    """
    if num_workers is not None and num_workers > 0:
        return WorkerPool(layout, setup, num_workers)
    workers = 0 if num_workers == 0 else default_num_workers(layout.lanes)
    if workers == 0:
        return InProcessExecutor(Columns(layout), layout.lanes, setup)
    own = layout.lanes // (workers + 1)
    pool = WorkerPool(layout, setup, workers, first_lane=own)
    return HybridExecutor(InProcessExecutor(pool.columns, own, setup), pool)


def default_num_workers(lanes: int) -> int:
    """Return one worker for each core but the caller's own, as far as there are lanes."""
    return min(usable_cores(), lanes) - 1


class InProcessExecutor:
    """Executes the first lanes, or all of them, one after another in the calling process.

    A lane that is interrupted by an exception from outside within its command is restarted.
    """

    def __init__(self, columns: Columns, num_lanes: int, setup: LaneSetup) -> None:
        self.columns = columns
        self.restarts = 0
        self._lanes = [VectorLane(i, setup, columns) for i in range(num_lanes)]
        self._started = self._done = num_lanes

    def send(self) -> None:
        """Mark the commands as sent; `receive` executes them."""
        self._started = self._done = 0

    def receive(self) -> None:
        """Execute the commands that were sent and are not done yet."""
        while self._done < len(self._lanes):
            if self._started > self._done:
                # This lane was interrupted at an unknown point of its command.
                restart_lanes(self.columns, [self._done], np.random.default_rng())
                self.restarts += 1
            self._started = self._done + 1
            self._lanes[self._done].execute()
            self._done += 1

    def close(self) -> None:
        """Release the emulators."""
        self._lanes.clear()


class HybridExecutor:
    """Executes the first lanes in the calling process and the others in workers, in parallel.

    This is the fastest with as many cores as processes: the caller neither sleeps nor is woken up,
    and no process has to leave its core to another.
    """

    def __init__(self, own: InProcessExecutor, pool: WorkerPool) -> None:
        self.columns = pool.columns
        self._own = own
        self._pool = pool

    @property
    def restarts(self) -> int:
        """Number of restarts of lanes so far; ``columns.restarted`` marks the lanes."""
        return self._own.restarts + self._pool.restarts

    def send(self) -> None:
        """Start the workers' commands; the caller's own wait for `receive`."""
        self._pool.send()
        self._own.send()

    def receive(self) -> None:
        """Execute the caller's commands, then wait for the workers."""
        self._own.receive()
        self._pool.receive()

    def close(self) -> None:
        """Release the emulators and end the workers."""
        self._own.close()
        self._pool.close()
