from contextlib import closing
from typing import Any

import cv2
import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.training.components import make_replay
from framering.training.environments import (
    make_evaluation_environments,
    make_training_environments,
)
from framering.training.task import make_task_spec
from framering.vector.env import AtariVectorEnv


class Pictures(gymnasium.Env[Any, Any]):
    """Shows the seeds of its pictures one after the other; ends after three steps."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    action_space = Discrete(2)

    def __init__(self, shape=(100, 120, 3), truncates=False, render_mode=None):
        self.observation_space = Box(0, 255, shape, np.uint8)
        self.truncates = truncates
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        self.first = int(self.np_random.integers(1000))
        return self.picture(self.first), {}

    def step(self, action):
        self.age += 1
        over = self.age == 3
        shown = self.picture(self.first + self.age)
        return shown, 1.0, over and not self.truncates, over and self.truncates, {}

    def picture(self, number):
        generator = np.random.default_rng(number)
        return generator.integers(0, 256, self.observation_space.shape, np.uint8)

    def render(self):
        return self.picture(0)


class Constant(Pictures):
    """Shows the same observation at every step, and pays 1; it ends at the time limit alone."""

    def step(self, action):
        return self.picture(0), 1.0, False, False, {}

    def picture(self, number):
        return np.zeros(self.observation_space.shape, np.uint8)


gymnasium.register("Pictures-v0", Pictures)
gymnasium.register("Truncated-v0", Pictures, kwargs={"truncates": True})
gymnasium.register("Constant-v0", Constant, max_episode_steps=3)


def replay_for(task, num_envs=1):
    config = TrainConfig(buffer_size=100, num_envs=num_envs, num_workers=0, device="cpu")
    return make_replay(config, task)


@pytest.mark.parametrize("side", [84, 50])
def test_color_pictures_become_gray_small_and_stacked(side):
    envs = make_evaluation_environments(make_task_spec("Pictures-v0", side), num_envs=1)
    observations, _ = envs.reset(seed=3)
    later, *_ = envs.step(np.array([0]))
    envs.close()

    plain = Pictures()
    first, _ = plain.reset(seed=3)
    second, *_ = plain.step(0)
    expected = [
        cv2.resize(gray, (side, side), interpolation=cv2.INTER_AREA)
        for gray in (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second))
    ]
    np.testing.assert_array_equal(observations[0], [expected[0]] * 4)
    np.testing.assert_array_equal(later[0], [expected[0]] * 3 + [expected[1]])


@pytest.mark.parametrize("side", [84, 42])
def test_atari_frames_have_the_size_that_was_asked_for(side):
    task = make_task_spec("PongNoFrameskip-v4", side)
    replay = replay_for(task)
    training = make_training_environments(TrainConfig(), task, replay)
    games = [
        AtariVectorEnv(task.env_id, 1, num_workers=0, order="cleanrl", screen_size=side),
        make_evaluation_environments(task, num_envs=1),
        training,
    ]
    expected, *seen = (envs.reset(seed=1)[0] for envs in games)
    training.step(np.array([0]))
    for envs in games:
        envs.close()

    assert expected.shape == (1, 4, side, side)
    np.testing.assert_array_equal(seen, [expected, expected])
    np.testing.assert_array_equal(replay.sample(1).observations, expected)


def test_finished_games_are_reported_where_they_ended():
    envs = make_evaluation_environments(make_task_spec("Pictures-v0"), num_envs=2)
    envs.reset(seed=1)
    reports = [envs.step(np.array([0, 1]))[4] for _ in range(3)]
    envs.close()

    assert ["episode" in infos for infos in reports] == [False, False, True]
    assert reports[2]["_episode"].tolist() == [True, True]
    assert reports[2]["episode"]["r"].tolist() == [3.0, 3.0]
    assert reports[2]["episode"]["l"].tolist() == [3, 3]


@pytest.mark.parametrize(("env_id", "done"), [("Pictures-v0", 1.0), ("Truncated-v0", 0.0)])
def test_the_step_that_ends_an_episode_is_stored_with_its_final_observation(env_id, done):
    task = make_task_spec(env_id)
    replay = replay_for(task)
    envs = make_training_environments(TrainConfig(), task, replay)
    observations, _ = envs.reset(seed=5)
    for _ in range(3):
        observations, *_ = envs.step(np.array([1]))
    envs.close()

    single = make_evaluation_environments(task, num_envs=1)
    single.reset(seed=5)
    for _ in range(3):
        *_, infos = single.step(np.array([1]))
    single.close()
    final = infos["final_obs"][0]
    batch = replay.sample(200)
    last = [
        index
        for index, stack in enumerate(batch.next_observations.numpy())
        if np.array_equal(stack, final)
    ]
    assert last
    assert {batch.dones[index].item() for index in last} == {done}
    assert not any(
        np.array_equal(stack, observations[0]) for stack in batch.next_observations.numpy()
    )


def test_every_environment_of_a_vector_is_stored():
    task = make_task_spec("CartPole-v1")
    replay = replay_for(task, num_envs=3)
    envs = make_training_environments(TrainConfig(num_envs=3), task, replay)
    before, _ = envs.reset(seed=1)
    after, *_ = envs.step(np.array([0, 1, 0]))
    envs.close()

    batch = replay.sample(100)
    pairs = {
        (tuple(first), tuple(second), int(action))
        for first, second, action in zip(
            batch.observations.numpy().tolist(),
            batch.next_observations.numpy().tolist(),
            batch.actions,
            strict=True,
        )
    }
    expected = {
        (tuple(first), tuple(second), action)
        for first, second, action in zip(before.tolist(), after.tolist(), [0, 1, 0], strict=True)
    }
    assert pairs == expected


@pytest.mark.parametrize("num_envs", [1, 2])
def test_n_step_returns_stop_at_a_truncation_whatever_the_observations(num_envs):
    task = make_task_spec("Constant-v0")
    config = TrainConfig(
        num_envs=num_envs, n_step=5, gamma=1.0, buffer_size=100, num_workers=0, device="cpu"
    )
    replay = make_replay(config, task)
    envs = make_training_environments(config, task, replay)
    envs.reset(seed=1)
    for _ in range(20):
        envs.step(np.zeros(num_envs, np.int64))
    envs.close()

    batch = replay.sample(500)
    # The last episode is cut short by the end of the 20 steps.
    assert {1.0, 2.0, 3.0} == set(batch.rewards.flatten().tolist())
    assert not batch.dones.any()


class TerminatesAtTheLimit(Constant):
    """Terminates and reaches its time limit in the same step."""

    def step(self, action):
        self.age += 1
        return self.picture(0), 1.0, self.age == 3, self.age == 3, {}


gymnasium.register("TerminatesAtTheLimit-v0", TerminatesAtTheLimit)


def test_a_step_that_terminates_at_the_time_limit_is_done():
    task = make_task_spec("TerminatesAtTheLimit-v0")
    replay = replay_for(task)
    envs = make_training_environments(TrainConfig(), task, replay)
    envs.reset(seed=1)
    for _ in range(3):
        envs.step(np.array([0]))
    envs.close()

    assert replay.sample(100).dones.any()


def test_a_resumed_vector_begins_other_episodes_than_the_first_ones():
    task = make_task_spec("CartPole-v1")
    envs = make_training_environments(TrainConfig(), task, replay_for(task))
    first, _ = envs.reset(seed=5)
    for _ in range(7):
        envs.step(np.array([0]))
    state = envs.state_dict()
    resumed, _ = envs.load_state_dict(state)
    expected, _ = envs.reset(seed=12)
    envs.close()

    assert state == {"seed": 12}
    np.testing.assert_array_equal(resumed, expected)
    assert not np.array_equal(resumed, first)


@pytest.mark.parametrize("training", [False, True])
def test_games_are_whole_and_actions_sticky_where_that_was_asked_for(training):
    task = make_task_spec(
        "BreakoutNoFrameskip-v4", terminal_on_life_loss=False, repeat_action_probability=0.25
    )
    if training:
        config = TrainConfig(env_id=task.env_id, buffer_size=500, num_workers=0)
        envs = make_training_environments(config, task, make_replay(config, task))
    else:
        envs = make_evaluation_environments(task, num_envs=1)

    assert isinstance(envs, AtariVectorEnv)
    assert envs.settings.terminal_on_life_loss is False
    assert envs.settings.repeat_action_probability == 0.25
    envs.close()


def test_the_stickiness_of_an_id_is_kept_where_nothing_was_asked_for():
    with closing(make_evaluation_environments(make_task_spec("ALE/Pong-v5"), num_envs=1)) as envs:
        assert envs.settings.repeat_action_probability == 0.25
        assert envs.settings.terminal_on_life_loss is True


@pytest.mark.parametrize(
    "option", [{"terminal_on_life_loss": False}, {"repeat_action_probability": 0.1}]
)
def test_options_of_atari_are_refused_for_other_environments(option):
    with pytest.raises(ConfigError, match="expected an Atari game beside"):
        make_task_spec("CartPole-v1", **option)
