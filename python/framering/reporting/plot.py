"""Learning curves from TensorBoard events."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framering.errors import ConfigError

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]


class MissingTagError(ConfigError):
    """A run whose events don't have a tag."""


def read_curve(run: Path, tag: str) -> Curve:
    """Read one tag of a run's events: its steps (n,) int64, and its values (n,) float64.

    Raises
    ------
    ConfigError
        If the folder has no events; `MissingTagError` if the events have no such tag.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not os.path.isdir(run) or not list(run.glob("*.tfevents*")):
        raise ConfigError(f"--runs: expected a folder with TensorBoard events, got {run}")
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    if tag not in tags:
        raise MissingTagError(f"--tag: expected one of {run}'s ({', '.join(tags)}), got {tag!r}")
    points: list[Any] = events.Scalars(tag)
    steps = np.array([point.step for point in points], np.int64)
    return steps, np.array([point.value for point in points], np.float64)


def read_curves(runs: Sequence[Path], tag: str) -> tuple[dict[Path, Curve], list[str]]:
    """Read one tag of several runs; return the curves, and a message for each run without it.

    Raises
    ------
    ConfigError
        If a folder has no events, or no run has the tag.
    """
    read = {run: _curve_or_error(run, tag) for run in runs}
    curves = {run: curve for run, curve in read.items() if isinstance(curve, tuple)}
    missing = [error for error in read.values() if isinstance(error, MissingTagError)]
    if missing and not curves:
        raise missing[0]
    return curves, [str(error) for error in missing]


def _curve_or_error(run: Path, tag: str) -> Curve | MissingTagError:
    try:
        return read_curve(run, tag)
    except MissingTagError as error:
        return error


def moving_average(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the mean of each value and of up to window − 1 values before it.

    Examples
    --------
    >>> moving_average(np.array([1.0, 3.0, 5.0]), window=2)
    array([1., 2., 4.])
    """
    window = min(window, len(values))
    total = np.cumsum(values)
    total[window:] -= total[:-window].copy()
    return total / np.minimum(np.arange(1, len(values) + 1), window)


def write_csv(path: Path, runs: Sequence[Path], curves: Sequence[Curve], tag: str) -> None:
    """Write the points of all runs as CSV rows: run, step, value."""
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "step", tag])
        for run, (steps, values) in zip(runs, curves, strict=True):
            rows.writerows(
                [run.name, step, value] for step, value in zip(steps, values, strict=True)
            )


def write_png(
    path: Path, runs: Sequence[Path], curves: Sequence[Curve], tag: str, window: int
) -> None:
    """Draw each run's values as dots, and their moving average as a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for run, (steps, values) in zip(runs, curves, strict=True):
        # Without the escape, matplotlib reads text between two dollar signs as a formula.
        name = run.name.replace("$", r"\$")
        (line,) = axes.plot(steps, moving_average(values, window), label=name)
        axes.plot(steps, values, ".", markersize=2, alpha=0.3, color=line.get_color())
    axes.set_xlabel("environment steps")
    axes.set_ylabel(f"{tag} (mean of {window})")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=150)
