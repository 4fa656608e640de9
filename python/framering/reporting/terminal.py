"""Images of an environment in a terminal."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console
from rich.live import Live
from rich.segment import Segment, Segments
from rich.style import Style

from framering._core import resize_area


def draw(image: NDArray[np.uint8], columns: int, rows: int) -> Segments:
    """Draw an RGB image (height, width, 3) with half blocks: a character shows two pixels.

    The drawing fits into the given columns and rows of characters and keeps the proportions.
    """
    height, width = image.shape[:2]
    scale = min(columns / width, 2 * rows / height, 1.0)
    size = (max(round(height * scale / 2), 1) * 2, max(round(width * scale), 1))
    small = resize_area(np.ascontiguousarray(image), size)
    segments: list[Segment] = []
    for upper, lower in zip(small[0::2], small[1::2], strict=True):
        segments.extend(
            Segment("▀", Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom)))
            for top, bottom in zip(upper.tolist(), lower.tolist(), strict=True)
        )
        segments.append(Segment.line())
    return Segments(segments)


class TerminalScreen:
    """Shows the first environment of a vector environment; a camera for ``evaluate``.

    Parameters
    ----------
    console
        The terminal.
    frames_per_second
        The most images to show in a second.
    """

    def __init__(self, console: Console, frames_per_second: float) -> None:
        self._console = console
        self._interval = 1 / frames_per_second
        self._next = time.monotonic()
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def capture(self, envs: Any, infos: dict[str, Any]) -> None:
        """Wait until the last image has had its time, then show the current one."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._interval
        width, height = self._console.size
        self._live.update(draw(envs.render()[0], width, height - 1), refresh=True)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._live.stop()
