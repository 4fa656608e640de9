"""What a run and its collectors send each other."""

import dataclasses
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from framering.dqn.network import NetworkOptions

PROTOCOL = 1
"""The version of these messages. A chunk has a version of its own, which its reader checks."""

Weights = dict[str, NDArray[Any]]


class Versions(NamedTuple):
    """What a run and all of its collectors must have in common."""

    protocol: int
    framering: str
    torch: str


def versions() -> Versions:
    """Return the versions in this process."""
    return Versions(PROTOCOL, metadata.version("framering"), torch.__version__)


@dataclasses.dataclass(frozen=True)
class CollectorSettings:
    """Settings that all collectors of a run share.

    They are small, because Ray keeps only small arguments for the restart of an actor. So they name
    the game, and have no spaces.

    Attributes
    ----------
    env_id, screen_size, terminal_on_life_loss, repeat_action_probability
        The game: see `framering.training.task.task_of`.
    network
        What the network is made of.
    num_envs
        Games of each collector.
    steps
        Steps of each game in a chunk.
    seed
        The run's seed.
    """

    env_id: str
    screen_size: int
    terminal_on_life_loss: bool
    repeat_action_probability: float | None
    network: NetworkOptions
    num_envs: int
    steps: int
    seed: int


class Request(NamedTuple):
    """A request to play some steps of each game.

    Attributes
    ----------
    incarnation
        Number of the collector's life: it begins new episodes with each.
    sequence
        Number of the request within the incarnation; the first one is 0.
    version
        Number of the weights: the updates that they have had.
    epsilon
        The probability of a random action.
    """

    incarnation: int
    sequence: int
    version: int
    epsilon: float


class Chunks(NamedTuple):
    """What a collector has played for a request.

    Attributes
    ----------
    data
        The games' chunks, one behind the other, uint8: one array, which Ray doesn't copy.
    sizes
        The bytes of each game's chunk.
    episodes
        Unclipped return, and length in emulated frames, of each game that has ended.
    """

    data: NDArray[np.uint8]
    sizes: list[int]
    episodes: list[tuple[float, int]]


def seeds_of(seed: int, collector: int, incarnation: int, num_envs: int) -> tuple[int, list[int]]:
    """Return the seed of a collector's exploration, and those of its games.

    A game begins with its seed at the first request of an incarnation; from then on it follows from
    its actions alone: each episode begins by a reset without a seed.

    Parameters
    ----------
    seed
        The run's seed.
    collector, incarnation
        Numbers of the collector and of its life.
    num_envs
        Its games.

    Examples
    --------
    >>> exploration, games = seeds_of(1, collector=0, incarnation=0, num_envs=2)
    >>> games == seeds_of(1, collector=0, incarnation=0, num_envs=3)[1][:2]
    True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(collector, incarnation))
    # torch takes 63 bits.
    drawn = [int(word) >> 1 for word in sequence.generate_state(num_envs + 1, np.uint64)]
    return drawn[0], drawn[1:]
