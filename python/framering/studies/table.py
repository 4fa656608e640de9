"""The tables of a study: mean returns of evaluations, and of training."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from framering.atomic_write import atomic_write
from framering.errors import ConfigError
from framering.reporting.plot import Curve, read_curve

EVALUATIONS = "eval/mean_return"
_EPISODES = "charts/episodic_return"
# Dopamine's iterations.
TRAINING_STEPS = 250_000


class MeanReturn(NamedTuple):
    """A mean return in a run: of an evaluation, or of the games that ended in training.

    Attributes
    ----------
    game, seed
        The run.
    step
        The step of the evaluation, or the last of the `TRAINING_STEPS` in which the games ended.
    mean_return
        The mean.
    """

    game: str
    seed: int
    step: int
    mean_return: float


def evaluations_of(run: Path, game: str, seed: int) -> list[MeanReturn]:
    """Read the evaluations from a run's events, by steps."""
    steps, values = _read_events(run, EVALUATIONS)
    points = dict(zip(steps.tolist(), values.tolist(), strict=True))
    return [MeanReturn(game, seed, step, points[step]) for step in sorted(points)]


def training_returns_of(run: Path, game: str, seed: int, steps: int) -> list[MeanReturn]:
    """Compute the mean returns of training from the events of a run that has made some steps."""
    ends, values = _read_events(run, _EPISODES)
    interval = -(-ends // TRAINING_STEPS)
    return [
        MeanReturn(game, seed, index * TRAINING_STEPS, float(values[interval == index].mean()))
        for index in range(1, steps // TRAINING_STEPS + 1)
        if (interval == index).any()
    ]


def _read_events(run: Path, tag: str) -> Curve:
    try:
        return read_curve(run, tag)
    except ConfigError:  # no event of this kind yet
        return np.empty(0, np.int64), np.empty(0)


def write_table(path: Path, returns: Iterable[MeanReturn]) -> None:
    """Write mean returns as CSV rows: game, seed, step, mean_return."""
    rows = [",".join(MeanReturn._fields)]
    rows += [f"{one.game},{one.seed},{one.step},{one.mean_return:.6g}" for one in returns]
    with atomic_write(path) as file:
        file.write("\n".join([*rows, ""]).encode())


def read_table(path: Path) -> list[MeanReturn]:
    """Read what `write_table` wrote.

    Raises
    ------
    ConfigError
        If it is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                MeanReturn(
                    row["game"], int(row["seed"]), int(row["step"]), float(row["mean_return"])
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: expected a table with the columns {', '.join(MeanReturn._fields)}, "
            f"got {error!r}"
        ) from error
