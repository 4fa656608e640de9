"""Signals that end a run cleanly, such as that of Ctrl-C."""

import contextlib
import os
import signal
import threading
from types import FrameType

_STDERR = 2
_MESSAGE = "stopping; Ctrl-C again stops at once, and saves nothing"


class StopSignals:
    """Context in which the first SIGINT or SIGTERM sets `requested` instead of ending the process.

    It is acknowledged at once by a line on standard error. A second signal has its usual effect.
    Outside the main thread, where Python allows no signal handlers, the context changes nothing.

    Parameters
    ----------
    acknowledges
        Whether to print that line.

    Examples
    --------
    >>> with StopSignals() as stop:
    ...     stop.requested
    False
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, acknowledges: bool = True) -> None:
        self.requested = False
        self._acknowledges = acknowledges
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in self._SIGNALS:
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()
        if self._acknowledges:
            _acknowledge()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous.clear()


def _acknowledge() -> None:
    """Write the message; a buffered stream may be in use by what the signal interrupted."""
    with contextlib.suppress(OSError):
        # In a terminal, the cursor may be behind the progress line.
        line_break = "\n" if os.isatty(_STDERR) else ""
        os.write(_STDERR, f"{line_break}{_MESSAGE}\n".encode())
