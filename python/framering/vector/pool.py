"""Worker processes that step the lanes of a vector environment, and their faults."""

import os
import signal
import subprocess
import sys
import warnings
import weakref

import numpy as np

from framering import _core
from framering.atari.settings import AtariSettings
from framering.vector.lane import begin_anew
from framering.vector.shared_arrays import Layout
from framering.vector.worker import MESSAGE_BYTES, WorkerSpec, columns_of, message_bytes

# How far apart workers end a step, mostly. For the first of them the caller sleeps, as a step is
# long, unless the workers leave it a core.
_SPIN_SECONDS = 300e-6
# How soon a dead worker is noticed.
_LIVENESS_CHECK_SECONDS = 0.1
# A worker that dies so often without finishing a single request will not get further.
_MOST_DEATHS = 5

_Process = subprocess.Popen[bytes]


class WorkerError(RuntimeError):
    """Worker processes keep dying; the message names their environment and the cause."""


class WorkerPool:
    """Steps lanes in worker processes, through memory that they share.

    Requests go out and completions come back by doorbells in shared memory; frames go into the
    shared ring, and all else into shared columns. A worker that dies is replaced, and its games
    begin anew, in new segments of their lanes.

    Parameters
    ----------
    layout
        The columns' layout.
    settings, same_step_autoreset
        As for `framering.vector.lane.VectorLane`.
    ring
        A ring in shared memory.
    num_workers
        Processes, at most one for each lane.
    first_lane
        The lanes before it are not these processes'.

    Attributes
    ----------
    columns : Columns
        Commands and results. They are the workers' between `send` and the end of `receive`.
    restarts : int
        Workers replaced so far; ``columns.restarted`` tells which games that has cut short.
    """

    def __init__(
        self,
        layout: Layout,
        settings: AtariSettings,
        same_step_autoreset: bool,
        ring: _core.Ring,
        num_workers: int,
        first_lane: int = 0,
    ) -> None:
        self._channel = _core.WorkerChannel(
            workers=num_workers, data_bytes=num_workers * MESSAGE_BYTES + layout.nbytes
        )
        self.columns = columns_of(self._channel, layout)
        self.restarts = 0
        self._failure: WorkerError | None = None
        # Kept, because its descriptor is handed to every new worker.
        self._ring = ring
        number = layout.lanes - first_lane
        bounds = [first_lane + number * worker // num_workers for worker in range(num_workers + 1)]
        self._tasks = [
            WorkerSpec(
                worker=worker,
                first_lane=bounds[worker],
                last_lane=bounds[worker + 1],
                layout=layout,
                settings=settings,
                same_step_autoreset=same_step_autoreset,
                ring_fd=ring.fd,
                channel_fd=self._channel.fd,
                parent=os.getpid(),
            )
            for worker in range(num_workers)
        ]
        has_free_core = num_workers < len(os.sched_getaffinity(0))
        self._patience = (_SPIN_SECONDS, _LIVENESS_CHECK_SECONDS, has_free_core)
        self._deaths = [0] * num_workers
        self._seeds = np.random.default_rng()
        self._processes: list[_Process] = []
        self._finalizer = weakref.finalize(self, _end, self._processes)
        for task in self._tasks:
            self._processes.append(_start(task))

    def send(self) -> None:
        """Let the lanes do what the columns ask for."""
        if self._failure is not None:
            raise self._failure
        self._channel.request_all()

    def receive(self) -> None:
        """Wait until all lanes are done, replacing workers that die.

        Where an exception from outside, as a KeyboardInterrupt, ends the wait, it can be resumed.
        With nothing sent, it returns at once.

        Raises
        ------
        WorkerError
            If a worker keeps dying; all of them are ended then.
        """
        if self._failure is not None:
            raise self._failure
        while self._channel.wait_all(*self._patience) is not None:
            for worker, process in enumerate(self._processes):
                if process.poll() is not None:
                    self._replace(worker)
        for worker, deaths in enumerate(self._deaths):
            if deaths:
                self._deaths[worker] = 0

    def close(self) -> None:
        """End the workers."""
        self._finalizer()

    def _replace(self, worker: int) -> None:
        """Start a successor for a dead worker; its games begin anew, where they had begun."""
        task = self._tasks[worker]
        cause = self._cause(worker)
        self._deaths[worker] += 1
        first, last = task.first_lane, task.last_lane - 1
        games = f"game {first}" if first == last else f"games {first} to {last}"
        who = f"worker {worker} ({games} of {task.settings.game})"
        if self._deaths[worker] >= _MOST_DEATHS:
            self._failure = WorkerError(
                f"{who} died {_MOST_DEATHS} times in a row without finishing "
                f"a step; the last time it {cause}"
            )
            self.close()
            raise self._failure
        # Nobody else touches these rows until the request below.
        lanes = slice(task.first_lane, task.last_lane)
        begin_anew(self.columns, lanes, self._seeds)
        message_bytes(self._channel, worker)[:] = 0
        self._channel.cancel(worker)
        self._channel.request(worker)
        self._processes[worker] = _start(task)
        self.restarts += 1
        warnings.warn(
            f"{who} {cause}; it is replaced, and its games begin anew",
            RuntimeWarning,
            stacklevel=4,
        )

    def _cause(self, worker: int) -> str:
        code = self._processes[worker].returncode
        if code < 0:
            name = signal.Signals(-code).name
            hint = ", perhaps for lack of memory" if -code == signal.SIGKILL else ""
            return f"was killed by {name}{hint}"
        reason = bytes(message_bytes(self._channel, worker)).rstrip(b"\0").decode(errors="replace")
        return f"exited with status {code}" + (f":\n{reason}" if reason else "")


def _start(task: WorkerSpec) -> _Process:
    # The parent's path, so that the child finds the same framering.
    program = (
        f"import sys; sys.path[:] = {sys.path!r}; from framering.vector.worker import main; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, task.to_json()],
        stdin=subprocess.DEVNULL,
        pass_fds=(task.ring_fd, task.channel_fd),
        # A session of its own: what the terminal sends to the parent is not for its workers.
        start_new_session=True,
        # NumPy would start a thread for each core, which workers never use.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )


def _end(processes: list[_Process]) -> None:
    """Kill the workers, which have nothing to clean up."""
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()
