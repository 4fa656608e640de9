"""Spaces, conversions and refusals of ReplayBuffer.add."""

import numpy as np
import pytest
from gymnasium import spaces

from framering import ReplayBuffer
from framering.replay.spaces import observation_spec

DISCRETE = spaces.Discrete(6)


@pytest.mark.parametrize(
    ("shape", "dtype", "stack"),
    [
        ((4, 84, 84), np.uint8, 4),
        ((2, 84, 84), np.uint8, 2),
        ((3, 84, 84), np.uint8, 1),  # a colour image, channels first
        ((84, 84, 3), np.uint8, 1),
        ((84, 84, 4), np.uint8, 1),  # a stack that SB3 has not transposed
        ((1, 84, 84), np.uint8, 1),
        ((4, 84, 84, 3), np.uint8, 4),
        ((4, 3, 84, 84), np.uint8, 4),
        ((84, 84), np.uint8, 1),
        ((128,), np.uint8, 1),
        ((4, 84, 84), np.float32, 1),
    ],
)
def test_which_boxes_are_stacks(shape, dtype, stack):
    assert observation_spec(spaces.Box(0, 255, shape, dtype), None).stack == stack


def test_frame_stack_sets_the_number_of_frames():
    space = spaces.Box(0, 255, (12, 8, 8), np.uint8)
    spec = observation_spec(space, 4)
    assert (spec.stack, spec.frame_bytes) == (4, 3 * 8 * 8)
    with pytest.raises(ValueError, match=r"divisor of the first axis of \(12, 8, 8\), got 5"):
        observation_spec(space, 5)


OBSERVATION_SPACES = [
    spaces.Box(-1, 1, (3,), np.float32),
    spaces.Box(-1, 1, (2, 3), np.float64),
    spaces.Box(-1, 1, (), np.float32),
    spaces.Box(0, 255, (4, 5, 6), np.uint8),
    spaces.Box(0, 255, (3, 5, 6), np.uint8),
    spaces.Box(0, 255, (5, 6, 3), np.uint8),
    spaces.Discrete(7),
    spaces.Discrete(7, start=-3),
    spaces.MultiDiscrete([3, 4, 5]),
    spaces.MultiBinary(5),
    spaces.MultiBinary((2, 3)),
]
ACTION_SPACES = [
    spaces.Discrete(4),
    spaces.Discrete(4, start=2),
    spaces.Box(-1, 1, (3,), np.float32),
    spaces.Box(-1, 1, (2,), np.float64),
    spaces.Box(-1, 1, (17,), np.float32),
    spaces.MultiDiscrete([3, 4]),
    spaces.MultiBinary(3),
]


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("space", OBSERVATION_SPACES, ids=str)
@pytest.mark.parametrize("action_space", ACTION_SPACES[:1], ids=str)
def test_observations_of_each_space_are_sampled_as_they_were_added(space, action_space, n_envs):
    assert_samples_equal_the_references(space, action_space, n_envs)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("space", OBSERVATION_SPACES[:1], ids=str)
@pytest.mark.parametrize("action_space", ACTION_SPACES, ids=str)
def test_actions_of_each_space_are_sampled_as_they_were_added(space, action_space, n_envs):
    assert_samples_equal_the_references(space, action_space, n_envs)


def assert_samples_equal_the_references(space, action_space, n_envs):
    """Compare with SB3's buffer, to which the same is added."""
    from stable_baselines3.common.buffers import ReplayBuffer as Reference

    options = {"device": "cpu", "n_envs": n_envs, "handle_timeout_termination": False}
    # Stacks that never continue take up to eight frames each.
    ours = ReplayBuffer(160 * n_envs, space, action_space, **options)
    reference = Reference(20 * n_envs, space, action_space, **options)
    space.seed(1)
    action_space.seed(2)
    for step in range(20):
        obs, next_obs = (np.array([space.sample() for _ in range(n_envs)]) for _ in range(2))
        action = np.array([action_space.sample() for _ in range(n_envs)])
        row = (obs, next_obs, action, np.full(n_envs, float(step)), np.zeros(n_envs, bool), [])
        reference.add(*row)
        ours.add(*row)
    for lane in range(n_envs):
        places = [[lane, slot] for slot in range(int(ours.ring.published()[lane]))]
        rows = [place for place in places if is_transition(ours, place)]
        batch = ours._sampler.fetch(np.array(rows), False)
        np.testing.assert_array_equal(batch.observations, reference.observations[:, lane])
        np.testing.assert_array_equal(batch.actions, reference.actions[:, lane])
        np.testing.assert_array_equal(batch.next_observations, reference.next_observations[:, lane])
        assert batch.observations.dtype == reference.observations.dtype
        assert batch.actions.dtype == reference.actions.dtype


def is_transition(buffer, place):
    try:
        buffer._sampler.fetch(np.array([place]), False)
    except IndexError:
        return False
    return True


@pytest.mark.parametrize(
    "space", [spaces.Dict({"a": DISCRETE}), spaces.Tuple([DISCRETE]), spaces.Text(3)], ids=str
)
def test_other_spaces_are_refused_with_advice(space):
    with pytest.raises(TypeError, match="FlattenObservation"):
        ReplayBuffer(10, space, DISCRETE)
    with pytest.raises(TypeError, match="action_space: expected a Box"):
        ReplayBuffer(10, DISCRETE, space)


