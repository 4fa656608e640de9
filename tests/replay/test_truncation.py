"""Returns of n steps end at a truncation, whatever the observations are."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer

TIME_LIMIT = 3
TRUNCATED = "TimeLimit.truncated"


class Constant(gym.Env):
    """The same observation and a reward of 1 at every step, without an end of its own."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), 1.0, False, False, {}


def list_of_infos(terminations, truncations):
    return [{TRUNCATED: bool(flag)} for flag in truncations & ~terminations]


def dict_of_arrays(terminations, truncations):
    return {TRUNCATED: truncations & ~terminations}


def final_infos(terminations, truncations):
    return {"final_info": {TRUNCATED: truncations & ~terminations}}


def masked_dict_of_arrays(terminations, truncations):
    return {TRUNCATED: np.ones(2, bool), f"_{TRUNCATED}": truncations & ~terminations}


def either(terminations, truncations):
    return terminations | truncations


def terminations_alone(terminations, truncations):
    return terminations


def fill(buffer, dones, infos, steps=40):
    """Step two environments, of which the second lags by a step, as training does."""
    envs = gym.vector.SyncVectorEnv(
        [lambda: gym.wrappers.TimeLimit(Constant(), TIME_LIMIT)] * 2,
        autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
    )
    obs, _ = envs.reset(seed=1)
    for _ in range(steps):
        actions = np.zeros(2, np.int64)
        next_obs, rewards, terminations, truncations, _ = envs.step(actions)
        buffer.add(
            obs,
            next_obs,  # equal to the final observation, as all are
            actions,
            rewards,
            dones(terminations, truncations),
            infos(terminations, truncations),
        )
        obs = next_obs
    envs.close()


@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
@pytest.mark.parametrize("dones", [either, terminations_alone])
@pytest.mark.parametrize(
    "infos", [list_of_infos, dict_of_arrays, masked_dict_of_arrays, final_infos]
)
def test_an_n_step_return_ends_at_a_truncation_where_the_next_obs_continues(kind, dones, infos):
    buffer = kind(
        200, Constant.observation_space, Constant.action_space, "numpy", 2, n_step=5, gamma=1.0
    )

    fill(buffer, dones, infos)

    batch = buffer.sample(500)
    assert set(batch.rewards.flatten().tolist()) == {1.0, 2.0, 3.0}
    assert not batch.dones.any()


def test_a_step_that_terminated_and_was_truncated_is_done():
    buffer = ReplayBuffer(10, Constant.observation_space, Constant.action_space, "numpy")
    obs, both = np.zeros((1, 2), np.float32), np.array([True])

    buffer.add(obs, obs, [0], [1.0], either(both, both), dict_of_arrays(both, both))

    assert buffer.sample(1).dones.item() == 1


def test_without_timeout_handling_infos_are_not_read():
    buffer = ReplayBuffer(
        10,
        Constant.observation_space,
        Constant.action_space,
        "numpy",
        handle_timeout_termination=False,
        n_step=5,
        gamma=1.0,
    )
    obs = np.zeros((1, 2), np.float32)

    for done in (False, True, False):
        buffer.add(obs, obs, [0], [1.0], [done], [{TRUNCATED: True}])

    batch = buffer.sample(100)
    assert set(zip(batch.rewards.flatten(), batch.dones.flatten(), strict=True)) == {
        (2.0, 1.0),
        (1.0, 1.0),
        (1.0, 0.0),
    }
