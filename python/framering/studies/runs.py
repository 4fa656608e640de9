"""The runs of a study: each a process of ``framering train``, resumed where one was interrupted."""

import dataclasses
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from framering.errors import RunError
from framering.studies.table import (
    EVALUATIONS,
    MeanReturn,
    evaluations_of,
    read_table,
    training_returns_of,
    write_table,
)

_LAST_LINES = 3


@dataclasses.dataclass(frozen=True)
class Study:
    """A preset on several games with several seeds.

    Attributes
    ----------
    folder
        Where its runs lie, as ``runs/{env_id}__{name}__{seed}__{time}``, and their tables. A run
        that is in the tables alone was made elsewhere, and isn't run again.
    name
        The name of its runs: the preset's.
    games
        Their names in the ids of ALE, such as "Breakout".
    seeds
        The seeds of each game's runs.
    total_timesteps
        Environment steps of a run.
    arguments
        What ``framering train`` gets: the preset, and what overrides it.
    """

    folder: Path
    name: str
    games: Sequence[str]
    seeds: Sequence[int]
    total_timesteps: int
    arguments: Sequence[str]

    def planned(self) -> list["StudyRun"]:
        """Return all runs: every game with the first seed, then with the second."""
        return [StudyRun(self, game, seed) for seed in self.seeds for game in self.games]

    @property
    def evaluation_table(self) -> Path:
        """The file of the evaluations."""
        return self.folder / "evaluations.csv"

    @property
    def training_table(self) -> Path:
        """The file of the mean returns of training."""
        return self.folder / "training.csv"

    def evaluations(self) -> list[MeanReturn]:
        """Read the evaluations of all runs, finished or not."""
        return [one for run in self.planned() for one in run.evaluations()]

    def training_returns(self) -> list[MeanReturn]:
        """Compute the mean returns of training of all finished runs."""
        return [one for run in self.planned() for one in run.training_returns()]

    def update_tables(self) -> None:
        """Write the mean returns into the tables, which keep those of other games and seeds."""
        self._update(self.evaluation_table, self.evaluations())
        self._update(self.training_table, self.training_returns())

    def _update(self, table: Path, returns: list[MeanReturn]) -> None:
        planned = {(run.game, run.seed) for run in self.planned()}
        others = [one for one in _recorded(table) if (one.game, one.seed) not in planned]
        write_table(table, others + returns)


@dataclasses.dataclass(frozen=True)
class StudyRun:
    """One run of a study."""

    study: Study
    game: str
    seed: int

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.game}, seed {self.seed}"

    @property
    def env_id(self) -> str:
        """The id of its environment."""
        return f"{self.game}NoFrameskip-v4"

    def folder(self) -> Path | None:
        """Return the newest folder of this run, or None before it began."""
        pattern = f"{self.env_id}__{self.study.name}__{self.seed}__*"
        found = sorted((self.study.folder / "runs").glob(pattern))
        return found[-1] if found else None

    def evaluations(self) -> list[MeanReturn]:
        """Read its evaluations so far."""
        folder = self.folder()
        if folder is None:
            return self._rows(self.study.evaluation_table)
        return evaluations_of(folder, self.game, self.seed)

    def training_returns(self) -> list[MeanReturn]:
        """Compute its mean returns of training; none before it is finished."""
        folder = self.folder()
        if folder is None:
            return self._rows(self.study.training_table)
        if not self.is_finished():
            return []
        return training_returns_of(folder, self.game, self.seed, self.study.total_timesteps)

    def _rows(self, table: Path) -> list[MeanReturn]:
        return [one for one in _recorded(table) if (one.game, one.seed) == (self.game, self.seed)]

    def is_finished(self) -> bool:
        """Whether its last evaluation is that of the end."""
        evaluations = self.evaluations()
        return bool(evaluations) and evaluations[-1].step >= self.study.total_timesteps

    def command(self) -> list[str]:
        """Return the command that begins it, or goes on from its checkpoint."""
        train = [sys.executable, "-m", "framering", "train"]
        folder = self.folder()
        if folder is not None and any((folder / "checkpoints").glob("[0-9]*")):
            return [*train, "--resume", str(folder.relative_to(self.study.folder))]
        names = ["--exp-name", self.study.name, "--env-id", self.env_id, "--seed", str(self.seed)]
        return [*train, *self.study.arguments, *names]


def _recorded(table: Path) -> list[MeanReturn]:
    """Read a table, if it has been written."""
    return read_table(table) if table.exists() else []


def run_study(study: Study, jobs: int, report: Callable[[str], None]) -> None:
    """Run what isn't finished, some runs at a time, and write the tables of all.

    Ctrl-C and SIGTERM end all runs, which write their checkpoints; calling this again goes on from
    there.

    Parameters
    ----------
    study
        The study.
    jobs
        Runs at a time; each takes one core.
    report
        Called with a line for each run that begins or ends.

    Raises
    ------
    RunError
        If a run fails, after the others have ended.
    ConfigError
        If a table of the study can't be read.
    """
    study.folder.mkdir(parents=True, exist_ok=True)
    for table in (study.evaluation_table, study.training_table):
        _recorded(table)  # which fails now rather than in the end
    processes = _Processes()

    def finish(run: StudyRun) -> str | None:
        if run.is_finished():
            report(f"{run.title}: finished before")
            return None
        return _execute(run, processes, report)

    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(jobs) as threads:
            try:
                results = [threads.submit(finish, run) for run in study.planned()]
                failures = [failure for result in results if (failure := result.result())]
            except KeyboardInterrupt:
                processes.stop()
                threads.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        signal.signal(signal.SIGTERM, previous)
        study.update_tables()
    if failures:
        raise RunError("; ".join(failures))


class _Processes:
    """The processes of the runs, which end together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, command: Sequence[str], folder: Path, log: Path) -> int | None:
        """Run a command to its end; return its exit status, or None if all were stopped."""
        with log.open("ab") as output:
            with self._lock:
                if self._stopped:
                    return None
                # In a session of its own: Ctrl-C reaches it once, through `stop`.
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process)
            code = process.wait()
        with self._lock:
            self._running.discard(process)
            return None if self._stopped else code

    def stop(self) -> None:
        """End what runs, and begin nothing more.

        By SIGTERM: a shell starts what runs in the background with SIGINT ignored, and a run that
        inherits that would miss one before it has set its handlers.
        """
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()


def _execute(run: StudyRun, processes: _Processes, report: Callable[[str], None]) -> str | None:
    """Run one run's process to its end; return what went wrong, if anything did."""
    command = run.command()
    log = run.study.folder / f"{run.game}-{run.seed}.log"
    report(f"{run.title}: {'resumed' if '--resume' in command else 'begins'}; {log}")
    code = processes.run(command, run.study.folder, log)
    if code is None:
        return None
    if code != 0:
        last = " ".join(log.read_text(errors="replace").split("\n")[-_LAST_LINES:]).strip()
        return f"{run.title}: exit status {code}: {last}"
    evaluations = run.evaluations()
    if not evaluations:
        return f"{run.title}: expected {EVALUATIONS} in its events, got none"
    report(f"{run.title}: {evaluations[-1].mean_return:.2f} at step {evaluations[-1].step:,}")
    return None
