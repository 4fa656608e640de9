"""Workers of a torch DataLoader draw batches of their own."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.utils.data import DataLoader, IterableDataset

from framering import PrioritizedReplayBuffer, ReplayBuffer

BOX = spaces.Box(-1, 1, (2,), np.float32)
OBS = np.zeros((1, 2), np.float32)
BATCHES = 50


class Batches(IterableDataset):
    """Each worker's batches, as the actions in them, which name the transitions."""

    def __init__(self, buffer, state=None):
        self.buffer = buffer
        self.state = state

    def __iter__(self):
        if self.state is not None:
            self.buffer.generator_state = self.state
        for _ in range(BATCHES):
            yield self.buffer.sample(8).actions[:, 0]


def filled(kind=ReplayBuffer, seed=1):
    buffer = kind(500, BOX, spaces.Discrete(500), device="cpu", seed=seed)
    for step in range(500):
        buffer.add(OBS, OBS, [step], [0.0], [True], [{}])
    return buffer


def draw(dataset, torch_seed=1, **options):
    torch.manual_seed(torch_seed)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, **options)
    return [tuple(actions.tolist()) for actions in loader]


@pytest.mark.parametrize(
    ("kind", "seed", "method"),
    [
        (ReplayBuffer, None, "fork"),
        (ReplayBuffer, 1, "fork"),
        (PrioritizedReplayBuffer, 1, "fork"),
        (ReplayBuffer, 1, "spawn"),
    ],
)
def test_two_workers_draw_distinct_batches(kind, seed, method):
    batches = draw(Batches(filled(kind, seed)), multiprocessing_context=method)

    assert len(set(batches)) == 2 * BATCHES


def test_two_workers_draw_distinct_batches_after_their_parent_has_sampled():
    buffer = filled()
    buffer.sample(8)

    batches = draw(Batches(buffer), multiprocessing_context="fork")

    assert len(set(batches)) == 2 * BATCHES


def test_batches_repeat_with_both_seeds_and_differ_with_either():
    expected = draw(Batches(filled()))

    assert draw(Batches(filled())) == expected
    assert not set(draw(Batches(filled(seed=2)))) & set(expected)
    assert not set(draw(Batches(filled()), torch_seed=2)) & set(expected)


def test_a_second_epoch_has_other_batches():
    loader = DataLoader(Batches(filled()), batch_size=None, num_workers=1)
    epochs = [{tuple(actions.tolist()) for actions in loader} for _ in range(2)]

    assert not epochs[0] & epochs[1]


def test_a_generator_state_that_is_set_in_a_worker_stays():
    buffer = filled()
    state = (1, 2, 3, 4)
    batches = draw(Batches(buffer, state))

    buffer.generator_state = state
    expected = [tuple(buffer.sample(8).actions[:, 0].tolist()) for _ in range(BATCHES)]
    assert sorted(batches) == sorted(2 * expected)


def test_the_main_process_draws_as_before():
    alone, beside = filled(), filled()
    draw(Batches(beside))

    assert torch.equal(alone.sample(8).actions, beside.sample(8).actions)
