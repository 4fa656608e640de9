"""The report of a study: a table beside published scores, and curves with intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framering.errors import ConfigError
from framering.studies.scores import (
    human_normalized,
    published_scores,
    published_training_returns,
)
from framering.studies.table import TRAINING_STEPS, MeanReturn

# Resamplings of the seeds for an interval, of which it holds 95 %.
_RESAMPLINGS = 10_000
_COLUMNS = 3


class Estimate(NamedTuple):
    """A mean or an interquartile mean over seeds, and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def final_returns(evaluations: Sequence[MeanReturn]) -> dict[str, list[float]]:
    """Return the last evaluation of each seed, by game."""
    last = {(one.game, one.seed): one for one in sorted(evaluations, key=lambda one: one.step)}
    games: dict[str, list[float]] = {}
    for one in last.values():
        games.setdefault(one.game, []).append(one.mean_return)
    return games


def mean_estimate(returns: Sequence[float]) -> Estimate:
    """Return the mean over seeds, with a bootstrap interval (of one seed: of no width)."""
    values = np.asarray(returns, np.float64)
    drawn = np.random.default_rng(0).choice(values, (_RESAMPLINGS, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(float(values.mean()), float(low), float(high))


def interquartile_mean(returns: dict[str, list[float]]) -> Estimate:
    """Return the interquartile mean of human-normalised scores over runs of all games.

    Its interval is rliable's: a bootstrap that is stratified by game (Agarwal et al. 2021).

    Parameters
    ----------
    returns
        The last mean return of each run, by game. Where games have unequal numbers of runs, the
        first of each are taken.

    Raises
    ------
    ConfigError
        If rliable isn't installed.
    """
    try:
        from rliable import library, metrics
    except ImportError as error:
        raise ConfigError(
            "study: expected the package rliable for its intervals, got none; install it: "
            "pip install 'framering[study]'"
        ) from error
    runs = min(len(values) for values in returns.values())
    scores = np.array(
        [
            [human_normalized(game, value) for value in values[:runs]]
            for game, values in returns.items()
        ]
    ).T
    points, intervals = library.get_interval_estimates(
        {"study": scores},
        lambda x: np.array([metrics.aggregate_iqm(x)]),
        reps=_RESAMPLINGS,
        random_state=np.random.RandomState(0),
    )
    low, high = intervals["study"].ravel()
    return Estimate(float(points["study"][0]), float(low), float(high))


def write_report(
    path: Path,
    title: str,
    evaluations: Sequence[MeanReturn],
    training_returns: Sequence[MeanReturn] = (),
) -> str:
    """Write the last evaluations and the returns of training, beside published ones, as markdown.

    Returns
    -------
    str
        What is written.
    """
    returns = final_returns(evaluations)
    steps = max(one.step for one in evaluations)
    published = [score for score in published_scores() if score.game in returns]
    agents = sorted({one.agent for one in published if one.steps in (0, steps)}, key=_agent_order)
    lines = [
        f"# {title}",
        "",
        f"Mean return after {steps:,} steps, over seeds, with a 95 % bootstrap interval; beside it "
        "published means.",
        "",
        "| game | seeds | " + " | ".join([title, *agents]) + " |",
        "|---|---:|" + "---:|" * (len(agents) + 1),
    ]
    scores = {(one.game, one.agent): one.value for one in published}
    for game, values in returns.items():
        cells = [f"{scores[game, agent]:g}" if (game, agent) in scores else "" for agent in agents]
        lines.append(
            f"| {game} | {len(values)} | {' | '.join([str(mean_estimate(values)), *cells])} |"
        )
    known = {game: values for game, values in returns.items() if (game, "human") in scores}
    if known:
        lines += ["", _aggregate(known, scores, agents), ""]
        lines += sorted(
            {f"- {one.agent}: {one.source}" for one in published if one.agent in agents}
        )
    if training_returns:
        lines += ["", *_training_table(title, training_returns)]
    text = "\n".join([*lines, ""])
    path.write_text(text, encoding="utf-8")
    return text


def _training_table(title: str, returns: Sequence[MeanReturn]) -> list[str]:
    """Return the lines of a table of the returns of training, beside Dopamine's."""
    published = {
        (one.game, one.step): Estimate(one.mean, one.lowest, one.highest)
        for one in published_training_returns()
    }
    lines = [
        f"Mean return of the games that ended in each {TRAINING_STEPS:,} steps of training, over "
        "seeds, with a 95 % bootstrap interval; beside it Dopamine's DQN (whole games with sticky "
        "actions), the mean of five runs, with the lowest and the highest "
        "(github.com/google/dopamine, baselines/atari/data).",
        "",
        f"| game | to step | seeds | {title} | Dopamine's DQN |",
        "|---|---:|---:|---:|---:|",
    ]
    for game, step in dict.fromkeys((one.game, one.step) for one in returns):
        values = [one.mean_return for one in returns if (one.game, one.step) == (game, step)]
        beside = published.get((game, step), "")
        lines.append(f"| {game} | {step:,} | {len(values)} | {mean_estimate(values)} | {beside} |")
    return lines


def draw_curves(path: Path, title: str, evaluations: Sequence[MeanReturn]) -> None:
    """Draw the mean over seeds of each game's evaluations, with 95 % intervals."""
    from matplotlib.figure import Figure

    games = sorted({one.game for one in evaluations})
    rows = -(-len(games) // _COLUMNS)
    columns = min(len(games), _COLUMNS)
    figure = Figure(figsize=(4 * columns, 3 * rows), layout="constrained")
    for index, game in enumerate(games):
        axes = figure.add_subplot(rows, columns, index + 1)
        steps, estimates = _curve([one for one in evaluations if one.game == game])
        axes.plot(steps, [one.value for one in estimates], marker=".")
        axes.fill_between(
            steps, [one.low for one in estimates], [one.high for one in estimates], alpha=0.25
        )
        _draw_references(axes, game)
        axes.set_title(game)
        axes.set_xlabel("environment steps")
        axes.grid(alpha=0.3)
    figure.suptitle(f"{title}: mean return over seeds, 95 % interval")
    figure.savefig(path, dpi=120)


def _curve(evaluations: Sequence[MeanReturn]) -> tuple[NDArray[np.int64], list[Estimate]]:
    steps = np.array(sorted({one.step for one in evaluations}), np.int64)
    by_step = [[one.mean_return for one in evaluations if one.step == step] for step in steps]
    return steps, [mean_estimate(values) for values in by_step]


def _draw_references(axes: Any, game: str) -> None:
    """Draw the published scores of a game as lines across."""
    for index, score in enumerate(one for one in published_scores() if one.game == game):
        if score.agent != "human":
            label = score.agent if score.steps == 0 else f"{score.agent}, {score.steps:,} steps"
            axes.axhline(score.value, linestyle=":", color=f"C{index + 1}", label=label)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize="x-small")


def _aggregate(
    returns: dict[str, list[float]], scores: dict[tuple[str, str], float], agents: Sequence[str]
) -> str:
    """Return a line about the interquartile means of all runs, and of published means."""
    line = (
        f"Interquartile mean of human-normalised scores over {len(returns)} games: "
        f"{interquartile_mean(returns)}"
    )
    for agent in agents:
        if agent in ("random", "human") or not all((game, agent) in scores for game in returns):
            continue
        means = {game: [scores[game, agent]] for game in returns}
        line += f"; of the published means of {agent}: {interquartile_mean(means).value:.4g}"
    return line + "."


def _agent_order(agent: str) -> tuple[bool, str]:
    return agent not in ("random", "human"), agent
