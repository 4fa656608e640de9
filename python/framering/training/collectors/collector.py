"""A collector: games that one process plays with the weights of a run."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.layers import draw_noise, noise_of
from framering.dqn.learner import greedy_actions
from framering.dqn.network import make_network
from framering.replay.buffer import ReplayBuffer
from framering.reporting.episodes import finished_episodes
from framering.training.collectors.messages import (
    Chunks,
    CollectorSettings,
    Request,
    Versions,
    Weights,
    seeds_of,
    versions,
)
from framering.training.environments import make_atari_environments
from framering.training.task import task_of


class Collector:
    """Plays games ε-greedily, and returns what was played as chunks of the frame ring.

    It is made for a process of its own, which it gives one torch thread.

    Parameters
    ----------
    settings
        Those of the run.
    index
        The collector's number.
    """

    def __init__(self, settings: CollectorSettings, index: int) -> None:
        torch.set_num_threads(1)
        self._task = task = task_of(settings)
        self._settings = settings
        self._index = index
        # An episode takes a slot more than it has steps, and one of a single step takes two.
        self._ring_steps = 2 * settings.steps
        self._replay = ReplayBuffer(
            self._ring_steps * settings.num_envs,
            task.observation_space,
            task.action_space,
            device="numpy",
            n_envs=settings.num_envs,
        )
        self._envs = make_atari_environments(
            task, settings.num_envs, num_workers=0, replay=self._replay, copy=False
        )
        network = make_network(task.observation_space.shape, task.num_actions, settings.network)
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._noise = noise_of(self._network)
        self._observations: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._version: int | None = None
        self._incarnation: int | None = None
        self._next_sequence = 0

    def versions(self) -> Versions:
        """Return the versions in this process."""
        return versions()

    def collect(self, weights: Weights, request: Request) -> Chunks | None:
        """Play a request's steps with weights.

        Returns
        -------
        Chunks or None
            None if this process doesn't know what was played before the request: it has replaced
            one that died.
        """
        first = self._replay.ring.published()
        if request.sequence == 0:
            self._begin(request.incarnation)
        elif (request.incarnation, request.sequence) != (self._incarnation, self._next_sequence):
            return None
        self._next_sequence = request.sequence + 1
        if request.version != self._version:
            # A copy, because Ray's arrays are read-only, of which torch warns.
            state = {name: torch.tensor(array) for name, array in weights.items()}
            self._network.load_state_dict(state)
            self._version = request.version
        episodes = self._play(request.epsilon)
        return self._chunks(first, episodes)

    def _begin(self, incarnation: int) -> None:
        """Begin new episodes."""
        exploration, games = seeds_of(
            self._settings.seed, self._index, incarnation, self._settings.num_envs
        )
        self._observations, _ = self._envs.reset(seed=games)
        self._exploration = EpsilonGreedy(
            self._task.num_actions, self._settings.num_envs, exploration
        )
        self._generator = torch.Generator().manual_seed(exploration)
        self._incarnation = incarnation

    def _play(self, epsilon: float) -> list[tuple[float, int]]:
        """Take the steps of a chunk; return the games that have ended."""
        episodes: list[tuple[float, int]] = []
        for _ in range(self._settings.steps):
            actions = self._exploration.actions(self._observations, epsilon, self._greedy_actions)
            self._observations, _, _, _, infos = self._envs.step(actions)
            episodes += [(one.episodic_return, one.length) for one in finished_episodes(0, infos)]
        return episodes

    def _greedy_actions(self, observations: NDArray[Any]) -> NDArray[np.int64]:
        draw_noise(self._noise, self._generator)
        return greedy_actions(self._network, observations)

    def _chunks(self, first: NDArray[np.uint64], episodes: list[tuple[float, int]]) -> Chunks:
        ring = self._replay.ring
        written = ring.published() - first
        chunks = [
            ring.read_chunk(lane, int(first[lane]), int(written[lane]))
            for lane in range(ring.lanes)
        ]
        data = np.frombuffer(b"".join(chunks), np.uint8)
        return Chunks(data, [len(chunk) for chunk in chunks], episodes)
