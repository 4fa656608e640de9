"""Playing games with a trained network."""

import statistics
from collections.abc import Callable
from typing import Any, Protocol

from torch import nn

from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import greedy_actions
from framering.training.environments import TaskSpec, make_evaluation_environments


class Camera(Protocol):
    """Takes the pictures of a game: see ``GameRecorder`` and ``TerminalScreen``."""

    def capture(self, envs: Any, infos: dict[str, Any]) -> None:
        """Take the picture of the present step."""

    def close(self) -> None:
        """Finish; there will be no more."""


def evaluate(
    network: nn.Module,
    task: TaskSpec,
    *,
    episodes: int = 10,
    epsilon: float = 0.01,
    seed: int = 1,
    camera: Camera | None = None,
    finished: Callable[[int, float], None] = lambda episode, episodic_return: None,
) -> list[float]:
    """Play whole games, one after the other, with an epsilon-greedy policy.

    The environment is preprocessed as in training; the returns are unclipped.

    Parameters
    ----------
    network
        Maps observations to action values, on any device.
    task
        The environment; see ``framering.training.environments.make_task_spec``.
    episodes
        Games to play.
    epsilon
        Probability of a random action.
    seed
        Seeds the environment and the policy; global generators are left alone.
    camera
        Takes a picture of each step; it is closed at the end.
    finished
        Called with the number and the return of each finished game.

    Returns
    -------
    list of float
        One return a game.
    """
    envs = make_evaluation_environments(task, num_envs=1, render=camera is not None)
    policy = EpsilonGreedy(int(task.action_space.n), 1, seed)
    returns: list[float] = []
    observations, infos = envs.reset(seed=seed)
    try:
        while True:
            if camera is not None:
                camera.capture(envs, infos)
            if "_episode" in infos and infos["_episode"][0]:
                returns.append(float(infos["episode"]["r"][0]))
                finished(len(returns), returns[-1])
            if len(returns) == episodes:
                return returns
            actions = policy.actions(
                observations, epsilon, lambda batch: greedy_actions(network, batch)
            )
            observations, _, _, _, infos = envs.step(actions)
    finally:
        if camera is not None:
            camera.close()
        envs.close()


def summarize(returns: list[float]) -> str:
    """Put mean, standard deviation, minimum and maximum of some returns into a line.

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
