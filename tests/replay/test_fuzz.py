"""Whatever is thrown at the bindings: an exception or a right answer, and a buffer as it was."""

import contextlib

import hypothesis.strategies as st
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from framering import PrioritizedReplayBuffer, ReplayBuffer
from framering._core import Ring

STACKS = spaces.Box(0, 255, (2, 3, 4), np.uint8)
REFUSALS = (ValueError, TypeError, IndexError, RuntimeError, OverflowError, MemoryError)

dtypes = st.sampled_from(
    [np.uint8, np.int8, np.int64, np.uint64, np.float32, np.float64, np.bool_, complex, "M8[s]"]
)
arrays_of_any_kind = arrays(
    dtypes, st.one_of(array_shapes(min_dims=0, max_dims=4, max_side=4), st.just((1, 2, 3, 4)))
)
integers = st.one_of(st.integers(-5, 5), st.integers(-(2**70), 2**70))
anything = st.one_of(
    arrays_of_any_kind,
    arrays_of_any_kind.map(lambda array: array.T),
    arrays_of_any_kind.map(lambda array: array[..., ::2] if array.ndim else array),
    integers,
    st.floats(),
    st.none(),
    st.text(max_size=3),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["TimeLimit.truncated", "final_info"]), st.booleans()),
    st.lists(st.dictionaries(st.just("TimeLimit.truncated"), st.integers()), max_size=2),
)
fuzz = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
GOOD = {
    "obs": np.zeros((1, 2, 3, 4), np.uint8),
    "next_obs": np.ones((1, 2, 3, 4), np.uint8),
    "action": np.array([1]),
    "reward": np.array([1.0]),
    "done": np.array([False]),
    "infos": [{}],
}


def filled(kind=ReplayBuffer):
    buffer = kind(20, STACKS, spaces.Discrete(4), device="numpy", seed=1)
    for _ in range(30):
        buffer.add(**GOOD)
    return buffer


@fuzz
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), anything, min_size=1))
@pytest.mark.filterwarnings("ignore")  # NumPy's own, for what it is given here
def test_add(changes):
    buffer = filled()
    published = buffer.ring.published().tolist()
    try:
        buffer.add(**{**GOOD, **changes})
    except REFUSALS:
        assert buffer.ring.published().tolist() == published
    else:
        buffer.sample(4)


@fuzz
@given(batch_size=st.one_of(st.integers(-5, 40), anything), out=st.lists(anything, max_size=7))
def test_sample(batch_size, out):
    buffer = filled()
    for arrays_given in (None, tuple(out)):
        with contextlib.suppress(*REFUSALS):
            buffer._sampler.sample(batch_size, 0.5, None, False, arrays_given)


@fuzz
@given(places=anything, contiguous=st.booleans())
def test_fetch_and_step_rewards(places, contiguous):
    buffer = filled()
    for call in (
        lambda: buffer._sampler.fetch(places, contiguous),
        lambda: buffer._sampler.step_rewards(places),
    ):
        with contextlib.suppress(*REFUSALS):
            call()


@fuzz
@given(
    rows=arrays(np.int64, st.tuples(st.integers(0, 4), st.sampled_from([2, 3]))),
)
def test_fetch_of_any_numbers(rows):
    buffer = filled()
    for call in (buffer._sampler.step_rewards, lambda r: buffer._sampler.fetch(r, False)):
        with contextlib.suppress(*REFUSALS):
            call(rows)


@fuzz
@given(indices=anything, priorities=anything)
@pytest.mark.filterwarnings("ignore")
def test_update_priorities(indices, priorities):
    buffer = filled(PrioritizedReplayBuffer)
    buffer.sample(4)
    with contextlib.suppress(*REFUSALS):
        buffer.update_priorities(indices, priorities)
    buffer.sample(4)


@fuzz
@given(first=integers, number=st.one_of(st.none(), integers), out=anything)
def test_gather_newest(first, number, out):
    ring = filled().ring
    for target in (out, np.empty((1, 2, 3, 4), np.uint8)):
        with contextlib.suppress(*REFUSALS):
            ring.gather_newest(target, first, number)


@fuzz
@given(
    geometry=st.fixed_dictionaries(
        dict.fromkeys(("lanes", "slots", "frame_bytes", "stack", "action_bytes"), integers)
    )
)
def test_ring(geometry):
    try:
        ring = Ring(**geometry)
    except REFUSALS:
        return
    ring.writer(0).begin_segment(np.zeros(ring.frame_bytes, np.uint8))


@fuzz
@given(frame=anything, action=anything, reward=anything)
def test_lane_writer(frame, action, reward):
    ring = filled().ring
    writer = ring.writer(0)
    good = np.zeros((3, 4), np.uint8)
    writer.begin_segment(good)
    for arguments in ((frame, 0, 0.0), (good, action, 0.0), (good, 0, reward)):
        with contextlib.suppress(*REFUSALS):
            writer.append(*arguments, False, False)


@fuzz
@given(data=st.one_of(st.binary(max_size=300), anything))
def test_load(data):
    buffer = ReplayBuffer(20, STACKS, spaces.Discrete(4), device="numpy")
    with pytest.raises((*REFUSALS, BufferError)):
        buffer._sampler.load(data, b"", lambda extra, slots: None)
    assert buffer.size() == 0


@fuzz
@given(guard=integers, state=anything)
def test_windows_and_generators(guard, state):
    buffer = filled()
    with contextlib.suppress(*REFUSALS):
        buffer.sample(4, window=buffer.window(guard))
    with contextlib.suppress(*REFUSALS):
        buffer.generator_state = state
    buffer.sample(4)
