"""Executors of single lanes, which finish in any order."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from framering import _core
from framering.atari.settings import AtariSettings
from framering.cores import usable_cores
from framering.vector.lane import VectorLane, restart_lanes
from framering.vector.pool import LIVENESS_CHECK_SECONDS, SPIN_SECONDS, WorkerPool
from framering.vector.shared_arrays import Columns, Layout

Lanes = npt.NDArray[np.int64]


class LaneExecutor(Protocol):
    """Executes the commands of single lanes.

    Attributes
    ----------
    columns : Columns
        Commands and results.
    """

    columns: Columns

    @property
    def restarts(self) -> int:
        """Number of restarts of lanes so far; ``columns.restarted`` marks the lanes."""

    def start(self, lanes: Lanes) -> None:
        """Start the commands of lanes that have no command."""

    def take_ready(self, number: int) -> Sequence[int]:
        """Wait until a number of lanes have finished; return all of these, first ready first."""

    def close(self) -> None:
        """Release the emulators."""


class AsyncExecutor:
    """Starts lanes and collects them as they finish, or executes commands of all lanes together.

    Parameters
    ----------
    lanes
        Executes the commands.

    Attributes
    ----------
    ready : deque of int
        Lanes that have finished and were not collected, first ready first.
    """

    def __init__(self, lanes: LaneExecutor) -> None:
        self.columns = lanes.columns
        self.ready: deque[int] = deque()
        self._lanes = lanes
        self._all = np.arange(len(lanes.columns.command), dtype=np.int64)
        self._unfinished = 0
        self._together = False

    @property
    def restarts(self) -> int:
        """Number of restarts of lanes so far; ``columns.restarted`` marks the lanes."""
        return self._lanes.restarts

    def start(self, lanes: Lanes) -> None:
        """Start the commands of lanes that have been collected."""
        self._lanes.start(lanes)
        self._unfinished += len(lanes)

    def collect(self, number: int) -> Lanes:
        """Wait until a number of lanes have finished, and return the first of them."""
        if len(self.ready) < number:
            self.ready.extend(self._take(number - len(self.ready)))
        return np.array([self.ready.popleft() for _ in range(number)], np.int64)

    def send(self) -> None:
        """Start the commands of all lanes; `receive` must have been called before."""
        self._together = True
        self.start(self._all)

    def receive(self) -> None:
        """Wait until no lane has a command; those that were started singly are ready then.

        After an exception from outside, such as a KeyboardInterrupt, call it again to continue.
        """
        while self._unfinished:
            finished = self._take(1)
            if not self._together:
                self.ready.extend(finished)
        self._together = False

    def close(self) -> None:
        """Release the emulators."""
        self._lanes.close()

    def _take(self, number: int) -> Sequence[int]:
        lanes = self._lanes.take_ready(number)
        self._unfinished -= len(lanes)
        return lanes


def make_async_executor(
    layout: Layout,
    settings: AtariSettings,
    same_step_autoreset: bool,
    ring: _core.Ring,
    num_workers: int,
) -> AsyncExecutor:
    """Make an executor of single lanes in worker processes, or with 0 in the calling process."""
    common = (settings, same_step_autoreset, ring)
    if num_workers == 0:
        return AsyncExecutor(InProcessLanes(Columns(layout), *common))
    return AsyncExecutor(AsyncWorkerPool(layout, *common, num_workers))


def default_async_workers(lanes: int) -> int:
    """Return one worker for each core, as far as there are lanes; none for a single lane."""
    return min(usable_cores(), lanes) if lanes > 1 else 0


class InProcessLanes:
    """Executes lanes in turn in the calling process, while it waits for them.

    A lane that is interrupted by an exception from outside within its command is restarted.
    """

    def __init__(
        self,
        columns: Columns,
        settings: AtariSettings,
        same_step_autoreset: bool,
        ring: _core.Ring,
    ) -> None:
        self.columns = columns
        self.restarts = 0
        self._lanes = [
            VectorLane(i, settings, same_step_autoreset, ring, columns)
            for i in range(len(columns.command))
        ]
        self._queue: list[int] = []
        self._started = self._done = 0

    def start(self, lanes: Lanes) -> None:
        """Append lanes to the queue."""
        self._queue += lanes.tolist()

    def take_ready(self, number: int) -> Sequence[int]:
        """Execute the first lanes of the queue."""
        while self._done < number:
            lane = self._queue[self._done]
            if self._started > self._done:
                # This lane was interrupted at an unknown point of its command.
                restart_lanes(self.columns, [lane], np.random.default_rng())
                self.restarts += 1
            self._started = self._done + 1
            self._lanes[lane].execute()
            self._done += 1
        ready, self._queue = self._queue[: self._done], self._queue[self._done :]
        self._started = self._done = 0
        return ready

    def close(self) -> None:
        """Release the emulators."""
        self._lanes.clear()


class AsyncWorkerPool(WorkerPool):
    """Executes single lanes in worker processes.

    When a worker dies, those of its lanes that have a command are restarted, and results that have
    been finished are kept. Its other lanes are lost: each is restarted by its next command.
    """

    def __init__(
        self,
        layout: Layout,
        settings: AtariSettings,
        same_step_autoreset: bool,
        ring: _core.Ring,
        num_workers: int,
    ) -> None:
        super().__init__(
            layout, settings, same_step_autoreset, ring, num_workers, asynchronous=True
        )
        self._worker_of = np.empty(layout.lanes, np.int64)
        for spec in self._specs:
            self._worker_of[spec.first_lane : spec.last_lane] = spec.worker
        self._lost = np.zeros(layout.lanes, np.bool_)
        self._checked = time.monotonic()

    def start(self, lanes: Lanes) -> None:
        """Start the commands of lanes that have no command."""
        if self._failure is not None:
            raise self._failure
        lost = lanes[self._lost[lanes]]
        if len(lost):
            restart_lanes(self.columns, lost, self._rng)
            self._lost[lost] = False
            self.restarts += 1
        self._channel.start(lanes, self._worker_of[lanes])

    def take_ready(self, number: int) -> Sequence[int]:
        """Wait until a number of lanes have finished, and replace workers that die.

        Raises
        ------
        WorkerError
            If a worker keeps dying; the pool is closed then.
        """
        if self._failure is not None:
            raise self._failure
        spin = SPIN_SECONDS if self._has_free_core else 0.0
        while self._channel.wait_ready(number, spin, LIVENESS_CHECK_SECONDS) < number:
            self._replace_dead()
        # The others may be so fast that no wait is long.
        if time.monotonic() - self._checked > LIVENESS_CHECK_SECONDS:
            self._replace_dead()
        lanes = self._channel.take_ready()
        if any(self._deaths):
            for worker in self._worker_of[lanes]:
                self._deaths[worker] = 0
        ready: list[int] = lanes.tolist()
        return ready

    def _replace_dead(self) -> None:
        super()._replace_dead()
        self._checked = time.monotonic()

    def _restart_lanes(self, worker: int, lanes: range) -> None:
        running = self._channel.running(lanes.start, lanes.stop)
        restart_lanes(self.columns, running, self._rng)
        self._lost[lanes] = True
        self._lost[running] = False
        self._channel.request(worker)
