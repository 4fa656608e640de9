"""A table of stages: the time of each beside that of copying as many bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framering.profiling.in_turns import Times


class Stage(NamedTuple):
    """A stage, by the name of its times.

    Attributes
    ----------
    name
        Its name; one that begins with spaces is a part of the stage above it.
    nbytes
        The bytes that it has to read or to write at least.
    copied
        The name of the times of copying as many.
    """

    name: str
    nbytes: int
    copied: str


@dataclass
class StageProfile:
    """What was measured of some stages.

    Attributes
    ----------
    title
        Of the table.
    times
        In turns, those of the stages and of copying.
    stages
        The rows of the table.
    facts
        Figures that no time belongs to, by name.
    settings
        What it was measured with.
    """

    title: str
    times: Times
    stages: Sequence[Stage]
    facts: dict[str, float]
    settings: dict[str, Any]

    def report(self, console: Console) -> None:
        """Print the facts and the table."""
        for name, value in self.facts.items():
            figure = f"{value:.1%}" if name.startswith("share") else f"{value:,.1f}"
            console.print(Text(f"{name}: {figure}"))
        table = Table(title=self.title, box=box.SIMPLE_HEAD)
        for column in ("stage", "µs", "bytes", "memcpy, µs", "/ memcpy (rounds)"):
            table.add_column(column, justify="left" if column == "stage" else "right")
        for stage in self.stages:
            ratio = self.times.ratio(stage.name, stage.copied)
            table.add_row(
                Text(stage.name),
                f"{self.times.of(stage.name).median:,.2f}",
                f"{stage.nbytes:,}",
                f"{self.times.of(stage.copied).median:,.2f}",
                f"{ratio.median:,.2f} ({ratio.low:,.2f}–{ratio.high:,.2f})",
            )
        console.print(table)

    def as_json(self) -> dict[str, Any]:
        """Return settings, facts and stages, for a JSON file."""
        stages = [
            {
                "stage": stage.name.strip(),
                "microseconds": self.times.of(stage.name)._asdict(),
                "bytes": stage.nbytes,
                "memcpy_microseconds": self.times.of(stage.copied)._asdict(),
                "ratio": self.times.ratio(stage.name, stage.copied)._asdict(),
            }
            for stage in self.stages
        ]
        return {"settings": self.settings, "facts": self.facts, "stages": stages}


def copying(nbytes: int) -> Callable[[], None]:
    """Return a call that copies so many bytes, always the same ones, by memcpy."""
    source, target = np.ones(nbytes, np.uint8), np.zeros(nbytes, np.uint8)
    return lambda: np.copyto(target, source)
