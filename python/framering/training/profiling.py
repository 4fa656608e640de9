"""Where the time of a training loop goes."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from framering.config import TrainConfig
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.replay.buffer import ReplayBuffer
from framering.reporting.run_logger import RunLogger
from framering.training.environments import ReplayRecorder
from framering.training.loop import train
from framering.vector.env import AtariVectorEnv

# The parts of the loop in ``training.train``, by what they are to the algorithm.
_PARTS: dict[str, list[tuple[type, str]]] = {
    "choose actions": [(EpsilonGreedy, "actions")],
    "send actions": [(AtariVectorEnv, "send")],
    "receive frames": [(AtariVectorEnv, "recv"), (ReplayRecorder, "step")],
    "sample a batch": [(ReplayBuffer, "sample")],
    "learn": [(Learner, "update")],
    "move the target": [(Learner, "update_target")],
    "report": [(RunLogger, "stepped"), (RunLogger, "updated")],
}


class Stopwatch:
    """Adds up the time spent in methods, and counts the calls."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(_PARTS, 0.0)
        self.calls = dict.fromkeys(_PARTS, 0)

    def timed(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method so that its time counts for a part."""

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
        """Time the parts of the loop while entered."""
        plain = [(kind, name, vars(kind)[name]) for part in _PARTS.values() for kind, name in part]
        for part, methods in _PARTS.items():
            for kind, name in methods:
                setattr(kind, name, self.timed(part, vars(kind)[name]))
        try:
            yield
        finally:
            for kind, name, method in plain:
                setattr(kind, name, method)


def profile(config: TrainConfig) -> tuple[Stopwatch, float, int]:
    """Train with a stopwatch on each part; return it, the loop's seconds, and its steps."""
    watch = Stopwatch()
    times: list[float] = []
    config = dataclasses.replace(config, save_model=False, upload_model=False)
    with watch.watching():
        result = train(config, lambda step: times.append(time.perf_counter()))
    return watch, times[-1] - times[0], result.steps - config.num_envs


def report(watch: Stopwatch, seconds: float, steps: int, console: Console) -> None:
    """Print each part's share, its time a call, and its time a step of the environment."""
    table = Table(
        title=f"{steps:,} environment steps in {seconds:.1f} s: {steps / seconds:,.0f} SPS"
    )
    for column in ("part", "share", "calls", "µs a call", "µs a step"):
        table.add_column(column, justify="left" if column == "part" else "right")
    known = sum(watch.seconds.values())
    rows = [(part, watch.seconds[part], watch.calls[part]) for part in _PARTS]
    for part, spent, calls in [*rows, ("the loop itself", max(seconds - known, 0.0), steps)]:
        table.add_row(
            part,
            f"{spent / seconds:.1%}",
            f"{calls:,}",
            f"{spent / calls * 1e6:,.0f}" if calls else "–",
            f"{spent / steps * 1e6:,.0f}",
        )
    console.print(table)
