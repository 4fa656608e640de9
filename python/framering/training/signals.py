"""Ending a run cleanly at Ctrl-C."""

import signal
import threading
from types import FrameType


class StopSignals:
    """While entered, turns the first SIGINT or SIGTERM into a request that the loop can honour.

    A second signal has its usual effect, for those who can't wait. Outside the main thread, where
    Python allows no signal handlers, it does nothing.

    Examples
    --------
    >>> with StopSignals() as stop:
    ...     stop.requested
    False
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._usual: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in self._SIGNALS:
                self._usual[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._usual.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._usual.clear()
