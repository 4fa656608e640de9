from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from framering.replay.buffer import ReplayBuffer
from framering.training.prefetch import BatchPrefetcher

STACKS = Box(0, 255, (4, 36, 36), np.uint8)


def replay_of(transitions=50, device="cpu", **settings):
    replay = ReplayBuffer(100, STACKS, Discrete(3), device, seed=1, **settings)
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 256, (1, 4, 36, 36), np.uint8)
    for step in range(transitions):
        frame = rng.integers(0, 256, (1, 1, 36, 36), np.uint8)
        following = np.concatenate([stack[:, 1:], frame], axis=1)
        replay.add(
            stack, following, np.array([step % 3]), np.array([step]), np.array([False]), [{}]
        )
        stack = following
    return replay


def assert_equal(prefetched, expected):
    for ours, theirs in zip(prefetched, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert torch.equal(ours.cpu(), theirs.cpu())


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def test_batches_are_those_of_the_replay_buffer_in_its_order(device, n_step):
    prefetcher = BatchPrefetcher(replay_of(n_step=n_step, device=device), 8)
    plain = replay_of(n_step=n_step)

    prefetched = [batch for number in (0, 1, 2, 10) for batch in prefetcher.batches(number)]

    assert len(prefetched) == 13
    for batch in prefetched:
        assert batch.observations.device.type == device
        assert_equal(batch, plain.sample(8))


def test_batches_of_a_window_see_nothing_that_came_later():
    replay = replay_of(20)
    prefetcher = BatchPrefetcher(replay, 64)
    window = replay.window()
    batches = prefetcher.batches(3, window)
    first = next(batches)
    replay.add(
        np.zeros((1, 4, 36, 36), np.uint8),
        np.zeros((1, 4, 36, 36), np.uint8),
        np.array([0]),
        np.array([999.0]),
        np.array([False]),
        [{}],
    )

    assert all(999.0 not in batch.rewards for batch in [first, *batches])


def test_no_batch_is_drawn_beyond_the_number_asked_for():
    prefetched, plain = replay_of(), replay_of()

    list(BatchPrefetcher(prefetched, 8).batches(3))
    for _ in range(3):
        plain.sample(8)

    assert prefetched.generator_state == plain.generator_state


class RecordedCuda:
    """In place of ``torch.cuda`` and of a replay buffer there: lists what is asked of them."""

    device = torch.device("cuda")

    def __init__(self):
        self.calls = []
        self._current = "main"
        self._drawn = 0
        self._events = 0

    def Stream(self, device):  # noqa: N802
        return "side"

    @contextmanager
    def stream(self, stream):
        self._current = stream
        yield
        self._current = "main"

    def Event(self):  # noqa: N802
        self._events += 1
        event = f"event {self._events}"
        record = lambda stream: self.calls.append(f"record {event} on {stream}")  # noqa: E731
        return SimpleNamespace(name=event, record=record)

    def current_stream(self, device):
        wait = lambda event: self.calls.append(f"{self._current} waits for {event.name}")  # noqa: E731
        return SimpleNamespace(name=self._current, wait_event=wait)

    def sample(self, batch_size, window):
        self._drawn += 1
        batch = f"batch {self._drawn}"
        self.calls.append(f"draw {batch} on {self._current}")
        keep = lambda stream: self.calls.append(f"keep {batch} for {stream.name}")  # noqa: E731
        return (SimpleNamespace(record_stream=keep), None)


def test_on_cuda_a_batch_is_copied_beside_the_update_before_it(monkeypatch):
    cuda = RecordedCuda()
    monkeypatch.setattr(torch, "cuda", cuda)

    for number, _ in enumerate(BatchPrefetcher(cuda, 8).batches(3), 1):
        cuda.calls.append(f"update {number}")

    assert cuda.calls == [
        "draw batch 1 on side",
        "record event 1 on side",
        "draw batch 2 on side",
        "record event 2 on side",
        "main waits for event 1",
        "keep batch 1 for main",
        "update 1",
        "draw batch 3 on side",
        "record event 3 on side",
        "main waits for event 2",
        "keep batch 2 for main",
        "update 2",
        "main waits for event 3",
        "keep batch 3 for main",
        "update 3",
    ]
