"""Speeds of the collectors over the last seconds."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 20.0


class Rates:
    """Steps per second of each of some sources.

    Parameters
    ----------
    sources
        How many there are.
    clock
        Returns seconds.
    """

    def __init__(self, sources: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._arrivals: deque[tuple[float, int, int]] = deque()
        self._steps = [0] * sources

    def add(self, source: int, steps: int) -> None:
        """Add steps that have arrived now."""
        self._arrivals.append((self._clock(), source, steps))
        self._steps[source] += steps
        self._forget_old()

    def per_second(self) -> list[float]:
        """Return the speed of each source over the last seconds, or since the beginning."""
        self._forget_old()
        seconds = min(self._clock() - self._began, _WINDOW_SECONDS)
        return [steps / seconds if seconds else 0.0 for steps in self._steps]

    def _forget_old(self) -> None:
        first = self._clock() - _WINDOW_SECONDS
        while self._arrivals and self._arrivals[0][0] < first:
            _, source, steps = self._arrivals.popleft()
            self._steps[source] -= steps
