"""Batches in given arrays, in pinned memory, as NumPy arrays, prefetched and normalized."""

import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest
import torch
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer, ReplayBufferSamples

BOX = spaces.Box(-10, 10, (3,), np.float32)
STACKS = spaces.Box(0, 255, (4, 6, 5), np.uint8)


def filled(space=STACKS, steps=40, kind=ReplayBuffer, **options) -> ReplayBuffer:
    buffer = kind(100, space, spaces.Discrete(1000), **{"device": "cpu", **options})
    frames = np.zeros((1, *space.shape), space.dtype)
    for step in range(steps):
        obs, frames = frames, np.roll(frames, -1, axis=1)
        frames[:, -1] = step
        ends = step % 13 == 12
        buffer.add(obs, frames, [step], [float(step)], [ends], [{}])
        if ends:
            frames = np.zeros_like(frames)
    return buffer


def empty_samples(rows=8, discounts=None) -> ReplayBufferSamples:
    return ReplayBufferSamples(
        torch.empty((rows, *STACKS.shape), dtype=torch.uint8),
        torch.empty((rows, 1), dtype=torch.int64),
        torch.empty((rows, *STACKS.shape), dtype=torch.uint8),
        torch.empty((rows, 1)),
        torch.empty((rows, 1)),
        discounts,
    )


@pytest.mark.parametrize("n_step", [1, 3])
def test_given_tensors_are_filled(n_step):
    buffer = filled(n_step=n_step)
    out = empty_samples(discounts=torch.empty((8, 1)) if n_step > 1 else None)
    np.random.seed(1)
    assert buffer.sample(8, out=out) is out
    np.random.seed(1)
    for mine, expected in zip(out, buffer.sample(8), strict=True):
        assert (mine is None and expected is None) or torch.equal(mine, expected)


def given_arrays(buffer, rows=8):
    """Arrays for every field of a sample, with values that no sample has."""
    return type(buffer.sample(1))(
        *(None if part is None else torch.full_like(part, 77) for part in buffer.sample(rows))
    )


@pytest.mark.parametrize("n_step", [1, 3])
def test_given_tensors_of_a_prioritized_sample_are_filled(n_step):
    buffer = filled(kind=PrioritizedReplayBuffer, n_step=n_step, seed=1)
    buffer.update_priorities(buffer.sample(20).indices, np.arange(20.0))
    out, state = given_arrays(buffer), buffer.generator_state

    assert buffer.sample(8, out=out) is out

    buffer.generator_state = state
    assert_equal(out, buffer.sample(8))


