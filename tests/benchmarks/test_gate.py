import pytest

import gate


def check(ratios, bound=2.0):
    """A check whose measurements give these ratios of one second each."""
    values = iter(ratios)

    def blocks():
        return {gate.OURS: lambda: next(values), gate.BARE: lambda: 1.0}

    return gate.Check("this / that", blocks, 1, 1.0, bound)


def run(ratios):
    lines = []
    # A round that is not counted comes before each measurement.
    passed = gate.passes(check([each for ratio in ratios for each in (0.0, ratio)]), lines.append)
    return passed, lines[0]


def test_a_ratio_within_its_bound_passes_at_once():
    assert run([1.5]) == (True, "this / that: 1.50 (usually 1.00, at most 2.00) ok")


def test_noise_is_measured_again_and_the_best_counts():
    passed, line = run([5.0, 9.0, 1.9])

    assert passed
    assert line.startswith("this / that: 1.90")


def test_a_ratio_above_its_bound_three_times_fails():
    assert run([5.0, 2.1, 3.0]) == (
        False,
        "this / that: 2.10 (usually 1.00, at most 2.00) TOO SLOW",
    )


@pytest.mark.parametrize("name", gate.CHECKS)
def test_a_bound_is_far_above_what_is_usual(name):
    assert gate.CHECKS[name].bound >= 1.5 * gate.CHECKS[name].usual
