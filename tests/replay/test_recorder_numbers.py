"""The recorder reads numbers of common dtypes itself, and as the conversion of others does."""

import numpy as np
import pytest
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer
from framering._core import PrioritizedSampler, Sampler
from framering.replay import conversion

BOX = spaces.Box(-1, 1, (2,), np.float32)
KEY = "TimeLimit.truncated"
NUMBERS = [np.dtype(name) for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")]
NUMBERS += [np.dtype(name) for name in ("f4", "f8")]
OTHERS = [np.dtype(name) for name in ("f2", "longdouble", ">f8", ">i4")]


def new_buffer(action_dtype=np.int64, n_envs=3):
    space = spaces.Discrete(100, dtype=action_dtype)
    return ReplayBuffer(60, BOX, space, device="numpy", n_envs=n_envs, seed=1)


def arguments(n_envs=3, **changes):
    obs = np.zeros((n_envs, 2), np.float32)
    zeros = np.zeros(n_envs)
    given = {"obs": obs, "next_obs": obs + 1, "action": zeros.astype(np.int64)}
    return {**given, "reward": zeros, "done": zeros == 1, "infos": None, **changes}


def result(**changes):
    """Return the transitions that a new buffer holds after `add`, or its error."""
    n_envs = changes.pop("n_envs", 3)
    buffer = new_buffer(changes.pop("action_dtype", np.int64), n_envs)
    try:
        buffer.add(**arguments(n_envs, **changes))
    except (TypeError, ValueError) as error:
        assert buffer.ring.published().tolist() == [0] * n_envs
        return type(error), str(error)
    batch = buffer._sampler.fetch(np.array([[lane, 1] for lane in range(n_envs)]), False)
    return [(field.dtype, field.tolist()) for field in batch[:5]]


@pytest.fixture
def no_conversion(monkeypatch):
    """Fail where an argument is converted in Python."""
    for name in ("convert", "convert_rewards", "convert_dones", "convert_truncations"):
        monkeypatch.delattr(conversion, name)


def reference(**changes):
    """As `result`, with each argument converted in Python first."""
    changes = dict(changes)
    n_envs = changes.get("n_envs", 3)
    spec = new_buffer(changes.get("action_dtype", np.int64))._action_spec
    try:
        if changes.get("infos") is not None:
            changes["infos"] = conversion.convert_truncations(changes["infos"], n_envs)
        if "action" in changes:
            changes["action"] = conversion.convert("action", changes["action"], spec, n_envs)
        if "reward" in changes:
            changes["reward"] = conversion.convert_rewards(changes["reward"], n_envs)
        if "done" in changes:
            changes["done"] = conversion.convert_dones(changes["done"], n_envs)
    except (TypeError, ValueError) as error:
        return type(error), str(error)
    return result(**changes)


READ = [
    *({"done": np.array([0, 1, 0], dtype)} for dtype in NUMBERS),
    *({"reward": np.array([0, 1, 3], dtype)} for dtype in NUMBERS),
    *({"action": np.array([0, 1, 99], dtype)} for dtype in NUMBERS),
    *({"action": np.array([0, 1, 9], dtype), "action_dtype": np.uint8} for dtype in NUMBERS[:-2]),
    {"done": [False, True, False]},
    {"done": (np.False_, np.True_, 0)},
    {"done": [0, 1.0, True]},
    {"done": np.True_, "n_envs": 1},
    {"done": True, "n_envs": 1},
    {"done": np.array([[0.0], [1.0], [-0.0]])},
    {"reward": [1, 2.5, True]},
    {"reward": np.array([2**53 + 1, -(2**63), 7])},
    {"action": [1, 2, 99]},
    {"action": np.array([[1], [2], [3]], np.int32)},
    {"infos": {}},
    {"infos": {"episode": None}},
    {"infos": {KEY: np.array([True, False, True])}, "done": np.ones(3)},
    {"infos": {KEY: np.array([1.0, 0.0, 1.0])}, "done": np.ones(3)},
    {"infos": {KEY: [True, False, True], f"_{KEY}": np.array([1, 1, 0])}, "done": np.ones(3)},
    {"infos": {"final_info": {KEY: np.array([True, False, True])}}, "done": np.ones(3)},
    {
        "infos": {KEY: [True, False, False], "final_info": {KEY: [False, False, True]}},
        "done": np.ones(3),
    },
]


@pytest.mark.parametrize("change", READ, ids=str)
def test_numbers_are_stored_as_their_conversion_is(change):
    assert result(**change) == reference(**change)


@pytest.mark.parametrize(
    "change",
    [change for change in READ if getattr(change.get("action"), "dtype", NUMBERS[0]).kind != "f"],
    ids=str,
)
def test_numbers_of_common_dtypes_are_not_converted_in_python(change, no_conversion):
    assert isinstance(result(**change), list)


@pytest.mark.parametrize(
    "change",
    [
        *({"done": np.array([0, 1, 0], dtype)} for dtype in OTHERS),
        *({"reward": np.array([0, 1, 3], dtype)} for dtype in OTHERS),
        {"done": np.array([0, 1, 1, 0, 0])[::2]},
        {"done": [[True], [False], [True]]},
        {"reward": np.frombuffer(b"0" + np.arange(3.0).tobytes(), np.float64, offset=1)},
        {"infos": {"final_info": np.array([None, {KEY: True}, {}])}, "done": np.ones(3)},
        {"done": np.array([0, 1, 2])},
        {"done": np.array([0, 1, -1], np.int8)},
        {"done": np.array([0, 1, 0.5], np.float32)},
        {"done": np.array([0, 1, np.nan])},
        {"done": [0, 1, 2]},
        {"done": [0, 1, 2**70]},
        {"done": [0, 1]},
        {"done": ["a", "b", "c"]},
        {"done": np.zeros(4)},
        {"done": None},
        {"done": np.array([0, 2, 0]), "reward": np.array([np.nan] * 3)},
        {"done": np.array([0, 2, 0]), "action": np.array([-1] * 3)},
        {"reward": [1, 2, float("inf")]},
        {"reward": np.array([1, 2, 1e300])},
        {"reward": np.array([1, 2, np.nan], np.float32)},
        {"reward": [2**70, 0, 0]},
        {"action": np.array([0, 1, 256]), "action_dtype": np.uint8},
        {"action": np.array([0, 1, -1]), "action_dtype": np.uint8},
        {"action": np.array([0, 1, 2**64 - 1], np.uint64)},
        {"action": np.array([0, 1, 100], np.int32)},
        {"action": [0, 1, 2.0]},
        {"infos": {KEY: np.array([0.0, 0.5, 1.0])}},
        {"infos": {KEY: np.zeros(2, bool)}},
        {"infos": {KEY: np.zeros(3, bool), f"_{KEY}": np.zeros(2, bool)}},
        {"infos": {"final_info": None}},
        {"infos": np.zeros(3)},
        {"infos": np.zeros(2, bool)},
    ],
    ids=str,
)
def test_other_values_are_converted_or_refused_as_before(change):
    assert result(**change) == reference(**change)


@pytest.mark.parametrize("dtype", [dtype for dtype in NUMBERS if dtype.kind in "iu"], ids=str)
def test_random_integers_are_cast_to_an_action_dtype_as_numpy_does(dtype):
    random = np.random.default_rng(3)
    limits = np.iinfo(dtype)
    for _ in range(50):
        other = np.dtype(random.choice([d for d in NUMBERS if d.kind in "iu"]))
        near = [0, 1, -1, limits.min, limits.max, limits.max + 1, limits.min - 1]
        own = np.iinfo(other)
        values = [value for value in near if own.min <= value <= own.max]
        change = {"action": np.array(random.choice(np.array(values, object), 3), other)}
        assert result(**change, action_dtype=dtype) == reference(**change, action_dtype=dtype)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(ReplayBuffer, [Sampler]), (PrioritizedReplayBuffer, [PrioritizedSampler])],
)
def test_a_buffer_makes_one_sampler(kind, expected, monkeypatch):
    made = []
    for sampler in (Sampler, PrioritizedSampler):
        make = lambda sampler=sampler, **options: made.append(sampler) or sampler(**options)  # noqa: E731
        monkeypatch.setattr(f"framering.replay.sampling.{sampler.__name__}", make)

    kind(10, BOX, spaces.Discrete(2), device="numpy")

    assert made == expected
