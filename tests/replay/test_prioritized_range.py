"""Priorities at the ends of float32: every power of them is finite and above zero."""

import json
import math

import numpy as np
import pytest
from gymnasium import spaces

from framering import PrioritizedReplayBuffer

BOX = spaces.Box(-1, 1, (2,), np.float32)
SMALLEST = float(np.finfo(np.float32).tiny)
LARGEST = float(np.finfo(np.float32).max)


def filled(transitions=4, **options):
    options = {"device": "numpy", "seed": 1, **options}
    buffer = PrioritizedReplayBuffer(100, BOX, spaces.Discrete(2), **options)
    obs = np.zeros((1, 2), np.float32)
    for reward in range(transitions):
        buffer.add(obs, obs, np.array([0]), np.array([reward]), np.array([False]), [{}])
    return buffer


def index_of(buffer, reward):
    for _ in range(1000):
        batch = buffer.sample(50)
        found = batch.indices[batch.rewards[:, 0] == reward]
        if len(found):
            return found[:1]
    raise AssertionError(f"reward {reward} was never drawn")


def set_priorities(buffer, priorities):
    indices = [index_of(buffer, reward) for reward in range(len(priorities))]
    buffer.update_priorities(np.concatenate(indices), np.array(priorities, np.float64))


@pytest.mark.parametrize("epsilon", [1e-50, 1e-39, 0, -1, math.nan, math.inf, 1e39])
def test_an_epsilon_that_float32_cannot_hold_is_refused(epsilon):
    with pytest.raises(ValueError, match=r"epsilon: expected a number from 1.17\S*e-38 to 3.4\S*e"):
        filled(epsilon=epsilon)
    buffer = filled()
    with pytest.raises(ValueError, match="epsilon: expected"):
        buffer.epsilon = epsilon
    assert buffer.epsilon == 1e-6


@pytest.mark.parametrize("alpha", [11, 7.001, -0.1, math.nan, math.inf])
def test_an_alpha_whose_powers_leave_the_range_is_refused(alpha):
    with pytest.raises(ValueError, match=r"alpha: expected a number from 0 to 7, got"):
        filled(alpha=alpha)
    buffer = filled(alpha=0.5)
    with pytest.raises(ValueError, match=r"alpha: expected a number from 0 to 7, got"):
        buffer.alpha = alpha
    assert buffer.alpha == 0.5


@pytest.mark.parametrize("alpha", [0, 0.6, 1, 7])
def test_transitions_of_the_smallest_priority_are_drawn_evenly(alpha):
    buffer = filled(alpha=alpha, epsilon=SMALLEST)
    set_priorities(buffer, [0, 0, 0, 0])
    batch = buffer.sample(400)
    assert np.unique(batch.rewards, return_counts=True)[1].tolist() == [100] * 4
    assert (batch.weights == 1).all()


@pytest.mark.parametrize("alpha", [0, 0.6, 1, 7])
def test_transitions_of_the_largest_priority_are_drawn_evenly(alpha):
    buffer = filled(alpha=alpha)
    set_priorities(buffer, [LARGEST] * 4)
    batch = buffer.sample(400)
    assert np.unique(batch.rewards, return_counts=True)[1].tolist() == [100] * 4
    assert (batch.weights == 1).all()


def test_priorities_at_both_ends_give_finite_weights():
    buffer = filled(alpha=7, beta=1, epsilon=SMALLEST)
    set_priorities(buffer, [LARGEST, LARGEST / 2, 0, 0])
    batch = buffer.sample(1280)
    assert np.isfinite(batch.weights).all()
    # (1/2)^7 of the one's probability, to within a draw at each end of its stratum
    assert abs((batch.rewards == 1).sum() - 1280 / 129) <= 2


def test_a_changed_alpha_takes_the_same_range():
    buffer = filled(alpha=0.1)
    set_priorities(buffer, [LARGEST] * 4)
    buffer.alpha = 7
    assert len(np.unique(buffer.sample(400).rewards)) == 4


@pytest.mark.parametrize("values", [[0.0], [SMALLEST / 4], [math.nan], [math.inf], [1e39]])
def test_the_core_refuses_a_priority_that_float32_cannot_hold(values):
    buffer = filled()
    index = index_of(buffer, 0)
    before = buffer._sampler.priorities()[0].tolist()
    with pytest.raises(ValueError, match="priorities: expected"):
        buffer._sampler.update(index, np.array(values), 0.0)
    assert buffer._sampler.priorities()[0].tolist() == before


@pytest.mark.parametrize("highest", [0.0, -1.0, math.nan, math.inf])
def test_the_core_refuses_to_restore_a_highest_priority_that_is_none(highest):
    buffer = filled(1)
    with pytest.raises(ValueError, match="priorities do not fit"):
        buffer._sampler.restore(np.ones(2, np.float32), highest)


def reloaded(buffer, change, tmp_path):
    """Load what the buffer saves, with the header and the priorities changed."""
    values, highest = buffer._sampler.priorities()
    header = {"alpha": buffer.alpha, "beta": buffer.beta, "highest": highest}
    header, values = change(header, values)
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    lines = buffer._snapshotter()._header().split(b"\n")[:2]
    extra = b"\n".join([*lines, text, values.tobytes()])
    path = tmp_path / "buffer"
    with open(path, "wb") as file:
        buffer._sampler.save(file.fileno(), extra)
    loaded = filled(0, alpha=0.25, beta=0.75)
    loaded.load(path)
    return loaded


def test_small_priorities_of_an_older_snapshot_are_drawn(tmp_path):
    def shrink(header, values):
        return header, np.where(values > 0, np.float32(1e-42), np.float32(0))

    loaded = reloaded(filled(epsilon=1e-6), shrink, tmp_path)
    assert len(np.unique(loaded.sample(400).rewards)) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda header, values: ({**header, "alpha": 11}, values),
        lambda header, values: ({**header, "alpha": math.nan}, values),
        lambda header, values: ({**header, "alpha": "0.5"}, values),
        lambda header, values: ({**header, "beta": -1}, values),
        lambda header, values: ({**header, "beta": None}, values),
        lambda header, values: ({**header, "highest": 0}, values),
        lambda header, values: ({**header, "highest": 1e39}, values),
        lambda header, values: ({"alpha": 0.5}, values),
        lambda header, values: ([1, 2, 3], values),
        lambda header, values: (b"{", values),
        lambda header, values: (b"\xff\xfe", values),
        lambda header, values: (header, values[:-1]),
        lambda header, values: (header, -values),
        lambda header, values: (header, values * np.float32(np.nan)),
        lambda header, values: (header, values.view(np.uint8)[:-1]),
    ],
)
def test_a_forged_header_is_refused_and_the_buffer_stays_as_it_was(change, tmp_path):
    loaded = None
    with pytest.raises(ValueError, match="snapshot"):
        loaded = reloaded(filled(), change, tmp_path)
    assert loaded is None
