"""A short training run whose parts are timed, by phase."""

import dataclasses
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.reporting.run_logger import RunLogger
from framering.training import loop
from framering.training.components import Components
from framering.training.finish import TrainResult
from framering.training.profiling.parts import COMPILE, LEARN, METHODS, REST, WAIT
from framering.training.profiling.stopwatch import Span, Stopwatch, Total, replaced
from framering.training.profiling.worker_step import worker_step
from framering.training.run_logging import make_run_logger
from framering.training.task import TaskSpec

RANDOM, ACTING, LEARNING, COMPILING = "random", "acting", "learning", "compiling"
PHASES = (RANDOM, ACTING, LEARNING)


@dataclasses.dataclass
class PhaseTimes:
    """The times of a phase.

    Attributes
    ----------
    steps
        Environment steps.
    seconds
        Of all its turns of the loop.
    parts
        The totals of each part, with those of the loop itself.
    """

    steps: int = 0
    seconds: float = 0.0
    parts: dict[str, Total] = dataclasses.field(default_factory=dict)

    def add(self, steps: int, seconds: float, parts: dict[str, Total]) -> None:
        """Add a turn of the loop, or of another phase."""
        self.steps += steps
        self.seconds += seconds
        for name, (spent, calls) in parts.items():
            before = self.parts.get(name, Total())
            self.parts[name] = Total(before.seconds + spent, before.calls + calls)


@dataclasses.dataclass
class LoopProfile:
    """The times of a training run.

    Attributes
    ----------
    config
        The settings of the run.
    phases
        By name: random actions, before learning starts; acting, turns of the loop after that
        without an update; learning, turns with one. The turn that compiles the update is apart.
    worker_step
        Seconds of each part of a step of one game, measured alone in this process, where the run's
        games are stepped by worker processes.
    turns
        Each turn of the loop, named by its phase, for a trace.
    spans
        Each call of a part, for a trace.
    images
        Whether observations are images.
    interrupted
        Whether Ctrl-C or SIGTERM ended the run early.
    """

    config: TrainConfig
    phases: dict[str, PhaseTimes]
    worker_step: dict[str, float] = dataclasses.field(default_factory=dict)
    turns: list[Span] = dataclasses.field(default_factory=list)
    spans: list[Span] = dataclasses.field(default_factory=list)
    images: bool = False
    interrupted: bool = False

    def steady(self) -> PhaseTimes:
        """Return the phases that a long run spends its time in: those after learning starts."""
        total = PhaseTimes()
        for phase in (ACTING, LEARNING):
            times = self.phases[phase]
            total.add(times.steps, times.seconds, times.parts)
        return total if total.steps else self.phases[RANDOM]

    def whole(self) -> PhaseTimes:
        """Return the times of the whole run, without the compilation."""
        total = PhaseTimes()
        for phase in PHASES:
            times = self.phases[phase]
            total.add(times.steps, times.seconds, times.parts)
        return total


class _Turns:
    """Sorts the turns of the loop into phases."""

    def __init__(self, config: TrainConfig, watch: Stopwatch, profile: LoopProfile) -> None:
        self._config = config
        self._watch = watch
        self._profile = profile
        self._start: float | None = None
        self._step = 0

    def begin(self, *arguments: Any) -> float:
        """Stand in for the loop's schedule of epsilon: a turn begins with it."""
        start_e, end_e, _, step = arguments
        if self._start is None:
            # What was timed so far belongs to the first reset.
            self._watch.lap()
            self._watch.spans.clear()
            self._start, self._step = time.perf_counter(), step
        return float(start_e if step <= self._config.learning_starts else end_e)

    def end(self, step: int) -> None:
        """Add the turn that has ended to its phase."""
        assert self._start is not None
        now = time.perf_counter()
        seconds, parts = now - self._start, self._watch.lap()
        rest = seconds - sum(total.seconds for total in parts.values())
        phase = self._phase(step, parts)
        self._profile.phases[phase].add(
            step - self._step, seconds, {**parts, REST: Total(max(rest, 0.0), 1)}
        )
        self._profile.turns.append(Span(phase, self._start, seconds))
        self._start, self._step = now, step

    def finish(
        self,
        run: RunLogger,
        config: TrainConfig,
        task: TaskSpec,
        components: Components,
        steps: int,
        interrupted: bool,
    ) -> TrainResult:
        """Stand in for the end of a run: nothing is saved, and no file is named."""
        self._profile.images = task.frame_side > 0
        run.close()
        return TrainResult(run.folder, components.learner.q_network, steps, interrupted, None, [])

    def _phase(self, step: int, parts: dict[str, Total]) -> str:
        if COMPILE in parts:
            return COMPILING
        if LEARN in parts:
            return LEARNING
        return ACTING if step - 1 > self._config.learning_starts else RANDOM


def profile(config: TrainConfig, *, keep_spans: bool = False) -> LoopProfile:
    """Train with each part timed; nothing is left in ``runs/``.

    Actions are random before learning starts, and have the last epsilon from then on, as in the
    phases of a long run.

    Raises
    ------
    ConfigError
        For a run of a single step of all environments, and for settings of `train` that have no
        sense in a profile.
    """
    check(config)
    result = LoopProfile(config, {name: PhaseTimes() for name in (*PHASES, COMPILING)})
    watch = Stopwatch(keep_spans=keep_spans)
    turns = _Turns(config, watch, result)
    with tempfile.TemporaryDirectory(prefix="framering-profile-") as folder:
        logger = partial(make_run_logger, runs=Path(folder))
        stand_ins = [
            (loop, "make_run_logger", logger),
            (loop, "finish", turns.finish),
            (loop, "linear_schedule", turns.begin),
        ]
        with watch.watching(METHODS), replaced(stand_ins):
            result.interrupted = loop.train(config, turns.end).interrupted
    if not result.turns:
        raise KeyboardInterrupt
    result.spans = watch.spans
    if WAIT in result.whole().parts:
        result.worker_step = worker_step(config)
    return result


def check(config: TrainConfig) -> None:
    """Raise ConfigError for settings of `train` that have no sense in a profile."""
    for name in ("resume", "save_model", "upload_model"):
        if getattr(config, name):
            raise ConfigError(
                f"--{name.replace('_', '-')}: expected none in a profile, got "
                f"{getattr(config, name)!r}; a profile is a short run of its own and saves no "
                "model: leave it out"
            )
    if config.collectors:
        raise ConfigError(
            f"--collectors: expected 0 in a profile, got {config.collectors}; it measures one "
            "process: leave it out, and see benchmarks/collectors.py"
        )
    if config.total_timesteps <= config.num_envs:
        raise ConfigError(
            f"--total-timesteps: expected more than --num-envs {config.num_envs} to measure the "
            f"time of steps, got {config.total_timesteps}"
        )
