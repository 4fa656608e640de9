import random

import numpy as np
import pytest
from gymnasium.spaces import Discrete

from framering.dqn.exploration import EpsilonGreedy, least_epsilons, linear_schedule


def never(observations):
    raise AssertionError("greedy was called although every environment explores")


@pytest.mark.parametrize(("step", "epsilon"), [(0, 1.0), (50, 0.55), (100, 0.1), (10**6, 0.1)])
def test_epsilon_falls_on_a_line_and_stays(step, epsilon):
    assert linear_schedule(1.0, 0.1, 100, step) == pytest.approx(epsilon)


def test_one_environment_draws_what_cleanrl_draws():
    ours = EpsilonGreedy(num_actions=6, num_envs=1, seed=3)
    random.seed(3)
    space = Discrete(6)
    space.seed(3)

    for _ in range(200):
        expected = space.sample() if random.random() < 0.5 else 9
        actions = ours.actions(np.zeros((1, 4)), 0.5, lambda _: np.array([9]))
        assert actions.tolist() == [expected]


def test_each_environment_decides_for_itself():
    policy = EpsilonGreedy(num_actions=6, num_envs=1000, seed=0)

    actions = policy.actions(np.zeros((1000, 4)), 0.3, lambda batch: np.full(len(batch), 9))

    assert 250 < np.count_nonzero(actions != 9) < 350


def test_each_environment_has_its_epsilon():
    policy = EpsilonGreedy(num_actions=6, num_envs=3, seed=0)
    epsilons = np.array([0.0, 0.3, 1.0])
    random_ones = np.zeros(3)

    for _ in range(1000):
        actions = policy.actions(np.zeros((3, 4)), epsilons, lambda batch: np.full(len(batch), 9))
        random_ones += actions != 9

    assert random_ones[0] == 0
    assert 250 < random_ones[1] < 350
    assert random_ones[2] == 1000


@pytest.mark.parametrize("actors", [1, 2, 8])
def test_least_epsilons_are_those_of_horgan_et_al(actors):
    base, exponent = 0.4, 7
    expected = [base ** (1 + i / max(actors - 1, 1) * exponent) for i in range(actors)]

    assert least_epsilons("apex", actors) == pytest.approx(expected)
    assert least_epsilons("schedule", actors).tolist() == [0.0] * actors


def test_at_epsilon_one_the_network_is_not_called():
    actions = EpsilonGreedy(6, 8, seed=0).actions(np.zeros((8, 4)), 1.0, never)

    assert actions.dtype == np.int64
    assert set(actions) <= set(range(6))


def test_global_generators_are_left_alone():
    random.seed(5)
    np.random.seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist()

    EpsilonGreedy(6, 4, seed=0).actions(np.zeros((4, 4)), 1.0, never)

    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_a_loaded_policy_draws_what_the_saved_one_draws():
    saved = EpsilonGreedy(6, 4, seed=3)
    draw(saved, 20)
    state = saved.state_dict()
    loaded = EpsilonGreedy(6, 4, seed=8)

    loaded.load_state_dict(state)

    np.testing.assert_array_equal(draw(saved, 50), draw(loaded, 50))


@pytest.mark.parametrize(
    "changes",
    [
        {"rng": None},
        {"rng": (3, (1, 2), None)},
        {"rng": (3, (-1,) * 625, None)},
        {"random_actions": None},
        {"random_actions": {"bit_generator": "MT19937"}},
        {"random_actions": {"bit_generator": "PCG64", "state": {"state": "x", "inc": 1}}},
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(changes):
    policy, unchanged = EpsilonGreedy(6, 4, seed=3), EpsilonGreedy(6, 4, seed=3)
    other = EpsilonGreedy(6, 4, seed=4)

    with pytest.raises(ValueError, match="state: expected the states of two generators"):
        policy.load_state_dict({**other.state_dict(), **changes})
    np.testing.assert_array_equal(draw(policy, 50), draw(unchanged, 50))


def draw(policy, steps):
    observations = np.zeros((policy.num_envs, 4))
    return [
        policy.actions(observations, 0.5, lambda batch: np.full(len(batch), 9))
        for _ in range(steps)
    ]
