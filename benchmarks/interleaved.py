"""Measures contenders in turns, so that a machine that slows down slows all of them."""

import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing

from vector_contenders import Contender


class Rates:
    """Steps of single games per second of several contenders, for each round."""

    def __init__(self, rates: dict[str, list[float]]) -> None:
        self._rates = rates

    def median(self, who: str) -> float:
        return statistics.median(self._rates[who])

    def spread(self, who: str) -> tuple[float, float]:
        """Return the slowest and the fastest round."""
        return min(self._rates[who]), max(self._rates[who])

    def ratio(self, who: str, other: str) -> float:
        """Return the ratio to another contender's rate, the median over the rounds."""
        return statistics.median(
            one / another for one, another in zip(self._rates[who], self._rates[other], strict=True)
        )


def measure(contenders: Mapping[str, Contender], num_envs: int, steps: int, rounds: int) -> Rates:
    """Measure each contender once per round, alternating the order; close them at the end."""
    rates: dict[str, list[float]] = {who: [] for who in contenders}
    with ExitStack() as stack:
        for contender in contenders.values():
            stack.enter_context(closing(contender))
            contender(steps)
        order = list(contenders.items())
        for _ in range(rounds):
            for who, contender in order:
                begin = time.perf_counter()
                contender(steps)
                rates[who].append(steps * num_envs / (time.perf_counter() - begin))
            order.reverse()
    return Rates(rates)
