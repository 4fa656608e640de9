"""The executor of single lanes, which finish in any order."""

import time

import numpy as np
import numpy.typing as npt

from framering.vector.executors import default_num_workers
from framering.vector.lane import LaneSetup, VectorLane, restart_lanes
from framering.vector.pool import LIVENESS_CHECK_SECONDS, SPIN_SECONDS, WorkerProcesses
from framering.vector.shared_arrays import Layout

Lanes = npt.NDArray[np.int64]


class AsyncExecutor(WorkerProcesses):
    """Starts lanes and collects them as they finish, or executes commands of all lanes together.

    The first lanes may be the calling process's own, which it executes one by one while too few
    others are ready, and the other lanes are those of worker processes. The order in which a
    process executes its lanes is that in which they were started.

    When a worker dies, those of its lanes that have a command are restarted, and results that have
    been finished are kept. Its other lanes are lost: each is restarted by its next command. An own
    lane that is interrupted by an exception from outside within its command is restarted.

    Parameters
    ----------
    layout, setup
        As for `framering.vector.pool.WorkerProcesses`.
    num_workers
        Worker processes that execute all lanes; 0 for the calling process alone; None to share the
        lanes between the calling process and one worker for each further core.

    Attributes
    ----------
    columns : Columns
        Commands and results.
    restarts : int
        Number of restarts of lanes so far; ``columns.restarted`` marks the lanes.
    ready : list of int
        Lanes that had finished before a command of all lanes and were not collected, first ready
        first.
    """

    def __init__(self, layout: Layout, setup: LaneSetup, num_workers: int | None) -> None:
        workers = default_num_workers(layout.lanes) if num_workers is None else num_workers
        shares_lanes = num_workers is None or num_workers == 0
        own = layout.lanes // (workers + 1) if shares_lanes else 0
        super().__init__(layout, setup, workers, first_lane=own, asynchronous=True)
        self._own = [VectorLane(lane, setup, self.columns) for lane in range(own)]
        # The own lane whose command was begun, until it is finished.
        self._begun: int | None = None
        # The worker of each lane, -1 for an own lane.
        self._worker_of = np.full(layout.lanes, -1, np.int64)
        for spec in self._specs:
            self._worker_of[spec.first_lane : spec.last_lane] = spec.worker
        self.ready: list[int] = []
        self._lost: set[int] = set()
        self._all = np.arange(layout.lanes, dtype=np.int64)
        self._unfinished = 0
        self._together = False
        self._checked = time.monotonic()

    @property
    def uncollected(self) -> int:
        """Number of lanes that were started and not collected."""
        return self._unfinished + len(self.ready)

    def start(self, lanes: Lanes) -> None:
        """Start the commands of lanes that have been collected."""
        self._check_failure()
        if self._lost:
            self._restart_lost(lanes)
        self._channel.start(lanes, self._worker_of[lanes])
        self._unfinished += len(lanes)

    def collect(self, number: int) -> Lanes:
        """Wait until a number of lanes have finished, and return the first of them.

        Raises
        ------
        WorkerError
            If a worker keeps dying; the workers have been ended then.
        """
        if not self.ready:
            return self._take(number)
        kept = self.ready[:number]
        taken = self._take(number - len(kept)).tolist()
        self.ready = self.ready[number:]
        return np.array(kept + taken, np.int64)

    def send(self) -> None:
        """Start the commands of all lanes; `receive` must have been called before."""
        self._together = True
        self.start(self._all)

    def receive(self) -> None:
        """Wait until no lane has a command; those that were started singly are ready then.

        After an exception from outside, such as a KeyboardInterrupt, call it again to continue.
        """
        finished = self._take(self._unfinished)
        if not self._together:
            self.ready += finished.tolist()
        self._together = False

    def close(self) -> None:
        """Release the emulators and end the workers."""
        self._own.clear()
        super().close()

    def _take(self, number: int) -> Lanes:
        """Wait until a number of lanes have finished, and take the first of them."""
        self._check_failure()
        self._execute_own(number)
        spin = SPIN_SECONDS if self._has_free_core else 0.0
        while self._channel.wait_ready(number, spin, LIVENESS_CHECK_SECONDS) < number:
            self._replace_dead()
        # The others may be so fast that no wait is long.
        if time.monotonic() - self._checked > LIVENESS_CHECK_SECONDS:
            self._replace_dead()
        lanes = self._channel.take_ready(number)
        self._unfinished -= len(lanes)
        if any(self._deaths):
            for worker in self._worker_of[lanes]:
                if worker >= 0:
                    self._deaths[worker] = 0
        return lanes

    def _execute_own(self, number: int) -> None:
        """Execute own lanes until a number of lanes are ready, and those that waited too long."""
        while (lane := self._channel.next_own(len(self._own), number)) is not None:
            if lane == self._begun:
                # This lane was interrupted at an unknown point of its command.
                restart_lanes(self.columns, [lane], self._rng)
                self.restarts += 1
            self._begun = lane
            self._own[lane].execute()
            self._channel.finish(lane)
            self._begun = None

    def _replace_dead(self) -> None:
        super()._replace_dead()
        self._checked = time.monotonic()

    def _restart_lanes(self, worker: int, lanes: range) -> None:
        running = self._channel.running(lanes.start, lanes.stop).tolist()
        restart_lanes(self.columns, running, self._rng)
        self._lost.update(lanes)
        self._lost.difference_update(running)
        self._channel.request(worker)

    def _restart_lost(self, lanes: Lanes) -> None:
        lost = self._lost.intersection(lanes.tolist())
        if lost:
            restart_lanes(self.columns, lost, self._rng)
            self._lost -= lost
            self.restarts += 1
