"""Statistics of the returns of an evaluation."""

import statistics
from collections.abc import Sequence


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