@pytest.mark.parametrize("option", ["buffer_size", "n_envs", "n_step"])
def test_numbers_below_one_are_refused(option):
    options = {"buffer_size": 10, option: 0}
    with pytest.raises(ValueError, match=f"{option}: expected an integer from 1 to .*, got 0"):
        ReplayBuffer(observation_space=DISCRETE, action_space=DISCRETE, **options)


@pytest.mark.parametrize("gamma", [-0.1, 1.1, float("nan")])
def test_gamma_beyond_0_to_1_is_refused(gamma):
    with pytest.raises(ValueError, match="gamma: expected a number from 0 to 1"):
        ReplayBuffer(10, DISCRETE, DISCRETE, gamma=gamma)


BOX = spaces.Box(-1, 1, (3,), np.float32)
GOOD = {
    "obs": np.zeros((2, 3), np.float32),
    "next_obs": np.zeros((2, 3), np.float32),
    "action": np.zeros(2, np.int64),
    "reward": np.zeros(2),
    "done": np.zeros(2, bool),
    "infos": [{}, {}],
}


@pytest.mark.parametrize(
    "change",
    [
        {"obs": np.zeros((2, 3), np.float64)},
        {"obs": np.zeros((2, 3), np.int64)},
        {"obs": [[0.0, 0, 0], [0, 0, 0]]},
        {"obs": np.zeros((3, 2), np.float32).T},
        {"action": np.zeros((2, 1), np.int32)},
        {"action": [1, 2]},
        {"reward": np.zeros(2, np.float32)},
        {"reward": [1, 2]},
        {"reward": np.zeros((2, 1))},
        {"done": np.zeros(2, np.float32)},
        {"done": [0, 1]},
        {"infos": ({}, {})},
        {"infos": {}},
    ],
    ids=str,
)
def test_arguments_that_fit_are_converted(change):
    buffer = ReplayBuffer(10, BOX, DISCRETE, device="cpu", n_envs=2)
    buffer.add(**{**GOOD, **change})
    assert buffer.size() == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"obs": np.zeros((2, 4), np.float32)}, ValueError, r"obs: expected shape \(2, 3\), got"),
        ({"next_obs": np.zeros(3, np.float32)}, ValueError, r"next_obs: expected shape \(2, 3\)"),
        ({"next_obs": np.zeros((3, 2), np.float32)}, ValueError, "next_obs: expected shape"),
        ({"obs": np.zeros((2, 3), complex)}, TypeError, "obs: expected float32, got complex128"),
        ({"action": np.zeros(3, np.int64)}, ValueError, r"action: expected shape \(2, 1\)"),
        ({"action": np.zeros(2)}, TypeError, "action: expected int64, got float64"),
        ({"action": np.array([0, 6])}, ValueError, "action: expected 0 to 5, got 6"),
        ({"action": np.array([-1, 0])}, ValueError, "action: expected 0 to 5, got -1"),
        ({"reward": np.zeros(3)}, ValueError, r"reward: expected shape \(2,\), got \(3,\)"),
        ({"reward": np.array([0, np.nan])}, ValueError, "reward: expected finite .*nan"),
        ({"reward": np.array([0, 1e300])}, ValueError, "reward: expected finite float32"),
        ({"reward": ["a", "b"]}, TypeError, "reward: expected numbers"),
        ({"done": np.zeros(1, bool)}, ValueError, r"done: expected shape \(2,\)"),
        ({"done": np.array([0.0, 0.5])}, ValueError, "done: expected True and False"),
        ({"infos": [{}]}, ValueError, "infos: expected 2 dicts"),
        ({"infos": 3}, ValueError, "infos: expected 2 dicts"),
        ({"infos": {"TimeLimit.truncated": np.zeros(3, bool)}}, ValueError, "expected shape"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit_are_refused_and_change_nothing(change, error, message):
    buffer = ReplayBuffer(10, BOX, DISCRETE, device="cpu", n_envs=2)
    buffer.add(**GOOD)
    published = buffer.ring.published().tolist()
    with pytest.raises(error, match=message):
        buffer.add(**{**GOOD, **change})
    assert buffer.ring.published().tolist() == published


def test_a_value_that_does_not_fit_the_dtype_is_refused():
    buffer = ReplayBuffer(10, spaces.Box(0, 255, (2,), np.uint8), DISCRETE)
    obs = np.array([[0, 256]])
    with pytest.raises(ValueError, match="obs: expected values that fit uint8, got int64"):
        buffer.add(obs, obs, [0], [0.0], [False], [{}])


def test_nan_observations_are_stored_bit_for_bit():
    buffer = ReplayBuffer(10, BOX, DISCRETE, device="cpu")
    obs = np.array([[np.nan, -0.0, np.inf]], np.float32)
    buffer.add(obs, obs, [0], [0.0], [False], [{}])
    buffer.add(obs, -obs, [0], [0.0], [False], [{}])
    assert buffer.sample(1).observations.numpy().tobytes() == obs.tobytes()
