"""Times of calls, measured in turns, so that a machine that slows down slows all of them."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

Block = Callable[[], float]
"""Makes some calls; returns their median in microseconds."""


class Spread(NamedTuple):
    """The median over the rounds, the lowest and the highest."""

    median: float
    low: float
    high: float


class Times:
    """Microseconds of each round, by name."""

    def __init__(self, times: Mapping[str, list[float]]) -> None:
        self._times = times

    @property
    def names(self) -> list[str]:
        """The names of what was measured."""
        return list(self._times)

    def of(self, name: str) -> Spread:
        """Return the median, the lowest and the highest time."""
        return spread(self._times[name])

    def with_difference(self, name: str, one: str, other: str) -> "Times":
        """Return these times with those of one less those of another, of each round; at least 0."""
        pairs = zip(self._times[one], self._times[other], strict=True)
        return Times({**self._times, name: [max(a - b, 0.0) for a, b in pairs]})

    def ratio(self, name: str, other: str) -> Spread:
        """Return how many times as long as the other it took, by the ratio of each round."""
        pairs = zip(self._times[name], self._times[other], strict=True)
        return spread([one / another for one, another in pairs])


def spread(values: list[float]) -> Spread:
    """Return the median, the lowest and the highest value."""
    return Spread(statistics.median(values), min(values), max(values))


def in_turns(blocks: Mapping[str, Block], rounds: int) -> Times:
    """Run each block once per round, alternating the order, after one round that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in blocks}
    order = list(blocks.items())
    for turn in range(rounds + 1):
        for name, block in order:
            microseconds = block()
            if turn:
                times[name].append(microseconds)
        order.reverse()
    return Times(times)


def repeated(call: Callable[[], object], calls: int) -> Block:
    """Return a block that makes the same call again and again."""
    return lambda: median_time(call, itertools.repeat((), calls))


def median_time(call: Callable[..., object], arguments: Iterable[tuple[Any, ...]]) -> float:
    """Return the median of a call's microseconds over all these arguments."""
    times = []
    for each in arguments:
        begin = time.perf_counter()
        call(*each)
        times.append(time.perf_counter() - begin)
    return 1e6 * statistics.median(times)
