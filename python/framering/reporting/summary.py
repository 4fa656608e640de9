"""What is said of returns: statistics of an evaluation, and how a run began and ended."""

import statistics
from collections.abc import Sequence

# The most episodes at the start and at the end of a run whose means are compared.
_COMPARED = 20


def summarize(returns: Sequence[float]) -> str:
    """Return mean, standard deviation, minimum and maximum of episodic returns, as text.

    Examples
    --------
    >>> summarize([1.0, 3.0])
    'mean 2.00, standard deviation 1.00, min 1, max 3, over 2 episodes'
    """
    return (
        f"mean {statistics.fmean(returns):.2f}, standard deviation "
        f"{statistics.pstdev(returns):.2f}, min {min(returns):g}, max {max(returns):g}, "
        f"over {len(returns)} episodes"
    )


def summarize_training(returns: Sequence[float]) -> str:
    """Return the number of a run's episodes and their mean return at its start and at its end.

    Examples
    --------
    >>> summarize_training([1.0] * 20 + [4.0] * 20)
    '40 episodes, mean return 1.00 in the first 20 and 4.00 in the last 20'
    >>> summarize_training([])
    'no episode ended'
    """
    compared = min(len(returns) // 2, _COMPARED)
    if not compared:
        return f"1 episode, return {returns[0]:.2f}" if returns else "no episode ended"
    first, last = statistics.fmean(returns[:compared]), statistics.fmean(returns[-compared:])
    return (
        f"{len(returns):,} episodes, mean return {first:.2f} in the first {compared} "
        f"and {last:.2f} in the last {compared}"
    )
