"""The progress of a run, in one line."""

import time
from collections import deque

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

_REDRAW_SECONDS = 0.25
_PRINT_SECONDS = 10.0
_SPEED_WINDOW_SECONDS = 20.0


class ProgressLine:
    """Shows progress: a live line in a terminal, elsewhere a plain line every ten seconds.

    Parameters
    ----------
    total
        Steps of the whole run.
    start
        The step at which a resumed run continues.
    console
        Where to print it; standard output by default.
    """

    def __init__(self, total: int, start: int = 0, console: Console | None = None) -> None:
        self._console = console or Console()
        self._total = total
        self._interval = _REDRAW_SECONDS if self._console.is_terminal else _PRINT_SECONDS
        self._shown_at = time.monotonic()
        self._speeds = deque([(self._shown_at, start)])
        self._returns: deque[float] = deque(maxlen=100)
        self._lengths: deque[float] = deque(maxlen=100)
        self._loss: float | None = None
        self._q_value: float | None = None
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                BarColumn(bar_width=16),
                TextColumn("{task.description}"),
                console=self._console,
                auto_refresh=False,
            )
            self._task = self._bar.add_task("starting", total=total)
            self._bar.start()

    def log_episode(self, episodic_return: float, length: int) -> None:
        """Add a finished episode to the mean of the last hundred."""
        self._returns.append(episodic_return)
        self._lengths.append(length)

    def log_update(self, loss: float, q_value: float) -> None:
        """Set the loss and the mean action value that are shown."""
        self._loss, self._q_value = loss, q_value

    def log_step(self, step: int, epsilon: float) -> None:
        """Show the state at a step, unless the line is newer than the interval between lines."""
        now = time.monotonic()
        if now - self._shown_at < self._interval:
            return
        self._shown_at = now
        self._speeds.append((now, step))
        while now - self._speeds[0][0] > _SPEED_WINDOW_SECONDS and len(self._speeds) > 2:
            self._speeds.popleft()
        self._show(step, self._line(step, epsilon))

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.stop()

    def _show(self, step: int, line: str) -> None:
        if self._bar is None:
            self._console.print(line, soft_wrap=True, highlight=False)
        else:
            self._bar.update(self._task, completed=step, description=line, refresh=True)

    def _line(self, step: int, epsilon: float) -> str:
        (then, first), (now, last) = self._speeds[0], self._speeds[-1]
        speed = (last - first) / (now - then) if now > then else 0.0
        left = (self._total - step) / speed if speed > 0 else float("inf")
        parts = [
            f"step {step:,}/{self._total:,}",
            f"SPS {speed:,.0f}",
            f"return {_mean(self._returns)}",
            f"length {_mean(self._lengths)}",
            f"ε {epsilon:.3f}",
            f"loss {_number(self._loss)}",
            f"Q {_number(self._q_value)}",
            f"left {_duration(left)}",
        ]
        return "  ".join(parts)


def _mean(values: deque[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _duration(seconds: float) -> str:
    if seconds == float("inf"):
        return "?"
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
