"""A picture of replay buffers: bytes of a transition against the time of a batch."""

import statistics
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

Points = dict[str, list[tuple[str, float, float]]]
"""Of each contender: game, bytes of a transition, microseconds of a batch."""


def save_picture(points: Points, path: Path) -> None:
    """Draw a small point for each game and a large one for the medians."""
    figure, axes = plt.subplots(figsize=(9, 6.5))
    for name, spots in points.items():
        _draw(axes, name, [spot[1] for spot in spots], [spot[2] for spot in spots])
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="resident bytes of a transition of 4×84×84",
        ylabel="µs of sample(32)",
        title="Replay buffers, one point for each game, and their medians",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(alpha=0.2)
    axes.margins(0.12)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw(axes: Axes, name: str, nbytes: list[float], times: list[float]) -> None:
    (marks,) = axes.plot(nbytes, times, "o", markersize=4, alpha=0.45)
    middle = statistics.median(nbytes), statistics.median(times)
    label = f"{name}: {middle[0]:,.0f} B, {middle[1]:,.0f} µs"
    axes.plot(
        *middle, "D", color=marks.get_color(), markersize=10, markeredgecolor="k", label=label
    )
