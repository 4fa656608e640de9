"""The time that each part of the training loop takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from framering.config import TrainConfig
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.errors import ConfigError
from framering.replay.buffer import ReplayBuffer
from framering.reporting.run_logger import RunLogger
from framering.training.loop import train
from framering.training.wrappers import ReplayRecorder
from framering.vector.env import AtariVectorEnv

# The methods of each part of the loop in ``training.loop``.
_PARTS: dict[str, list[tuple[type, str]]] = {
    "choose actions": [(EpsilonGreedy, "actions")],
    "send actions": [(AtariVectorEnv, "send")],
    "receive frames": [(AtariVectorEnv, "recv"), (ReplayRecorder, "step")],
    "sample a batch": [(ReplayBuffer, "sample")],
    "learn": [(Learner, "update")],
    "update the target": [(Learner, "update_target")],
    "report": [(RunLogger, "log_step"), (RunLogger, "log_update")],
}


class Stopwatch:
    """Sum the time spent in methods, and count their calls."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(_PARTS, 0.0)
        self.calls = dict.fromkeys(_PARTS, 0)

    def timed(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method so that its time is added to a part."""

        def wrapper(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.seconds[part] += time.perf_counter() - started
                self.calls[part] += 1

        return wrapper

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Context in which the methods of all parts are timed."""
        originals = [
            (owner, name, vars(owner)[name]) for part in _PARTS.values() for owner, name in part
        ]
        for part, methods in _PARTS.items():
            for owner, name in methods:
                setattr(owner, name, self.timed(part, vars(owner)[name]))
        try:
            yield
        finally:
            for owner, name, method in originals:
                setattr(owner, name, method)


def profile(config: TrainConfig) -> tuple[Stopwatch, float, int]:
    """Train with each part timed; return the stopwatch, the loop's seconds, and its steps.

    Raises
    ------
    ConfigError
        For a run of a single step of all environments, which has no time between two steps, and
        for settings of `train` that have no sense in a profile.
    """
    for name in ("resume", "save_model", "upload_model"):
        if getattr(config, name):
            raise ConfigError(
                f"--{name.replace('_', '-')}: expected none in a profile, got "
                f"{getattr(config, name)!r}; a profile is a short run of its own and saves no "
                "model: leave it out"
            )
    if config.total_timesteps <= config.num_envs:
        raise ConfigError(
            f"--total-timesteps: expected more than --num-envs {config.num_envs} to measure the "
            f"time between steps, got {config.total_timesteps}"
        )
    watch = Stopwatch()
    times: list[float] = []
    with watch.watching():
        result = train(config, lambda step: times.append(time.perf_counter()))
    return watch, times[-1] - times[0], result.steps - config.num_envs


def report(watch: Stopwatch, seconds: float, steps: int, console: Console) -> None:
    """Print each part's share of the time, its time a call, and its time an environment step."""
    table = Table(
        title=f"{steps:,} environment steps in {seconds:.1f} s: {steps / seconds:,.0f} SPS"
    )
    for column in ("part", "share", "calls", "µs a call", "µs a step"):
        table.add_column(column, justify="left" if column == "part" else "right")
    measured = sum(watch.seconds.values())
    rows = [(part, watch.seconds[part], watch.calls[part]) for part in _PARTS]
    for part, spent, calls in [*rows, ("the loop itself", max(seconds - measured, 0.0), steps)]:
        table.add_row(
            part,
            f"{spent / seconds:.1%}",
            f"{calls:,}",
            f"{spent / calls * 1e6:,.0f}" if calls else "–",
            f"{spent / steps * 1e6:,.0f}",
        )
    console.print(table)
