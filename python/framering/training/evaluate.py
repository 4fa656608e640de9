"""Evaluation of a network by whole games."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from framering.config import TrainConfig
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import greedy_actions, predicted_distribution
from framering.dqn.network import ValueNetwork
from framering.reporting.distributions import DistributionView
from framering.reporting.run_logger import RunLogger
from framering.reporting.video import GameRecorder
from framering.training.environments import make_evaluation_environments
from framering.training.task import TaskSpec

# The network acts for several games at once in less time than for one after the other.
_MOST_ENVS = 10


class Viewer(Protocol):
    """Shows or records the pictures of a game, as ``GameRecorder`` and ``TerminalScreen`` do."""

    def capture(self, envs: Any, infos: dict[str, Any]) -> None:
        """Render the present step."""

    def close(self) -> None:
        """Finish after the last step."""


def evaluate(
    network: nn.Module,
    task: TaskSpec,
    *,
    episodes: int = 10,
    epsilon: float = 0.01,
    seed: int = 1,
    viewer: Viewer | None = None,
    on_episode: Callable[[int, float], None] = lambda episode, episodic_return: None,
) -> list[float]:
    """Play whole games with an epsilon-greedy policy: ten at a time, or one for a viewer.

    The environment is preprocessed as in training; the returns are unclipped. Those that play at a
    time play equally many games, so that short games don't count more than long ones.

    Parameters
    ----------
    network
        Maps observations to action values, on any device.
    task
        The environment; see ``framering.training.task.make_task_spec``.
    episodes
        Games to play.
    epsilon
        Probability of a random action.
    seed
        Seeds the environment and the policy; global generators are left alone.
    viewer
        Renders each step, and the distributions of the actions' returns where the network predicts
        any; it is closed at the end.
    on_episode
        Called with the number and the return of each finished game.

    Returns
    -------
    list of float
        The return of each game, in the order in which they ended.
    """
    num_envs = 1 if viewer is not None else min(episodes, _MOST_ENVS)
    envs = make_evaluation_environments(task, num_envs=num_envs, render=viewer is not None)
    policy = EpsilonGreedy(task.num_actions, num_envs, seed)
    # The games that each environment has still to play.
    left = [episodes // num_envs + (index < episodes % num_envs) for index in range(num_envs)]
    returns: list[float] = []
    observations, infos = envs.reset(seed=seed)
    pictures = _Pictures(envs, network)
    was_training = network.training
    network.eval()
    try:
        while True:
            if viewer is not None:
                pictures.observations = observations
                viewer.capture(pictures, infos)
            for index in np.flatnonzero(infos.get("_episode", ())):
                if left[index]:
                    left[index] -= 1
                    returns.append(float(infos["episode"]["r"][index]))
                    on_episode(len(returns), returns[-1])
            if len(returns) == episodes:
                return returns
            actions = policy.actions(
                observations, epsilon, lambda batch: greedy_actions(network, batch)
            )
            observations, _, _, _, infos = envs.step(actions)
    finally:
        network.train(was_training)
        if viewer is not None:
            viewer.close()
        envs.close()


def evaluate_run(
    config: TrainConfig,
    task: TaskSpec,
    network: ValueNetwork,
    run: RunLogger,
    videos: Path | None = None,
) -> list[float]:
    """Play a run's evaluation games; record the first ones where a folder for videos is given.

    The random numbers of training are left alone. A video that cannot be written is a warning.
    """
    recorded = min(config.eval_videos, config.eval_episodes) if videos is not None else 0
    returns: list[float] = []
    with run.activity("evaluating", config.eval_episodes) as show_done:
        finished = itertools.count(1)
        play = partial(
            evaluate,
            network,
            task,
            epsilon=evaluation_epsilon(config),
            on_episode=lambda *_: show_done(next(finished)),
        )
        if videos is not None and recorded:
            recorder = GameRecorder(videos, range(recorded).__contains__, warn=run.log_message)
            returns += play(episodes=recorded, seed=config.seed, viewer=recorder)
        if recorded < config.eval_episodes:
            # The first environment has another seed than the games above.
            seed = config.seed + bool(recorded)
            returns += play(episodes=config.eval_episodes - recorded, seed=seed, viewer=None)
    return returns


def evaluation_epsilon(config: TrainConfig) -> float:
    """Return the probability of a random action in a run's evaluations."""
    return config.end_e if config.eval_epsilon is None else config.eval_epsilon


class _Pictures:
    """Pictures of a game, beside the distributions that a network predicts where it has any.

    These are computed where a picture is drawn, because a recorder draws a few games of many.
    """

    observations: NDArray[Any]

    def __init__(self, envs: Any, network: nn.Module) -> None:
        self._envs, self._network = envs, network
        self._view = DistributionView(envs)

    def render(self) -> Any:
        """Return the first environment's picture, in a tuple."""
        distribution = predicted_distribution(self._network, self.observations)
        if distribution is None:
            return self._envs.render()
        self._view.show(*distribution)
        return self._view.render()
