"""The table of a study's evaluations."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from framering.atomic_write import atomic_write
from framering.errors import ConfigError
from framering.reporting.plot import read_curve

TAG = "eval/mean_return"


class Evaluation(NamedTuple):
    """The mean return of an evaluation during a run, or at its end."""

    game: str
    seed: int
    step: int
    mean_return: float


def evaluations_of(run: Path, game: str, seed: int) -> list[Evaluation]:
    """Read the evaluations from a run's events, by steps."""
    try:
        steps, values = read_curve(run, TAG)
    except ConfigError:  # no event of this kind yet
        return []
    points = dict(zip(steps.tolist(), values.tolist(), strict=True))
    return [Evaluation(game, seed, step, points[step]) for step in sorted(points)]


def write_table(path: Path, evaluations: Iterable[Evaluation]) -> None:
    """Write evaluations as CSV rows: game, seed, step, mean_return."""
    rows = [",".join(Evaluation._fields)]
    rows += [f"{one.game},{one.seed},{one.step},{one.mean_return:.6g}" for one in evaluations]
    with atomic_write(path) as file:
        file.write("\n".join([*rows, ""]).encode())


def read_table(path: Path) -> list[Evaluation]:
    """Read what `write_table` wrote.

    Raises
    ------
    ConfigError
        If it is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                Evaluation(
                    row["game"], int(row["seed"]), int(row["step"]), float(row["mean_return"])
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: expected a table with the columns {', '.join(Evaluation._fields)}, "
            f"got {error!r}"
        ) from error
