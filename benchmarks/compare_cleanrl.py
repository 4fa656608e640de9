"""The whole training loop compared with CleanRL's, in three phases: random, greedy, training.

    python benchmarks/compare_cleanrl.py [--env-id BreakoutNoFrameskip-v4] [--num-envs 1] …

Both loops run the same settings, each time in a new process, one after the other and then again, so
that a machine that slows down slows both, and that neither loop inherits the other's heap and
threads. Each runs as its users run it: where worker processes emulate beside framering's loop,
OpenMP's threads yield early, as ``framering train`` sets it, and otherwise late, as by default.
Each figure is environment steps per second after a warm-up.
"""

import contextlib
import dataclasses
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Literal
from unittest.mock import patch

import torch
import tyro
from rich.console import Console
from rich.table import Table

import cleanrl_loop
from framering import TrainConfig, train, tune_process

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 120, "arguments": ["--repeats", "1", "--scale", "0.5"]}

# Settings that keep a loop in one phase, and the number of steps to measure.
PHASES: dict[str, tuple[dict[str, Any], int]] = {
    "random": ({"start_e": 1.0, "end_e": 1.0, "learning_starts": 10**9}, 4000),
    "greedy": ({"start_e": 0.0, "end_e": 0.0, "learning_starts": 10**9}, 2000),
    "training": ({"start_e": 0.01, "end_e": 0.01, "learning_starts": 400}, 1600),
}
WARM_UP = 800


@dataclasses.dataclass(kw_only=True)
class Comparison:
    """Compare framering's loop with CleanRL's."""

    env_id: str = "BreakoutNoFrameskip-v4"
    """the Atari game"""
    num_envs: int = 1
    """environments of framering's loop; CleanRL's has one"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """precision of framering's updates; CleanRL's is float32"""
    phases: tuple[Literal["random", "greedy", "training"], ...] = ("random", "greedy", "training")
    """what to compare"""
    repeats: int = 3
    """measurements of each figure; the median is shown"""
    scale: float = 1.0
    """multiplies the number of steps measured"""


def steps_per_second(
    loop: Callable[..., object], settings: dict[str, Any], warm_up: int, steps: int
) -> float:
    """Run a loop for warm_up + steps; return the speed after the warm-up."""
    times: dict[int, float] = {}

    def on_step(taken: int) -> None:
        times[taken] = time.perf_counter()

    config = TrainConfig(total_timesteps=warm_up + steps, buffer_size=20_000, **settings)
    with contextlib.redirect_stdout(io.StringIO()):
        loop(config, on_step)
    first, last = min(taken for taken in times if taken >= warm_up), max(times)
    return (last - first) / (times[last] - times[first])


def tuned_train(config: TrainConfig, on_step: Callable[[int], None]) -> None:
    """Train with the heap settings of ``framering train``."""
    tune_process(config)
    train(config, on_step)


def in_new_process(
    loop: Callable[..., object], settings: dict[str, Any], warm_up: int, steps: int
) -> float:
    """Measure ``steps_per_second`` in a process of its own, as a user would run the loop."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(steps_per_second, loop, settings, warm_up, steps).result()


def main() -> None:
    comparison = tyro.cli(Comparison)
    os.chdir(tempfile.mkdtemp())
    table = Table(title=f"environment steps per second, {comparison.env_id}")
    for column in ("phase", "CleanRL", "framering", "ratio", "ratios of the repeats"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    chosen = {"num_envs": comparison.num_envs, "precision": comparison.precision}
    for phase in comparison.phases:
        settings, steps = PHASES[phase]
        common = {"env_id": comparison.env_id, **settings}
        measured = int(steps * comparison.scale)
        pairs = []
        for _ in range(comparison.repeats):
            theirs = in_new_process(cleanrl_loop.train, common, WARM_UP, measured)
            with patch.dict(os.environ):
                # OpenMP of the new process reads the environment when it loads torch.
                tune_process(TrainConfig(**common, **chosen))
                ours = in_new_process(tuned_train, {**common, **chosen}, WARM_UP, measured)
            pairs.append((theirs, ours))
        ratios = [ours / theirs for theirs, ours in pairs]
        table.add_row(
            phase,
            f"{statistics.median(theirs for theirs, _ in pairs):,.0f}",
            f"{statistics.median(ours for _, ours in pairs):,.0f}",
            f"{statistics.median(ratios):.2f}",
            " ".join(f"{ratio:.2f}" for ratio in ratios),
        )
    console = Console()
    console.print(table)
    console.print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
