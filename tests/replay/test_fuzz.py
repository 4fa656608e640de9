"""Arguments of any kind: the call is refused and changes nothing, or its result is right.

What a buffer should hold is kept beside it as a plain list, and compared after each call.
"""

import operator
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from framering import PrioritizedReplayBuffer, ReplayBuffer
from framering._core import Ring

STACKS = spaces.Box(0, 255, (2, 3, 4), np.uint8)
CAPACITY = 20
TRUNCATED = "TimeLimit.truncated"
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
    st.dictionaries(st.sampled_from([TRUNCATED, "final_info"]), st.booleans()),
    st.lists(st.dictionaries(st.just(TRUNCATED), st.integers()), max_size=2),
)
fuzz = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Row(NamedTuple):
    """A transition, with the bytes of its observations."""

    obs: bytes
    next_obs: bytes
    action: int
    reward: float
    done: bool


def stack(first, second):
    return np.stack([np.full((3, 4), value, np.uint8) for value in (first, second)])


def step(number):
    """Arguments of `add` for the transition with this number."""
    return {
        "obs": stack(number, number + 1)[None],
        "next_obs": stack(number + 1, number + 2)[None],
        "action": np.array([number]),
        "reward": np.array([number / 2]),
        "done": np.array([number in (9, 100)]),
        "infos": [{}],
    }


def row_of(obs, next_obs, action, reward, done, infos):
    """Return the transition that the arguments of `add` describe, as NumPy reads them."""
    return Row(
        observation_bytes(obs),
        observation_bytes(next_obs),
        int(np.asarray(action).item()),
        float(np.float32(np.asarray(reward).item())),
        bool(np.asarray(done).item()) and not is_truncated(infos),
    )


def observation_bytes(value):
    array = np.asarray(value)
    stored = array.astype(np.uint8)
    assert (stored == array).all()
    return stored.tobytes()


def is_truncated(infos):
    if isinstance(infos, np.ndarray):  # flags
        return bool(infos.item())
    if isinstance(infos, dict):
        return bool(infos.get(TRUNCATED, False))
    return infos is not None and bool(infos[0].get(TRUNCATED, False))


def rows_of(batch):
    obs, next_obs, actions = batch.observations, batch.next_observations, batch.actions
    dones, rewards = batch.dones, batch.rewards
    return [
        Row(obs[i].tobytes(), next_obs[i].tobytes(), *numbers)
        for i, numbers in enumerate(
            zip(
                actions[:, 0].tolist(),
                rewards[:, 0].tolist(),
                (dones[:, 0] == 1).tolist(),
                strict=True,
            )
        )
    ]


class Checked:
    """A buffer of 25 added transitions, and the list of the rows that it should hold."""

    def __init__(self, kind=ReplayBuffer, **options):
        self.buffer = kind(
            CAPACITY, STACKS, spaces.Discrete(1000), device="numpy", seed=1, **options
        )
        self.rows, self.slots = [], []
        for number in range(25):
            self.buffer.add(**step(number))
            self.rows.append(row_of(**step(number)))
            self.slots.append(int(self.buffer.ring.published()[0]) - 1)
        self.state = self.buffer.generator_state

    def check(self):
        """Compare the buffer with the list; the generator must be where it was."""
        assert self.buffer.generator_state == self.state
        kept = self.rows[-CAPACITY:]
        assert self.buffer.size() == len(kept)
        # So many draws leave a transition out once in 10^5 times; the seed is fixed.
        assert set(rows_of(self.buffer.sample(300))) == set(kept)
        self.buffer.generator_state = self.state


def refused(call):
    """Return whether a call is refused, and its result otherwise."""
    try:
        return False, call()
    except REFUSALS:
        return True, None


@fuzz
@given(changes=st.dictionaries(st.sampled_from(sorted(step(0))), anything, min_size=1))
@pytest.mark.filterwarnings("ignore")  # NumPy's own, for what it is given here
def test_add_stores_the_transition_or_refuses_it(changes):
    checked = Checked()
    arguments = {**step(100), **changes}
    no, _ = refused(lambda: checked.buffer.add(**arguments))
    if not no:
        checked.rows.append(row_of(**arguments))
    checked.check()


@fuzz
@given(batch_size=st.one_of(st.integers(-5, 40), anything), out=st.lists(anything, max_size=7))
def test_the_core_samples_rows_or_refuses_the_arguments(batch_size, out):
    checked = Checked()
    for given_arrays in (None, tuple(out)):
        no, batch = refused(
            lambda given_arrays=given_arrays: checked.buffer._sampler.sample(
                batch_size, 0.5, None, False, given_arrays
            )
        )
        if not no:
            rows = rows_of(batch)
            assert len(rows) == int(batch_size)
            assert set(rows) <= set(checked.rows[-CAPACITY:])
        checked.check()


@fuzz
@given(data=st.data())
@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_sample_fills_the_given_arrays_or_refuses_them(kind, data):
    checked = Checked(kind)
    expected = checked.buffer.sample(8)
    checked.buffer.generator_state = checked.state
    good = type(expected)(*(None if x is None else np.full_like(x, 77) for x in expected))
    changes = data.draw(st.dictionaries(st.sampled_from(good._fields), anything))
    out = good._replace(**changes)
    no, filled = refused(lambda: checked.buffer.sample(8, out=out))
    if no:
        assert all((part == 77).all() for part in good if part is not None)
    else:
        assert filled is out
        for mine, other in zip(filled, expected, strict=True):
            np.testing.assert_array_equal(mine, other)
        checked.buffer.generator_state = checked.state
    checked.check()


