"""SB3's algorithms with our buffer, through everything they do with one."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, SAC
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecFrameStack,
    VecNormalize,
)

from framering.integrations.sb3 import ReplayBuffer

SETTINGS = {"learning_starts": 50, "buffer_size": 500, "device": "cpu", "seed": 1}


def cartpole(**options):
    options = {**SETTINGS, **options}
    return DQN("MlpPolicy", "CartPole-v1", replay_buffer_class=ReplayBuffer, **options)


class Moving(gym.Env):
    """An image on which a square moves; ends after 20 steps, by truncation every second time."""

    observation_space = spaces.Box(0, 255, (40, 40, 1), np.uint8)
    action_space = spaces.Discrete(3)

    def __init__(self):
        self.episodes = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.step_number = 0
        self.episodes += 1
        return self.frame(), {}

    def step(self, action):
        self.step_number += 1
        ends, odd = self.step_number == 20, self.episodes % 2 == 1
        return self.frame(), float(action == 1), ends and odd, ends and not odd, {}

    def frame(self):
        frame = np.zeros((40, 40, 1), np.uint8)
        frame[self.step_number : self.step_number + 8, 4:12] = 255
        return frame


def test_a_seeded_run_learns_the_same_as_with_sb3s_buffer():
    """Up to learning_starts nothing is drawn, so that both hold the same transitions."""
    ours = cartpole(learning_starts=10_000).learn(300).replay_buffer
    theirs = DQN("MlpPolicy", "CartPole-v1", **{**SETTINGS, "learning_starts": 10_000})
    theirs = theirs.learn(300).replay_buffer
    assert ours.size() == theirs.size() == 300
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


def test_a_saved_and_loaded_buffer_goes_on(tmp_path):
    model = cartpole().learn(200)
    before = model.replay_buffer.size()
    model.save_replay_buffer(tmp_path / "buffer.pkl")
    other = cartpole()
    other.load_replay_buffer(tmp_path / "buffer.pkl")
    assert isinstance(other.replay_buffer, ReplayBuffer)
    assert other.replay_buffer.size() == before
    other.learn(100)
    assert other.replay_buffer.size() == before + 100


def test_learning_goes_on_after_a_second_learn_with_memory_saving():
    options = {"optimize_memory_usage": True}
    model = cartpole(**options).learn(100)
    with pytest.warns(UserWarning, match="last trajectory in the replay buffer"):
        model.learn(100)
    batch = model.replay_buffer.sample(400)
    # No state ever jumps from one run's end to the other's start.
    moved = (batch.next_observations - batch.observations).abs().max(dim=1).values
    assert moved.max() < 2.5
    assert model.replay_buffer.size() == 200


def test_vec_normalize_is_applied():
    env = VecNormalize(DummyVecEnv([lambda: gym.make("CartPole-v1")]))
    model = DQN("MlpPolicy", env, replay_buffer_class=ReplayBuffer, **SETTINGS).learn(200)
    batch = model.replay_buffer.sample(64, env=env)
    raw = env.unnormalize_obs(batch.observations.numpy())
    assert batch.observations.dtype == batch.rewards.dtype == torch.float32
    assert np.abs(raw[:, 0]).max() <= 4.8
    assert batch.rewards.max() < 1


def test_stacked_images_are_stored_frame_by_frame():
    env = VecFrameStack(DummyVecEnv([Moving, Moving]), 4)
    model = DQN(
        "CnnPolicy",
        env,
        replay_buffer_class=ReplayBuffer,
        **{**SETTINGS, "batch_size": 4, "train_freq": 50},
    ).learn(400)
    buffer = model.replay_buffer
    assert buffer.ring.frame_bytes == 40 * 40
    # 200 steps in 10 episodes, each with a zero frame and a first frame of its own.
    assert buffer.ring.published().tolist() == [220, 220]
    batch = buffer.sample(256)
    assert batch.observations.shape == (256, 4, 40, 40)
    newest = batch.next_observations[:, 3].float().sum(dim=(1, 2))
    assert (newest > 0).all()
    assert 0 < batch.dones.sum() < 40


def test_n_step_samples_carry_their_discounts():
    model = cartpole(replay_buffer_kwargs={"n_step": 3, "gamma": 0.9}).learn(200)
    discounts = model.replay_buffer.sample(200).discounts
    assert set(discounts.flatten().tolist()) <= {np.float32(0.9**n) for n in (1, 2, 3)}


def test_continuous_actions_are_kept():
    model = SAC("MlpPolicy", "Pendulum-v1", replay_buffer_class=ReplayBuffer, **SETTINGS).learn(80)
    batch = model.replay_buffer.sample(32)
    assert batch.actions.dtype == torch.float32
    assert batch.actions.abs().max() <= 1
