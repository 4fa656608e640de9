"""The command ``framering plot``."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from framering.arguments import parse
from framering.errors import ConfigError


@dataclasses.dataclass(kw_only=True)
class PlotConfig:
    """Settings of ``framering plot``."""

    folders: Annotated[Positional[tuple[Path, ...]], arg(metavar="[RUN ...]")] = ()
    """folders of runs: runs/NAME …"""
    runs: tuple[Path, ...] = ()
    """more folders of runs"""
    tag: str = "charts/episodic_return"
    """the TensorBoard tag to plot"""
    window: int = 100
    """points in the moving average"""
    out: Path = Path("curve")
    """the files to write, without their endings: out.png and out.csv"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        if not (self.folders or self.runs):
            raise ConfigError("--runs: expected one or more folders runs/NAME, got none")
        if self.window < 1:
            raise ConfigError(f"--window: expected 1 or more, got {self.window}")
        if self.out.name in ("", ".."):
            raise ConfigError(
                f"--out: expected a file name, got {str(self.out)!r}; "
                "its endings .png and .csv are added"
            )


def plot_command(arguments: Sequence[str]) -> None:
    """Plot a curve of one or several runs, as PNG and as CSV."""
    config = parse(PlotConfig, "plot", plot_command.__doc__, arguments)
    config.check()
    from framering.reporting.plot import read_curves, write_csv, write_png

    found, missing = read_curves((*config.folders, *config.runs), config.tag)
    for message in missing:
        print(f"warning: {message}", file=sys.stderr)
    runs, curves = tuple(found), tuple(found.values())
    png, table = (config.out.with_name(config.out.name + end) for end in (".png", ".csv"))
    try:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        write_png(png, runs, curves, config.tag, config.window)
        write_csv(table, runs, curves, config.tag)
    except OSError as error:
        raise ConfigError(
            f"--out: expected files that can be written, got {config.out}: {error.strerror}"
        ) from None
    print(f"{png}\n{table}")