@fuzz
@given(
    places=st.one_of(
        anything, arrays(np.int64, st.tuples(st.integers(0, 4), st.sampled_from([2, 3])))
    ),
    contiguous=st.booleans(),
)
def test_rows_are_fetched_by_their_place_or_refused(places, contiguous):
    checked = Checked()
    sampler = checked.buffer._sampler
    no, batch = refused(lambda: sampler.fetch(places, contiguous))
    if not no:
        assert rows_of(batch) == [checked.rows[checked.slots.index(slot)] for _, slot, *_ in places]
    no, rewards = refused(lambda: sampler.step_rewards(places))
    if not no:
        expected = [checked.rows[checked.slots.index(slot)].reward for _, slot, _ in places]
        assert rewards.tolist() == [[reward] for reward in expected]
    checked.check()


@fuzz
@given(
    indices=st.one_of(anything, arrays(np.int64, 3, elements=st.integers(0, 30))),
    priorities=st.one_of(anything, arrays(np.float64, 3, elements=st.floats(0, 1e6))),
)
@pytest.mark.filterwarnings("ignore")
def test_priorities_are_updated_or_refused(indices, priorities):
    checked = Checked(PrioritizedReplayBuffer)
    buffer = checked.buffer
    buffer.sample(4)  # takes the new transitions into the tree
    buffer.generator_state = checked.state
    expected, highest = buffer._sampler.priorities()
    expected = expected.copy()
    ((first, _),) = buffer.window(0).bounds()
    no, _ = refused(lambda: buffer.update_priorities(indices, priorities))
    if not no:
        slots = np.asarray(indices).reshape(-1).astype(np.int64)
        values = np.asarray(priorities).reshape(-1).astype(np.float64) + buffer.epsilon
        for slot, value in zip(slots, values.astype(np.float32), strict=True):
            if slot >= first:  # the others have left the buffer
                expected[slot - first] = value
                highest = max(highest, value)
    found, found_highest = buffer._sampler.priorities()
    np.testing.assert_array_equal(found, expected)
    assert found_highest == highest
    if no:
        checked.check()


@fuzz
@given(first=integers, number=st.one_of(st.none(), integers), out=anything)
def test_the_newest_stack_is_gathered_or_the_arguments_refused(first, number, out):
    checked = Checked()
    for target in (out, np.full((1, 2, 3, 4), 77, np.uint8)):
        before = np.array(target)
        no, _ = refused(
            lambda target=target: checked.buffer.ring.gather_newest(target, first, number)
        )
        if no or number == 0 or first == 1:  # no lane, or none is left
            np.testing.assert_array_equal(target, before)
        else:
            assert (first, number) in {(0, None), (0, 1)}
            assert target.tobytes() == checked.rows[-1].next_obs
        checked.check()


@fuzz
@given(
    geometry=st.fixed_dictionaries(
        dict.fromkeys(("lanes", "slots", "frame_bytes", "stack", "action_bytes"), integers)
    )
)
def test_a_ring_has_the_geometry_or_refuses_it(geometry):
    no, ring = refused(lambda: Ring(**geometry))
    if not no:
        assert {name: getattr(ring, name) for name in geometry} == geometry
        assert ring.writer(0).begin_segment(np.zeros(ring.frame_bytes, np.uint8)) == 0
        assert ring.published().tolist() == [1] + [0] * (ring.lanes - 1)


@fuzz
@given(frame=anything, action=anything, reward=anything)
@pytest.mark.filterwarnings("ignore")
def test_a_lane_writer_appends_the_step_or_refuses_it(frame, action, reward):
    checked = Checked()
    writer = checked.buffer.ring.writer(0)
    good = np.zeros((3, 4), np.uint8)
    writer.begin_segment(good)
    frames = bytes(24)
    for arguments in ((frame, 0, 0.0), (good, action, 0.0), (good, 0, reward)):
        no, _ = refused(lambda arguments=arguments: writer.append(*arguments, False, False))
        if not no:
            obs, frames = frames, frames[12:] + np.asarray(arguments[0]).tobytes()
            checked.rows.append(
                Row(obs, frames, action_of(arguments[1]), float(np.float32(arguments[2])), False)
            )
        if not np.isnan(checked.rows[-1].reward):  # never equal
            checked.check()


def action_of(action):
    """Return an integer, or the bytes of an array, as int64."""
    if isinstance(action, np.ndarray):
        return int(np.frombuffer(action.tobytes(), np.int64)[0])
    return int(action)


@fuzz
@given(snapshot=st.one_of(st.binary(max_size=300), anything))
@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_what_is_no_snapshot_is_refused(kind, snapshot):
    buffer = kind(CAPACITY, STACKS, spaces.Discrete(1000), device="numpy", seed=1)
    state = buffer.generator_state
    with pytest.raises((*REFUSALS, BufferError)):
        buffer.load_state_dict({"snapshot": snapshot})
    assert buffer.generator_state == state
    assert (buffer.size(), buffer.ring.published().tolist()) == (0, [0])


@fuzz
@given(guard=integers)
def test_a_window_holds_the_rows_or_its_guard_is_refused(guard):
    checked = Checked()
    no, window = refused(lambda: checked.buffer.window(guard))
    if not no and len(window):
        assert set(rows_of(checked.buffer.sample(300, window=window))) == set(
            checked.rows[-len(window) :]
        )
        checked.buffer.generator_state = checked.state
    checked.check()


@fuzz
@given(state=st.one_of(anything, st.lists(st.integers(0, 2**64 - 1), min_size=4, max_size=4)))
def test_a_generator_state_is_set_or_refused(state):
    checked = Checked()

    def set_state():
        checked.buffer.generator_state = state

    no, _ = refused(set_state)
    if not no:
        assert list(checked.buffer.generator_state) == [operator.index(word) for word in state]
        checked.state = checked.buffer.generator_state
    checked.check()
