"""PrioritizedReplayBuffer: frequencies of draws, weights, and refused arguments."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from framering import PrioritizedReplayBuffer

STACKS = spaces.Box(0, 255, (4, 6, 5), np.uint8)


def small_buffer(capacity: int = 40, n_envs: int = 1, **options) -> PrioritizedReplayBuffer:
    return PrioritizedReplayBuffer(
        capacity,
        STACKS,
        spaces.Discrete(1000),
        **{"device": "cpu", "n_envs": n_envs, "seed": 5, **options},
    )


def add_episode(buffer, steps, first=0):
    """Transition i of lane j has action first + i + 100 j and newest frame first + i + 1."""
    n = buffer.n_envs
    frames = [first] * 4
    for step in range(first, first + steps):
        obs, frames = frames, [*frames[1:], step + 1]
        arrays = [
            np.broadcast_to(np.array(values, np.uint8)[None, :, None, None], (n, *STACKS.shape))
            for values in (obs, frames)
        ]
        actions = step + 100 * np.arange(n)
        ends = step == first + steps - 1
        buffer.add(*arrays, actions, np.ones(n), np.full(n, ends), [{}] * n)


def indices_by_action(buffer):
    batch = buffer.sample(2000)
    return dict(zip(batch.actions[:, 0].tolist(), batch.indices.tolist(), strict=True))


@pytest.mark.parametrize(("n_envs", "n_step"), [(1, 1), (3, 1), (2, 3)])
def test_the_drawn_distribution_is_the_priorities_after_many_laps(n_envs, n_step):
    alpha = 0.7
    buffer = small_buffer(20 * n_envs, n_envs, alpha=alpha, n_step=n_step)
    for first in (0, 11, 25, 40, 60, 70):
        add_episode(buffer, 10, first)
    where = indices_by_action(buffer)
    assert len(where) == 20 * n_envs
    priorities = {action: (rank % 7 + 1) / 3 for rank, action in enumerate(sorted(where))}
    buffer.update_priorities(
        np.array([where[action] for action in priorities]), np.array(list(priorities.values()))
    )
    draws = 40_000
    actions = torch.cat([buffer.sample(50).actions[:, 0] for _ in range(draws // 50)]).numpy()
    found = np.array([(actions == action).sum() for action in priorities])
    expected = np.array(list(priorities.values())) ** alpha
    expected *= draws / expected.sum()
    chi_squared = ((found - expected) ** 2 / expected).sum()
    # Stratified draws vary less than independent ones, for which the mean is the number less 1.
    assert chi_squared < 20 * n_envs + 4 * np.sqrt(2 * 20 * n_envs)


def test_weights_correct_for_the_probabilities():
    buffer = small_buffer(alpha=1.0, beta=0.5, epsilon=1e-12)
    add_episode(buffer, 10)
    where = indices_by_action(buffer)
    buffer.update_priorities([where[0], where[1]], [4.0, 0.25])
    batch = buffer.sample(3000)
    weights = dict(zip(batch.actions[:, 0].tolist(), batch.weights[:, 0].tolist(), strict=True))
    assert weights[1] == 1
    assert weights[2] == pytest.approx(0.25**0.5)
    assert weights[0] == pytest.approx((0.25 / 4) ** 0.5)
    buffer.beta = 0.0
    assert (buffer.sample(10).weights == 1).all()


def test_the_least_probability_is_that_of_the_rows_of_the_last_batch():
    buffer = small_buffer(alpha=1.0, epsilon=1e-12)
    assert buffer.least_probability == 1
    add_episode(buffer, 10)
    where = indices_by_action(buffer)
    buffer.update_priorities([where[0], where[1]], [4.0, 0.25])
    buffer.sample(3000)

    assert buffer.least_probability == pytest.approx(0.25 / (4 + 0.25 + 8))


def test_new_transitions_have_the_highest_priority_so_far():
    buffer = small_buffer(alpha=1.0)
    add_episode(buffer, 10)
    where = indices_by_action(buffer)
    buffer.update_priorities([where[3]], [30.0])
    add_episode(buffer, 1, first=50)
    actions = buffer.sample(6900).actions[:, 0].tolist()
    assert actions.count(50) == pytest.approx(actions.count(3), rel=0.02)
    assert actions.count(50) == pytest.approx(3000, rel=0.02)


def test_setting_alpha_changes_the_distribution():
    buffer = small_buffer(alpha=0.0)
    add_episode(buffer, 10)
    where = indices_by_action(buffer)
    buffer.update_priorities(list(where.values()), [8.0] + [1.0] * 9)
    heavy = next(iter(where))
    assert buffer.sample(1000).actions[:, 0].tolist().count(heavy) == 100
    buffer.alpha = 1.0
    assert buffer.alpha == 1.0
    assert buffer.sample(1700).actions[:, 0].tolist().count(heavy) == pytest.approx(800, abs=3)


def test_the_other_fields_are_those_of_replay_buffer():
    buffer = small_buffer(n_step=3, gamma=0.5)
    add_episode(buffer, 10)
    batch = buffer.sample(64)
    assert batch.observations.shape == (64, 4, 6, 5)
    assert batch.indices.shape == (64,)
    assert batch.indices.dtype == torch.int64
    assert batch.weights.dtype == torch.float32
    steps = torch.clamp(10 - batch.actions, max=3)
    torch.testing.assert_close(batch.discounts, 0.5**steps)
    torch.testing.assert_close(batch.rewards, 2 - 2 * 0.5**steps)
    torch.testing.assert_close(batch.dones, (batch.actions >= 7).float())


def test_updating_transitions_that_have_left_the_buffer_changes_nothing():
    buffer = small_buffer(10, alpha=1.0)
    add_episode(buffer, 10)
    stale = buffer.sample(10).indices
    add_episode(buffer, 10, first=50)
    buffer.sample(1)
    buffer.update_priorities(stale, np.full(10, 1000.0))
    assert buffer.sample(1000).actions.unique(return_counts=True)[1].tolist() == [100] * 10


def test_forgotten_transitions_are_not_drawn():
    buffer = small_buffer()
    add_episode(buffer, 10)
    buffer.sample(4)
    buffer.reset()
    with pytest.raises(ValueError, match="no transition"):
        buffer.sample(4)
    add_episode(buffer, 3, first=50)
    assert set(buffer.sample(60).actions[:, 0].tolist()) == {50, 51, 52}


def test_a_seed_and_a_window_make_draws_repeatable():
    buffer = small_buffer()
    add_episode(buffer, 10)
    window, state = buffer.window(), buffer.generator_state
    first = buffer.sample(32, window=window).indices
    add_episode(buffer, 3, first=50)
    buffer.generator_state = state
    assert torch.equal(first, buffer.sample(32, window=window).indices)


@pytest.mark.parametrize(
    ("indices", "priorities", "error", "message"),
    [
        ([0], [-1.0], ValueError, "expected finite float32 numbers of at least 0, got -1.0"),
        ([0], [np.nan], ValueError, "expected finite float32 numbers of at least 0, got nan"),
        ([0], [np.inf], ValueError, "finite"),
        ([0], [1e300], ValueError, "finite float32"),
        ([0, 1], [1.0], ValueError, "of 3 elements, as many as indices"),
        ([0.5], [1.0], TypeError, "indices: expected int64, got float64"),
        ([0], [1.0], IndexError, "was never sampled from"),  # a segment's first frame
        ([999], [1.0], IndexError, "was never sampled from"),
        ([-1], [1.0], IndexError, "was never sampled from"),
        ([2**62], [1.0], IndexError, "was never sampled from"),
    ],
)
def test_bad_priorities_are_refused_and_change_nothing(indices, priorities, error, message):
    buffer = small_buffer()
    add_episode(buffer, 10)
    state = buffer.generator_state
    before = buffer.sample(50).indices
    with pytest.raises(error, match=message):
        buffer.update_priorities([2, *indices], [5.0, *priorities])
    buffer.generator_state = state
    assert torch.equal(before, buffer.sample(50).indices)


@pytest.mark.parametrize("option", ["alpha", "beta", "epsilon"])
@pytest.mark.parametrize("value", [-0.5, np.nan, np.inf])
def test_exponents_out_of_range_are_refused(option, value):
    with pytest.raises(ValueError, match=f"{option}: expected a (finite )?number"):
        small_buffer(**{option: value})
