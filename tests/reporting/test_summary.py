import pytest

from framering.reporting.summary import summarize


@pytest.mark.parametrize(
    ("returns", "line"),
    [
        ([5.0], "mean 5.00, standard deviation 0.00, min 5, max 5, over 1 episodes"),
        ([1.0, 2.0, 6.0], "mean 3.00, standard deviation 2.16, min 1, max 6, over 3 episodes"),
    ],
)
def test_the_summary_has_the_statistics_of_the_returns(returns, line):
    assert summarize(returns) == line
