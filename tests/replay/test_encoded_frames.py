"""Images are stored as what changed; samples have them byte for byte, whatever they show."""

import pickle

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framering import PrioritizedReplayBuffer, ReplayBuffer

CAPACITY = 30
CHANGES = ["none", "byte", "few", "row", "scroll", "noise", "zeros", "repeat"]


def changed(frame, change, random):
    """Return the frame after this one."""
    following = frame.copy()
    flat = following.reshape(-1)
    if change == "byte":
        flat[random.integers(flat.size)] ^= random.integers(1, 256)
    elif change == "few":
        places = random.integers(flat.size, size=5)
        flat[places] = random.integers(0, 256, 5)
    elif change == "row":
        following[random.integers(len(following))] = random.integers(256)
    elif change == "scroll":
        following = np.roll(following, 1, axis=1)
    elif change == "noise":
        following = random.integers(0, 256, frame.shape, np.uint8)
    elif change == "zeros":
        following = np.zeros_like(frame)
    elif change == "repeat":
        following[:] = following[0]
    return following


def frame_shapes():
    sides = st.integers(10, 40)
    return st.one_of(
        st.tuples(st.integers(16, 40), st.integers(16, 140)),
        st.tuples(sides, sides, st.just(3)),
    )


@given(
    stack=st.integers(1, 8),
    shape=frame_shapes(),
    changes=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=70),
    ends=st.sets(st.integers(0, 69), max_size=12),
    kind=st.sampled_from([ReplayBuffer, PrioritizedReplayBuffer]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_samples_have_the_frames_that_were_added(stack, shape, changes, ends, kind, seed):
    random = np.random.default_rng(seed)
    box = spaces.Box(0, 255, (stack * shape[0], *shape[1:]), np.uint8)

    def new():
        return kind(
            CAPACITY, box, spaces.Discrete(1000), device="numpy", seed=seed, frame_stack=stack
        )

    buffer = new()
    assert buffer.ring.row_bytes > 0
    frame = random.integers(0, 256, shape, np.uint8)
    window = [frame] * stack
    added = []
    for step, change in enumerate(changes):
        frame = changed(frame, change, random)
        obs, window = np.concatenate(window), [*window[1:], frame]
        added.append((obs, np.concatenate(window)))
        buffer.add(obs[None], added[-1][1][None], [step], [step], [step in ends], [{}])
        if step in ends:
            frame = random.integers(0, 256, shape, np.uint8)
            window = [frame] * stack
    loaded = new()
    loaded.load_state_dict(buffer.state_dict())
    for source in (buffer, loaded, pickle.loads(pickle.dumps(buffer))):
        for contiguous in (False, True):
            batch = source.sample(16, contiguous=contiguous)
            for row, (step,) in enumerate(batch.actions):
                np.testing.assert_array_equal(batch.observations[row], added[step][0])
                np.testing.assert_array_equal(batch.next_observations[row], added[step][1])
                assert batch.rewards[row, 0] == step
                assert batch.dones[row, 0] == (step in ends)


@pytest.mark.parametrize(
    ("shape", "row_bytes"),
    [
        ((4, 84, 84), 84),
        ((4, 84, 84, 3), 252),
        ((84, 84, 4), 336),
        ((3, 64, 48), 48),
        ((1, 84, 84), 84),
        ((4, 4, 4), 0),
        ((84,), 0),
        ((2, 1000, 1000), 0),
    ],
)
def test_images_of_bytes_are_encoded_by_row(shape, row_bytes):
    box = spaces.Box(0, 255, shape, np.uint8)
    assert ReplayBuffer(10, box, spaces.Discrete(2), device="numpy").ring.row_bytes == row_bytes
    floats = spaces.Box(0, 1, shape, np.float32)
    assert ReplayBuffer(10, floats, spaces.Discrete(2), device="numpy").ring.row_bytes == 0
