"""The arrays of SB3's buffer, compared with those of SB3's own for the same calls of add."""

import pickle

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer as Sb3ReplayBuffer

from framering.integrations.sb3 import PrioritizedReplayBuffer, ReplayBuffer

NAMES = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
VECTOR = spaces.Box(-1, 1, (3,), np.float32)
STACK = spaces.Box(0, 255, (4, 6, 5), np.uint8)
COLOUR = spaces.Box(0, 255, (3, 6, 5), np.uint8)
SPACES = [VECTOR, STACK, COLOUR, spaces.Discrete(7), spaces.MultiBinary(4)]
ACTIONS = [spaces.Discrete(4), spaces.Box(-1, 1, (2, 3), np.float64), spaces.MultiDiscrete([2, 3])]


def steps_of(observation_space, action_space, n_envs, number, seed=0):
    """Yield the arguments of add; every seventh step ends the episodes, some by truncation."""
    random = np.random.default_rng(seed)
    observation_space.seed(seed)
    action_space.seed(seed)

    def observe():
        return np.stack([observation_space.sample() for _ in range(n_envs)])

    obs = observe()
    for step in range(1, number + 1):
        next_obs = observe()
        if observation_space == STACK:
            next_obs[:, :-1] = obs[:, 1:]
        actions = np.stack([action_space.sample() for _ in range(n_envs)])
        rewards = random.normal(size=n_envs)
        dones = np.full(n_envs, step % 7 == 0)
        infos = [{"TimeLimit.truncated": bool(done and random.random() < 0.5)} for done in dones]
        yield obs, next_obs, actions, rewards, dones, infos
        obs = observe() if step % 7 == 0 else next_obs


def filled(buffer, number):
    for arguments in steps_of(buffer.observation_space, buffer.action_space, buffer.n_envs, number):
        buffer.add(*arguments)
    return buffer


def pair(number, observation_space=VECTOR, action_space=ACTIONS[0], n_envs=1, **options):
    """Return our buffer and SB3's, for 20 transitions of each environment, both filled."""
    arguments = (20 * n_envs, observation_space, action_space, "cpu", n_envs)
    return [filled(kind(*arguments, **options), number) for kind in (ReplayBuffer, Sb3ReplayBuffer)]


def assert_same_arrays(ours, theirs, names=NAMES):
    for name in names:
        found, expected = getattr(ours, name), getattr(theirs, name)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), name
        np.testing.assert_array_equal(np.asarray(found), expected, err_msg=name)
    assert (ours.pos, ours.full, ours.size()) == (theirs.pos, theirs.full, theirs.size())


@pytest.mark.parametrize("number", [0, 1, 13, 20, 21, 53])
@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("observation_space", SPACES, ids=str)
def test_arrays_equal_sb3s_over_two_laps(observation_space, n_envs, number):
    assert_same_arrays(*pair(number, observation_space, n_envs=n_envs))


@pytest.mark.parametrize("action_space", ACTIONS, ids=str)
def test_actions_of_every_space_equal_sb3s(action_space):
    assert_same_arrays(*pair(33, action_space=action_space, n_envs=3))


@pytest.mark.parametrize("number", [0, 1, 13, 20, 53])
@pytest.mark.parametrize("observation_space", [VECTOR, STACK], ids=str)
def test_observations_with_memory_saving_equal_sb3s(observation_space, number):
    options = {"optimize_memory_usage": True, "handle_timeout_termination": False}
    ours, theirs = pair(number, observation_space, n_envs=3, **options)
    assert_same_arrays(ours, theirs, [name for name in NAMES if name != "next_observations"])
    kept = np.asarray(
        filled(ReplayBuffer(60, observation_space, ACTIONS[0], "cpu", 3), number).next_observations
    )
    np.testing.assert_array_equal(ours.next_observations, kept)


def test_infos_are_ignored_without_handling_of_timeouts():
    assert_same_arrays(*pair(40, handle_timeout_termination=False))


def test_arrays_are_of_single_steps_with_n_step_returns():
    ours = filled(ReplayBuffer(20, STACK, ACTIONS[0], "cpu", n_step=3), 31)
    assert_same_arrays(ours, pair(31, STACK)[1])


def test_a_prioritized_buffer_has_the_same_arrays():
    ours = filled(PrioritizedReplayBuffer(20, STACK, ACTIONS[0], "cpu"), 31)
    assert_same_arrays(ours, pair(31, STACK)[1])


@pytest.mark.parametrize("number", [9, 31])
def test_a_pickled_buffer_has_the_same_arrays_and_goes_on(number):
    ours, theirs = pair(number, STACK, n_envs=3)
    ours, theirs = pickle.loads(pickle.dumps((ours, theirs)))
    assert_same_arrays(ours, theirs)
    for buffer in (ours, theirs):
        filled(buffer, 17)
    assert_same_arrays(ours, theirs)


def test_a_reset_buffer_starts_at_position_0_with_zeros():
    ours, _ = pair(31)
    ours.reset()
    assert not any(np.any(getattr(ours, name)) for name in NAMES)
    assert_same_arrays(filled(ours, 9), pair(9)[1])


def test_transitions_that_are_no_longer_kept_are_zeros():
    """Frames that do not continue take four slots each, so that the ring holds fewer."""
    ours = ReplayBuffer(200, STACK, ACTIONS[0], "cpu")
    random = np.random.default_rng(1)
    for step in range(200):
        obs, next_obs = random.integers(1, 255, (2, 1, *STACK.shape), np.uint8)
        ours.add(obs, next_obs, np.array([1]), np.array([step + 1.0]), np.array([False]), [{}])
    kept = ours.size()
    assert 0 < kept < 100
    expected = np.arange(1.0, 201)
    expected[: 200 - kept] = 0
    np.testing.assert_array_equal(ours.rewards[:, 0], expected)
    assert not ours.observations[: 200 - kept].any()
    assert ours.observations[200 - kept :].all()


@pytest.mark.parametrize("name", NAMES)
def test_a_write_is_refused(name):
    ours, _ = pair(5)
    with pytest.raises(ValueError, match=f"{name}: expected a read, got a write: .* add"):
        getattr(ours, name)[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        getattr(ours, name)[0][...] = 1


def test_the_mark_of_a_second_learn_is_the_only_write_with_memory_saving():
    ours = filled(ReplayBuffer(20, VECTOR, ACTIONS[0], "cpu", optimize_memory_usage=True), 24)
    ours.dones[3] = True
    assert ours.dones[3] == 0
    for position, done in ((2, True), (3, False)):
        with pytest.raises(ValueError, match="dones: expected a read"):
            ours.dones[position] = done


def test_an_empty_buffer_that_is_set_full_holds_zeros():
    ours, theirs = pair(0, n_envs=3)
    ours.full = theirs.full = True
    assert_same_arrays(ours, theirs)
    assert not ours.sample(8).observations.any()


def test_full_is_not_set_in_a_buffer_in_use():
    ours, _ = pair(5)
    ours.full = False
    with pytest.raises(ValueError, match=r"full: expected False, got True: .* reset"):
        ours.full = True
