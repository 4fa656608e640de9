import ale_py  # noqa: F401  # registers its games
import gymnasium
import numpy as np
import pytest

from framering.studies import report
from framering.studies.report import (
    draw_curves,
    final_returns,
    interquartile_mean,
    mean_estimate,
    write_report,
)
from framering.studies.scores import (
    human_normalized,
    published_scores,
    published_training_returns,
)
from framering.studies.table import MeanReturn

RETURNS = {"Breakout": [20.0, 25.0, 15.0], "Pong": [-9.0, 3.0, -20.0], "Boxing": [9.0, 5.0, 12.0]}


def evaluations():
    return [
        MeanReturn(game, seed + 1, step, value * step / 100_000)
        for game, values in RETURNS.items()
        for seed, value in enumerate(values)
        for step in (50_000, 100_000)
    ]


def test_the_last_evaluation_of_each_seed_counts():
    shuffled = evaluations()[::-1]

    assert {game: sorted(values) for game, values in final_returns(shuffled).items()} == {
        game: sorted(values) for game, values in RETURNS.items()
    }


def test_the_interval_of_a_mean_is_that_of_a_bootstrap():
    values = list(np.random.default_rng(1).normal(10, 2, 40))

    estimate = mean_estimate(values)

    error = np.std(values) / np.sqrt(len(values))
    assert estimate.value == pytest.approx(np.mean(values))
    assert estimate.low == pytest.approx(np.mean(values) - 1.96 * error, abs=0.15 * error)
    assert estimate.high == pytest.approx(np.mean(values) + 1.96 * error, abs=0.15 * error)


@pytest.mark.filterwarnings("ignore")  # rliable's dependencies have their own
def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end():
    pytest.importorskip("rliable")
    returns = {"Breakout": [1.7, 30.5, 59.3, 1000.0]}  # normalised: 0, 1, 2 and many

    estimate = interquartile_mean(returns)

    assert estimate.value == pytest.approx(1.5)
    assert estimate.low < 1.5 < estimate.high


def test_a_missing_rliable_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rliable", None)

    with pytest.raises(report.ConfigError, match=r"pip install 'framering\[study\]'"):
        interquartile_mean(RETURNS)


@pytest.mark.filterwarnings("ignore")
def test_the_report_has_a_row_for_each_game_beside_published_scores(tmp_path):
    pytest.importorskip("rliable")

    text = write_report(tmp_path / "report.md", "drq-eps", evaluations())
    draw_curves(tmp_path / "curves.png", "drq-eps", evaluations())

    row = next(line for line in text.splitlines() if line.startswith("| Breakout"))
    assert row.startswith("| Breakout | 3 | 20 (")
    assert "| 19.8 |" in row
    assert "Interquartile mean of human-normalised scores over 3 games" in text
    assert "arXiv 2108.13264" in text
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_scores_are_normalised_between_random_play_and_a_human():
    assert human_normalized("Pong", -20.7) == 0
    assert human_normalized("Pong", 14.6) == 1


def test_every_published_game_has_a_random_and_a_human_score():
    agents = {}
    for score in published_scores():
        agents.setdefault(score.game, set()).add(score.agent)

    assert len(agents) == 26
    der = {"DER (Agarwal et al.)", "DER (van Hasselt et al.)"}
    expected = {"random", "human", "DrQ(ε)", *der}
    # Copies of van Hasselt et al.'s table differ in this game.
    assert agents.pop("Frostbite") == expected - {"DER (van Hasselt et al.)"}
    assert all(expected == found for found in agents.values())


@pytest.mark.filterwarnings("ignore")  # rliable's dependencies have their own
def test_returns_of_training_stand_beside_dopamines(tmp_path):
    pytest.importorskip("rliable")
    training = [MeanReturn("Pong", seed, 500_000, -18.0 - seed) for seed in (0, 1, 2)]
    training += [MeanReturn("Pong", 0, 250_000, -20.0), MeanReturn("Adventure", 1, 250_000, 0.0)]

    text = write_report(tmp_path / "report.md", "dopamine", evaluations(), training)

    assert "| Pong | 500,000 | 3 | -19 (-20 to -18) | -18.36 (-19.02 to -17.07) |" in text
    assert "| Pong | 250,000 | 1 | -20 (-20 to -20) | -20.19 (-20.27 to -20.08) |" in text
    assert "| Adventure | 250,000 | 1 | 0 (0 to 0) |  |" in text


def test_published_returns_of_training_are_those_of_sixty_games():
    returns = published_training_returns()

    assert len({one.game for one in returns}) == 60
    assert len(returns) == 60 * 8
    assert all(one.lowest <= one.mean <= one.highest for one in returns)
    assert {one.step for one in returns} == {250_000 * (index + 1) for index in range(8)}
    assert {f"{one.game}NoFrameskip-v4" for one in returns} <= set(gymnasium.registry)