def test_given_arrays_are_filled():
    buffer = filled(kind=PrioritizedReplayBuffer, device="numpy", seed=1)
    state = buffer.generator_state
    expected = buffer.sample(8)
    out = type(expected)(*(None if x is None else np.full_like(x, 77) for x in expected))
    buffer.generator_state = state

    buffer.sample(8, out=out)

    for mine, other in zip(out, expected, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indices": torch.empty(8)}, r"out.indices: expected a writable, contiguous int64 \(8,\)"),
        ({"indices": torch.empty(7, dtype=torch.int64)}, "out.indices"),
        ({"weights": torch.empty(8)}, r"out.weights: expected .* float32 \(8, 1\), got .* \(8,\)"),
        ({"weights": torch.empty((8, 2))[:, :1]}, "out.weights"),
        ({"weights": None}, "out.weights"),
        ({"rewards": torch.empty((8, 2))}, "out.rewards"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_before_a_draw(change, message):
    buffer = filled(kind=PrioritizedReplayBuffer, seed=1)
    out = given_arrays(buffer)
    state = buffer.generator_state
    with pytest.raises((TypeError, ValueError), match=message):
        buffer.sample(8, out=out._replace(**change))
    assert buffer.generator_state == state
    assert all((part == 77).all() for part in out if part is not None)


@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_an_out_of_another_kind_is_refused(kind):
    other = {ReplayBuffer: PrioritizedReplayBuffer, PrioritizedReplayBuffer: ReplayBuffer}[kind]
    out = given_arrays(filled(kind=other))
    with pytest.raises(
        TypeError, match=f"out: expected {kind.__name__}Samples, got {other.__name__}"
    ):
        filled(kind=kind).sample(8, out=out)


def test_discounts_that_would_not_be_filled_are_refused():
    with pytest.raises(ValueError, match=r"out\.discounts: expected None"):
        filled().sample(8, out=empty_samples(discounts=torch.empty((8, 1))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observations": torch.empty((8, 4, 6, 4), dtype=torch.uint8)}, "out.observations"),
        ({"next_observations": torch.empty((8, 4, 6, 5))}, "out.next_observations"),
        ({"actions": torch.empty((7, 1), dtype=torch.int64)}, "out.actions"),
        ({"rewards": torch.empty((8, 2))[:, :1]}, "out.rewards: expected a writable, contiguous"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        filled().sample(8, out=empty_samples()._replace(**change))


def test_out_together_with_normalization_is_refused():
    with pytest.raises(ValueError, match="expected None together with env"):
        filled().sample(8, env=object(), out=empty_samples())


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_a_batch_drawn_into_pinned_memory_is_the_sample(kind, n_step, monkeypatch):
    plain = filled(kind=kind, n_step=n_step, seed=3)
    pinned = filled(kind=kind, n_step=n_step, seed=3)
    # As on CUDA, but for the memory: pinned memory needs a device.
    monkeypatch.setattr(torch, "empty", partial(_unpinned, torch.empty))
    pinned._transfer.__dict__ |= {"is_cuda": True}
    batch = pinned.sample(8)
    assert_equal(batch, plain.sample(8))
    assert len({part.untyped_storage().data_ptr() for part in batch if part is not None}) == 1


def _unpinned(empty, *shape, pin_memory, **options):
    assert pin_memory
    return empty(*shape, **options)


@pytest.mark.cuda
@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_samples_on_cuda_are_those_of_the_cpu_while_pinned_memory_is_reused(kind, n_step):
    plain = filled(kind=kind, n_step=n_step, seed=3)
    pinned = filled(kind=kind, n_step=n_step, seed=3, device="cuda")
    batches = [pinned.sample(8) for _ in range(100)]  # without waiting for a copy
    for batch in batches:
        assert batch.observations.is_cuda
        assert_equal(batch, plain.sample(8))


def assert_equal(found, expected):
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine is None and theirs is None) or torch.equal(mine.cpu(), theirs)


def test_numpy_samples_need_no_torch():
    code = (
        "import sys, numpy as np\n"
        "from gymnasium import spaces\n"
        "from framering import PrioritizedReplayBuffer, ReplayBuffer\n"
        "space = spaces.Box(-1, 1, (3,), np.float32)\n"
        "for kind in (ReplayBuffer, PrioritizedReplayBuffer):\n"
        "    buffer = kind(10, space, spaces.Discrete(2), device='numpy')\n"
        "    obs = np.zeros((1, 3), np.float32)\n"
        "    buffer.add(obs, obs, [1], [2.0], [False], [{}])\n"
        "    batch = buffer.sample(4)\n"
        "    assert isinstance(batch.observations, np.ndarray)\n"
        "    assert batch.rewards.tolist() == [[2.0]] * 4\n"
        "    assert buffer.device == 'numpy'\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_batches_are_what_sample_gives():
    buffer = filled(seed=4)
    state = buffer.generator_state
    expected = [buffer.sample(16).rewards for _ in range(5)]
    buffer.generator_state = state
    batches = buffer.batches(16)
    for rewards in expected:
        assert torch.equal(next(batches).rewards, rewards)
    batches.close()


def test_batches_follow_numpys_generator():
    buffer = filled()
    runs = []
    for _ in range(2):
        np.random.seed(3)
        batches = buffer.batches(16)
        runs.append(torch.stack([next(batches).rewards for _ in range(5)]))
        batches.close()
    assert torch.equal(*runs)


def test_an_error_of_the_prefetching_thread_is_raised_with_its_batch():
    buffer = ReplayBuffer(10, STACKS, spaces.Discrete(2), device="cpu")
    with pytest.raises(ValueError, match="no transition"):
        next(buffer.batches(4))


class Normalize:
    """The methods of SB3's VecNormalize that sampling calls."""

    def normalize_obs(self, obs):
        return obs / 2

    def normalize_reward(self, reward):
        return np.clip(reward / 3, -5, 5)


def test_each_steps_reward_is_normalized_before_they_are_summed():
    buffer = filled(BOX, n_step=3, gamma=0.5, seed=1)
    batch = buffer.sample(200, env=Normalize())
    step = batch.actions[:, 0].numpy()
    taken = np.minimum(np.minimum(13 - step % 13, 40 - step), 3)
    expected = sum(
        np.where(i < taken, 0.5**i * np.clip((step + i) / 3, -5, 5), 0) for i in range(3)
    )
    np.testing.assert_allclose(batch.rewards[:, 0].numpy(), expected, rtol=1e-6)


def test_rows_are_whole_while_another_thread_adds():
    """Each transition has its number in three fields; no row may mix two."""
    space = spaces.Box(0, 255, (4, 16, 16), np.uint8)
    buffer = ReplayBuffer(64, space, spaces.Discrete(1 << 40), device="cpu")
    stop, wrong = threading.Event(), []

    def frame(step):
        return np.full((16, 16), step % 251, np.uint8)

    def write():
        for step in range(30_000):
            stack = [frame(max(step + i - 3, 0)) for i in range(5)]
            buffer.add(
                np.stack(stack[:4])[None], np.stack(stack[1:])[None], [step], [step], [False], [{}]
            )
        stop.set()

    def read():
        while not stop.is_set():
            if len(buffer) == 0:
                continue
            batch = buffer.sample(16)
            step = batch.actions[:, 0]
            newest = batch.next_observations[:, 3]
            same = (newest == newest[:, :1, :1]).all() and (
                newest[:, 0, 0] == (step + 1) % 251
            ).all()
            if not same or not torch.equal(batch.rewards[:, 0], step.float()):
                wrong.append(batch)

    threads = [threading.Thread(target=target) for target in (write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert stop.is_set()
    assert not wrong


LARGE = spaces.Box(0, 255, (4, 84, 84), np.uint8)


@pytest.mark.parametrize("contiguous", [False, True])
def test_large_batches_come_from_the_pool_of_huge_pages(contiguous):
    batch = filled(LARGE).sample(64, contiguous=contiguous)
    assert batch.observations.data_ptr() % (2 << 20) == 0


def test_the_memory_of_a_batch_is_not_reused_while_a_view_of_it_exists():
    buffer = filled(LARGE)
    parts = [buffer.sample(32).next_observations[3:5] for _ in range(8)]
    copies = [part.clone() for part in parts]
    for _ in range(8):
        buffer.sample(32)
    assert all(torch.equal(part, copy) for part, copy in zip(parts, copies, strict=True))


def test_a_batch_outlives_its_buffer_and_may_be_freed_in_another_thread():
    buffer = filled(LARGE)
    batches = [buffer.sample(32)]
    copy = batches[0].observations.clone()
    del buffer
    assert torch.equal(batches[0].observations, copy)
    thread = threading.Thread(target=batches.clear)
    thread.start()
    thread.join()
