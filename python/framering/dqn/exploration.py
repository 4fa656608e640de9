"""Epsilon-greedy exploration."""

import random
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import ArrayLike, NDArray


def linear_schedule(start: float, end: float, duration: float, step: int) -> float:
    """Return epsilon at a step: linear from start to end over duration steps, then end.

    Examples
    --------
    >>> linear_schedule(1.0, 0.0, duration=100, step=25)
    0.75
    """
    return max(start + (end - start) / duration * step, end)


def least_epsilons(kind: Literal["schedule", "apex"], actors: int) -> NDArray[np.float64]:
    """Return what the epsilon of each of some actors doesn't fall below, (actors,).

    ``schedule`` has no limit. ``apex`` has 0.4^(1 + 7 i / (actors − 1)) for the actor i, as Horgan
    et al. (2018).

    Examples
    --------
    >>> least_epsilons("apex", 3).round(4).tolist()
    [0.4, 0.0162, 0.0007]
    """
    if kind == "schedule":
        return np.zeros(actors)
    return 0.4 ** (1 + 7 * np.arange(actors) / max(actors - 1, 1))


class EpsilonGreedy:
    """Choose a random action with probability epsilon, else the greedy one, for each environment.

    With one environment, it draws the random numbers of CleanRL's loop for the same seed: one
    uniform number a step from Python's generator, and random actions from a seeded action space.

    Parameters
    ----------
    num_actions, num_envs
        The number of actions, and of environments that act at once.
    seed
        Seeds both generators, which are this object's own.
    """

    def __init__(self, num_actions: int, num_envs: int, seed: int) -> None:
        self.num_envs = num_envs
        self.rng = random.Random(seed)
        self.random_actions = Discrete(num_actions, seed=seed)

    def actions(
        self,
        observations: NDArray[Any],
        epsilon: ArrayLike,
        greedy: Callable[[NDArray[Any]], NDArray[np.int64]],
    ) -> NDArray[np.int64]:
        """Choose actions (num_envs,) for observations (num_envs, …).

        ``epsilon`` is one for all environments, or one of each (num_envs,). ``greedy`` is only
        called where at least one environment doesn't explore.
        """
        epsilons = np.broadcast_to(epsilon, self.num_envs).tolist()
        explore = [self.rng.random() < one for one in epsilons]
        if all(explore):
            return np.array([self.random_actions.sample() for _ in explore], dtype=np.int64)
        actions = greedy(observations)
        for index, exploring in enumerate(explore):
            if exploring:
                actions[index] = self.random_actions.sample()
        return actions

    def state_dict(self) -> dict[str, Any]:
        """Return the states of both generators."""
        return {
            "rng": self.rng.getstate(),
            "random_actions": self.random_actions.np_random.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Set the states of both generators, as `state_dict` returned them.

        Raises
        ------
        ValueError
            If they are no states of such generators. Nothing has changed then.
        """
        try:
            rng = random.Random()
            version, words, gauss = state["rng"]
            rng.setstate((version, tuple(words), gauss))
            random_actions = Discrete(int(self.random_actions.n), seed=0)
            random_actions.np_random.bit_generator.state = state["random_actions"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"state: expected the states of two generators, got others ({error!r})"
            ) from error
        self.rng, self.random_actions = rng, random_actions
