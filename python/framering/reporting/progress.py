"""The progress of a run, in one line."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.live import Live
from rich.text import Text

_REDRAW_SECONDS = 0.25
_PRINT_SECONDS = 10.0
_SPEED_WINDOW_SECONDS = 20.0
_MOST_BAR, _LEAST_BAR = 16, 4
_GAP = "  "
_COLLECTORS_RANK = 8


class Field(NamedTuple):
    """A part of the line. Where the line is too long, the parts of the highest rank go first."""

    rank: int
    text: str


class ProgressLine:
    """Shows progress: a live line in a terminal, elsewhere a plain line every ten seconds.

    The live line fits the width of the terminal, and always has the time left.

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
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._interval = _REDRAW_SECONDS if self._is_live else _PRINT_SECONDS
        self._step, self._epsilon = start, 1.0
        self._shown_at = time.monotonic()
        self._shown_step: int | None = start
        self._times = deque([(self._shown_at, start)])
        self._speed = 0.0
        self._returns: deque[float] = deque(maxlen=100)
        self._lengths: deque[float] = deque(maxlen=100)
        self._loss: float | None = None
        self._q_value: float | None = None
        self._collectors: list[Field] = []
        self._live: Live | None = None
        self._closed = False

    def log_episode(self, episodic_return: float, length: int) -> None:
        """Add a finished episode to the mean of the last hundred."""
        self._returns.append(episodic_return)
        self._lengths.append(length)

    def log_update(self, loss: float, q_value: float) -> None:
        """Set the loss and the mean action value that are shown."""
        self._loss, self._q_value = loss, q_value

    def log_collectors(self, texts: list[str]) -> None:
        """Set what is shown of the collectors, the most important first."""
        self._collectors = [Field(_COLLECTORS_RANK + rank, text) for rank, text in enumerate(texts)]

    def log_step(self, step: int, epsilon: float) -> None:
        """Show the state after a number of steps, unless the line is newer than the interval."""
        self._step, self._epsilon = step, epsilon
        now = time.monotonic()
        if now - self._shown_at >= self._interval:
            self._measure_speed(now)
            self._show_state()

    @contextmanager
    def activity(self, name: str, parts: int = 0) -> Iterator[Callable[[int], None]]:
        """Context of what isn't stepping: it is shown, and its time is no part of the speed.

        Yields a function that shows how many of its parts are done.
        """
        self._measure_speed(time.monotonic())

        def show(done: int) -> None:
            self._shown_step = None
            count = f" {min(done + 1, parts)}/{parts}" if parts else ""
            self._show(self._activity_fields(name + count))

        def show_in_interval(done: int) -> None:
            if time.monotonic() - self._shown_at >= self._interval:
                show(done)

        show(0)
        try:
            yield show_in_interval
        finally:
            self._times = deque([(time.monotonic(), self._step)])
            if self._closed:
                self._stop(keep=False)

    def close(self) -> None:
        """Show the last state, and leave the terminal as it was; later calls do nothing.

        A later `activity` has a line of its own, which goes with it.
        """
        if self._closed:
            return
        if self._shown_step != self._step:
            self._measure_speed(time.monotonic())
            self._show_state()
        self._stop(keep=True)
        self._closed = True

    def _measure_speed(self, now: float) -> None:
        """Measure the speed over the last seconds."""
        self._times.append((now, self._step))
        while now - self._times[0][0] > _SPEED_WINDOW_SECONDS and len(self._times) > 2:
            self._times.popleft()
        then, first = self._times[0]
        if now > then and self._step > first:
            self._speed = (self._step - first) / (now - then)

    def _show_state(self) -> None:
        self._show(self._state_fields())
        self._shown_step = self._step

    def _show(self, fields: list[Field]) -> None:
        self._shown_at = time.monotonic()
        if not self._is_live:
            line = _GAP.join(field.text for field in fields)
            self._console.print(Text(line), soft_wrap=True)
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._live.update(self._draw(fields), refresh=True)

    def _draw(self, fields: list[Field]) -> Text:
        """Draw the line, and before it a bar where there is room."""
        line = fit(fields, self._console.width)
        room = self._console.width - len(line) - len(_GAP)
        length = min(room, _MOST_BAR)
        if length < _LEAST_BAR:
            return Text(line, no_wrap=True, overflow="crop")
        done = length * min(self._step, self._total) // self._total
        bar = ("━" * done, "green"), ("━" * (length - done), "bright_black")
        return Text.assemble(*bar, _GAP, line, no_wrap=True, overflow="crop")

    def _stop(self, keep: bool) -> None:
        """End the live line: what it shows stays, or goes."""
        if self._live is not None:
            self._live.transient = not keep
            self._live.stop()
            self._live = None

    def _state_fields(self) -> list[Field]:
        length = f"{_mean(self._lengths):,.0f}" if self._lengths else "–"
        return [
            self._step_field(),
            Field(2, f"SPS {self._speed:,.0f}"),
            Field(3, f"return {_mean(self._returns):.1f}" if self._returns else "return –"),
            Field(5, f"length {length}"),
            Field(4, f"ε {self._epsilon:.3f}"),
            Field(6, f"loss {_number(self._loss)}"),
            Field(7, f"Q {_number(self._q_value)}"),
            *self._collectors,
            self._left_field(),
        ]

    def _activity_fields(self, name: str) -> list[Field]:
        return [self._step_field(), Field(1, name), self._left_field()]

    def _step_field(self) -> Field:
        return Field(2, f"step {min(self._step, self._total):,}/{self._total:,}")

    def _left_field(self) -> Field:
        steps = max(self._total - self._step, 0)
        left = _duration(steps / self._speed) if self._speed else "?"
        return Field(0, f"left {left if steps else _duration(0)}")


def fit(fields: list[Field], width: int) -> str:
    """Join the fields of the lowest ranks that fit a width, in the order in which they are given.

    Examples
    --------
    >>> fields = [Field(1, "step 20/100"), Field(2, "loss 0.1"), Field(0, "left 0:01:20")]
    >>> fit(fields, 80)
    'step 20/100  loss 0.1  left 0:01:20'
    >>> fit(fields, 30)
    'step 20/100  left 0:01:20'
    """
    kept: list[Field] = []
    for field in sorted(fields, key=lambda field: field.rank):
        if sum(len(one.text) + len(_GAP) for one in kept) + len(field.text) > width:
            break
        kept.append(field)
    return _GAP.join(field.text for field in fields if field in kept)


def _mean(values: deque[float]) -> float:
    return sum(values) / len(values)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
