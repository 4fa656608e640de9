"""The whole stack learns a small pixel task from scratch, and only if its parts are right.

Each test below the first breaks one part, and shows that the task is not learned without it.
"""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from framering.config import TrainConfig
from framering.dqn.learner import Learner
from framering.replay.buffer import ReplayBuffer
from framering.training.evaluate import evaluate
from framering.training.loop import train
from framering.training.task import make_task_spec

LEFT, RIGHT, STAY, QUIT = range(4)


class PixelCorridor(gymnasium.Env[NDArray[np.uint8], int]):
    """Walk to the end of a corridor to which a running light points.

    The reward is +1 at that end and −1 at the other. Every part of the stack is needed:

    - which way the light runs shows only in the order of the frames;
    - the reward comes several steps after the first step towards it, so a target network that
      isn't updated leaves its state worthless;
    - quitting pays 0.25 at once, and its final frame looks like one of play: it is the better
      choice only to a learner that bootstraps from a state that it should have masked.
    """

    observation_space = Box(0, 255, (36, 36), np.uint8)
    action_space = Discrete(4)
    cells = 9

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        super().reset(seed=seed)
        self.position = int(self.np_random.integers(3, 6))
        self.light = int(self.np_random.integers(3))
        self.direction = int(self.np_random.choice([-1, 1]))
        return self._frame(), {}

    def step(self, action: int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        self.light = (self.light + self.direction) % 3
        self.position += {LEFT: -1, RIGHT: 1}.get(int(action), 0)
        if action == QUIT:
            return self._frame(), 0.25, True, False, {}
        arrived = self.position in (0, self.cells - 1)
        right_end = self.position == (self.cells - 1 if self.direction == 1 else 0)
        reward = (1.0 if right_end else -1.0) if arrived else 0.0
        return self._frame(), reward, arrived, False, {}

    def _frame(self) -> NDArray[np.uint8]:
        frame = np.zeros((36, 36), np.uint8)
        frame[:12, 12 * self.light : 12 * self.light + 12] = 255
        frame[16:, 4 * self.position : 4 * self.position + 4] = 255
        return frame


gymnasium.register("PixelCorridor-v0", PixelCorridor, max_episode_steps=20)

CONFIG = {
    "env_id": "PixelCorridor-v0",
    "total_timesteps": 6000,
    "learning_rate": 5e-4,
    "buffer_size": 4000,
    "gamma": 0.9,
    "target_network_frequency": 100,
    "end_e": 0.1,
    "exploration_fraction": 0.5,
    "learning_starts": 500,
    "train_frequency": 2,
    "device": "cpu",
}


def mean_return(seed: int) -> float:
    result = train(TrainConfig(seed=seed, **CONFIG))
    returns = evaluate(
        result.q_network,
        make_task_spec("PixelCorridor-v0"),
        episodes=30,
        epsilon=0,
        seed=100 + seed,
    )
    return float(np.mean(returns))


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """Run in an empty folder, on one thread: batches this small gain nothing from more."""
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_learns_the_task_from_scratch(seed):
    assert mean_return(seed) >= 0.95


def test_fails_with_a_target_network_that_is_never_updated(monkeypatch):
    monkeypatch.setattr(Learner, "update_target", lambda self, tau: None)

    assert mean_return(seed=1) < 0.8


def test_fails_without_the_done_mask(monkeypatch):
    def unmasked(self, batch_size, *, window=None, sample=ReplayBuffer.sample):
        batch = sample(self, batch_size, window=window)
        return batch._replace(dones=torch.zeros_like(batch.dones))

    monkeypatch.setattr(ReplayBuffer, "sample", unmasked)

    assert mean_return(seed=1) < 0.8


def test_fails_with_batches_whose_frames_are_in_another_order(monkeypatch):
    def reversed_frames(self, batch_size, *, window=None, sample=ReplayBuffer.sample):
        batch = sample(self, batch_size, window=window)
        return batch._replace(
            observations=batch.observations.flip(1),
            next_observations=batch.next_observations.flip(1),
        )

    monkeypatch.setattr(ReplayBuffer, "sample", reversed_frames)

    assert mean_return(seed=1) < 0.8
