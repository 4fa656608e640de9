import pytest

from framering.profiling.in_turns import Times, in_turns


def test_each_block_runs_once_a_round_in_alternating_order():
    order = []

    def block(name, times):
        def run():
            order.append(name)
            return next(times)

        return run

    times = in_turns(
        {"one": block("one", iter([9.0, 2.0, 4.0])), "two": block("two", iter([9.0, 1.0, 1.0]))}, 2
    )

    assert order == ["one", "two", "two", "one", "one", "two"]
    assert times.of("one") == (3.0, 2.0, 4.0)
    assert times.ratio("one", "two") == (3.0, 2.0, 4.0)


def test_a_difference_is_that_of_each_round_and_not_below_zero():
    times = Times({"all": [5.0, 7.0], "part": [2.0, 9.0]}).with_difference("rest", "all", "part")

    assert times.of("rest") == pytest.approx((1.5, 0.0, 3.0))
