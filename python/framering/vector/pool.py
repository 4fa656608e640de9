"""Worker processes that execute lanes; a worker that dies is replaced."""

import os
import signal
import subprocess
import sys
import warnings
import weakref
from abc import ABC, abstractmethod

import numpy as np

from framering import _core
from framering.cores import usable_cores
from framering.errors import RunError
from framering.vector.lane import LaneSetup, restart_lanes
from framering.vector.shared_arrays import Layout
from framering.vector.worker import TRACEBACK_BYTES, WorkerSpec, columns_in, traceback_bytes

# Most workers finish a step within this time of each other. The caller sleeps until the first has
# finished, as a step is long, unless there is a free core.
SPIN_SECONDS = 300e-6
# Interval at which the caller checks whether its workers are alive.
LIVENESS_CHECK_SECONDS = 0.1
# A worker that dies so often in a row, without finishing a request, is not replaced again.
_MAX_DEATHS = 5

_Process = subprocess.Popen[bytes]


class WorkerError(RunError):
    """Raised when a worker process keeps dying; the message names its games and the cause."""


class WorkerProcesses(ABC):
    """The worker processes of some lanes, and the memory that they share with the caller.

    Requests and completions are signalled in shared memory; frames are written into the shared
    ring, and all other results into shared columns. A worker that dies is replaced, and its lanes
    are restarted in new segments.

    Parameters
    ----------
    layout
        The layout of the columns.
    setup
        What all lanes have in common; the ring is in shared memory.
    num_workers
        Number of processes, at most one per lane.
    first_lane
        The first lane of the workers; the lanes before it are executed elsewhere.
    asynchronous
        Whether the workers execute single lanes.

    Attributes
    ----------
    columns : Columns
        Commands and results.
    restarts : int
        Number of workers replaced so far; ``columns.restarted`` marks the lanes.
    """

    def __init__(
        self,
        layout: Layout,
        setup: LaneSetup,
        num_workers: int,
        *,
        first_lane: int,
        asynchronous: bool,
    ) -> None:
        self._channel = _core.WorkerChannel(
            workers=num_workers,
            data_bytes=num_workers * TRACEBACK_BYTES + layout.nbytes,
            lanes=layout.lanes if asynchronous else 0,
        )
        self.columns = columns_in(self._channel, layout)
        self.restarts = 0
        self._failure: WorkerError | None = None
        # Kept, because every new worker inherits its descriptor.
        self._ring = setup.ring
        num_lanes = layout.lanes - first_lane

        def bound(worker: int) -> int:
            return first_lane + num_lanes * worker // num_workers

        self._specs = [
            WorkerSpec(
                worker=worker,
                first_lane=bound(worker),
                last_lane=bound(worker + 1),
                layout=layout,
                settings=setup.settings,
                same_step_autoreset=setup.same_step_autoreset,
                asynchronous=asynchronous,
                ring_fd=setup.ring.fd,
                channel_fd=self._channel.fd,
                parent=os.getpid(),
            )
            for worker in range(num_workers)
        ]
        self._has_free_core = num_workers < usable_cores()
        self._deaths = [0] * num_workers
        self._rng = np.random.default_rng()
        self._processes: list[_Process] = []
        self._finalizer = weakref.finalize(self, _kill_all, self._processes)
        for spec in self._specs:
            self._processes.append(_start_worker(spec))

    def close(self) -> None:
        """End the workers."""
        self._finalizer()

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _replace_dead(self) -> None:
        for worker, process in enumerate(self._processes):
            if process.poll() is not None:
                self._replace(worker)

    def _replace(self, worker: int) -> None:
        """Replace a dead worker, and restart its lanes."""
        spec = self._specs[worker]
        cause = self._cause(worker)
        self._deaths[worker] += 1
        first, last = spec.first_lane, spec.last_lane - 1
        games = f"game {first}" if first == last else f"games {first} to {last}"
        name = f"worker {worker} ({games} of {spec.settings.game})"
        if self._deaths[worker] >= _MAX_DEATHS:
            self._failure = WorkerError(
                f"{name} died {_MAX_DEATHS} times in a row without finishing "
                f"a step; the last time it {cause}"
            )
            self.close()
            raise self._failure
        traceback_bytes(self._channel, worker)[:] = 0
        # No other process accesses these lanes before the new one.
        self._restart_lanes(worker, range(spec.first_lane, spec.last_lane))
        self._processes[worker] = _start_worker(spec)
        self.restarts += 1
        warnings.warn(
            f"{name} {cause}; it is replaced, and its games restart",
            RuntimeWarning,
            stacklevel=5,
        )

    @abstractmethod
    def _restart_lanes(self, worker: int, lanes: range) -> None:
        """Restart the lanes of a dead worker, and notify its successor."""

    def _cause(self, worker: int) -> str:
        code = self._processes[worker].returncode
        if code < 0:
            hint = ", perhaps for lack of memory" if -code == signal.SIGKILL else ""
            return f"was killed by {_signal_name(-code)}{hint}"
        reason = (
            bytes(traceback_bytes(self._channel, worker)).rstrip(b"\0").decode(errors="replace")
        )
        return f"exited with status {code}" + (f":\n{reason}" if reason else "")


class WorkerPool(WorkerProcesses):
    """Executes all lanes of its workers together.

    The parameters are those of `WorkerProcesses`.
    """

    def __init__(
        self,
        layout: Layout,
        setup: LaneSetup,
        num_workers: int,
        first_lane: int = 0,
    ) -> None:
        super().__init__(layout, setup, num_workers, first_lane=first_lane, asynchronous=False)
        self._wait_arguments = (SPIN_SECONDS, LIVENESS_CHECK_SECONDS, self._has_free_core)

    def send(self) -> None:
        """Start the commands in the columns."""
        self._check_failure()
        self._channel.request_all()

    def receive(self) -> None:
        """Wait until all lanes have executed their commands, and replace workers that die.

        After an exception from outside, such as a KeyboardInterrupt, call it again to continue. It
        returns at once if no command was sent.

        Raises
        ------
        WorkerError
            If a worker keeps dying; the pool is closed then.
        """
        self._check_failure()
        while self._channel.wait_all(*self._wait_arguments) is not None:
            self._replace_dead()
        if any(self._deaths):
            self._deaths = [0] * len(self._deaths)

    def _restart_lanes(self, worker: int, lanes: range) -> None:
        restart_lanes(self.columns, lanes, self._rng)
        self._channel.cancel(worker)
        self._channel.request(worker)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Most real-time signals have no name.
        return f"signal {number}"


def _start_worker(spec: WorkerSpec) -> _Process:
    path = [os.fspath(entry) for entry in sys.path]
    # The parent's path, so that the worker imports the same framering.
    program = (
        f"import sys; sys.path[:] = {path!r}; from framering.vector.worker import main; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, spec.to_json()],
        stdin=subprocess.DEVNULL,
        pass_fds=(spec.ring_fd, spec.channel_fd),
        # Workers have a session of their own, so that they do not receive the terminal's signals.
        start_new_session=True,
        # Without these, NumPy would start a thread per core, which workers never use.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _kill_all(processes: list[_Process]) -> None:
    """Kill worker processes, which have nothing to clean up."""
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()
