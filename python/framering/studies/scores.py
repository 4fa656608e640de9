"""Published scores, and the normalisation by a human's."""

import csv
import functools
from importlib.resources import files
from typing import NamedTuple


class Score(NamedTuple):
    """A published mean return.

    Attributes
    ----------
    game, agent
        Whose it is.
    steps
        Environment steps after which it was measured; 0 for the random policy and for the human.
    value
        The mean return.
    source
        Where it was published.
    """

    game: str
    agent: str
    steps: int
    value: float
    source: str


@functools.cache
def published_scores() -> tuple[Score, ...]:
    """Read the table of published scores, ``scores.csv``."""
    text = files("framering.studies").joinpath("scores.csv").read_text(encoding="utf-8")
    return tuple(
        Score(
            row["game"],
            row["agent"],
            int(row["steps"] or 0),
            float(row["score"]),
            row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


class TrainingReturns(NamedTuple):
    """Published mean returns of the games that ended in some steps of training.

    Attributes
    ----------
    game, agent
        Whose they are.
    step
        The last of the steps.
    mean, lowest, highest
        Of five runs.
    """

    game: str
    agent: str
    step: int
    mean: float
    lowest: float
    highest: float


@functools.cache
def published_training_returns() -> tuple[TrainingReturns, ...]:
    """Read the returns of Dopamine's DQN in its first eight iterations of 250,000 steps.

    ``training_returns.csv`` is computed from github.com/google/dopamine, baselines/atari/data,
    GAME_CNN.json, "DQN": Adam with the squared error, whole games with sticky actions.
    """
    text = files("framering.studies").joinpath("training_returns.csv").read_text(encoding="utf-8")
    return tuple(
        TrainingReturns(
            row["game"],
            row["agent"],
            int(row["step"]),
            *(float(row[name]) for name in ("mean", "lowest", "highest")),
        )
        for row in csv.DictReader(text.splitlines())
    )


def human_normalized(game: str, value: float) -> float:
    """Return (value − random) / (human − random) for a mean return.

    Raises
    ------
    KeyError
        If the scores of a human in this game aren't in the table.

    Examples
    --------
    >>> human_normalized("Breakout", 30.5)
    1.0
    """
    scores = {score.agent: score.value for score in published_scores() if score.game == game}
    return (value - scores["random"]) / (scores["human"] - scores["random"])
