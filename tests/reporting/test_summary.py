import pytest

from framering.reporting.summary import summarize, summarize_training


@pytest.mark.parametrize(
    ("returns", "line"),
    [
        ([5.0], "mean 5.00, standard deviation 0.00, min 5, max 5, over 1 episodes"),
        ([1.0, 2.0, 6.0], "mean 3.00, standard deviation 2.16, min 1, max 6, over 3 episodes"),
    ],
)
def test_the_summary_has_the_statistics_of_the_returns(returns, line):
    assert summarize(returns) == line


@pytest.mark.parametrize(
    ("returns", "line"),
    [
        ([5.0], "1 episode, return 5.00"),
        ([1.0, 2.0, 6.0], "3 episodes, mean return 1.00 in the first 1 and 6.00 in the last 1"),
        (
            [float(number) for number in range(1001)],
            "1,001 episodes, mean return 9.50 in the first 20 and 990.50 in the last 20",
        ),
    ],
)
def test_the_summary_of_a_run_compares_its_first_and_last_episodes(returns, line):
    assert summarize_training(returns) == line
