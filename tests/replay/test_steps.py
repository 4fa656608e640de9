"""The steps of transitions by number: what SB3's arrays are read from."""

import numpy as np
import pytest
from gymnasium import spaces

from framering import ReplayBuffer

BOX = spaces.Box(-1, 1, (2,), np.float32)


def filled(number):
    buffer = ReplayBuffer(20, BOX, spaces.Discrete(200), device="numpy", n_envs=2)
    for step in range(number):
        obs = np.full((2, 2), step, np.float32)
        actions, rewards = np.array([step, step + 100]), np.array([step, -step], np.float64)
        buffer.add(obs, obs + 1, actions, rewards, np.array([step % 5 == 4] * 2), None)
    return buffer


def steps(buffer, *numbers):
    return buffer._sampler.steps(np.array(numbers, np.int64))


def test_steps_come_in_the_order_asked_for():
    found = steps(filled(24), (1, 23), (0, 14), (0, 23), (1, 15), (0, 19), (0, 19))
    assert found["rewards"].tolist() == [-23, 14, 23, -15, 19, 19]
    assert found["actions"][:, 0].tolist() == [123, 14, 23, 115, 19, 19]
    assert found["terminated"].tolist() == [False, True, False, False, True, True]
    assert not found["truncated"].any()


def test_a_step_that_is_not_in_the_buffer_has_slot_minus_1_and_zeros():
    found = steps(filled(24), (0, 13), (0, 14), (0, 24), (1, -1), (1, 10**18))
    assert (found["slots"] >= 0).tolist() == [False, True, False, False, False]
    assert found["rewards"].tolist() == [0, 14, 0, 0, 0]
    assert found["actions"][:, 0].tolist() == [0, 14, 0, 0, 0]


def test_bad_numbers_are_refused():
    buffer = filled(3)
    with pytest.raises(ValueError, match=r"numbers: expected int64 \(B, 2\).* got int64 \(3,\)"):
        buffer._sampler.steps(np.zeros(3, np.int64))
    with pytest.raises(TypeError, match="numbers: expected int64"):
        buffer._sampler.steps(np.zeros((3, 2)))
    with pytest.raises(IndexError, match="lane 2 of a ring with 2 lanes"):
        steps(buffer, (2, 0))
