"""Arguments of the replay buffers: one clear line for what is out of range or of another type."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer

BOX = spaces.Box(-1, 1, (2,), np.float32)


def buffer_of(buffer_size=10, kind=ReplayBuffer, **options):
    return kind(buffer_size, BOX, spaces.Discrete(2), **{"device": "numpy", "seed": 1, **options})


def add(buffer):
    obs = np.zeros((buffer.n_envs, 2), np.float32)
    n = buffer.n_envs
    buffer.add(obs, obs, np.zeros(n, np.int64), np.zeros(n), np.zeros(n, bool), [{}] * n)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, r"seed: expected an integer from 0 to 2\*\*64-1, got -1"),
        (
            {"seed": 2**64},
            r"seed: expected an integer from 0 to 2\*\*64-1, got 18446744073709551616",
        ),
        (
            {"buffer_size": 10**30},
            r"buffer_size: expected an integer from 1 to 2\*\*40, got 10{30}$",
        ),
        ({"buffer_size": 0}, "buffer_size: expected an integer from 1 to .*, got 0"),
        ({"buffer_size": -(10**30)}, "buffer_size: expected an integer from 1 to .*, got -10{30}$"),
        ({"n_envs": 0}, "n_envs: expected an integer from 1 to .*, got 0"),
        ({"n_envs": 10**30}, "n_envs: expected an integer from 1 to .*, got 10{30}$"),
        ({"n_step": 0}, "n_step: expected an integer from 1 to .*, got 0"),
        ({"n_step": 2**64}, "n_step: expected an integer from 1 to .*, got 18446744073709551616"),
        ({"frame_stack": 10**30}, "frame_stack: expected an integer from 1 to .*, got 10{30}$"),
        ({"frame_stack": 0}, "frame_stack: expected an integer from 1 to .*, got 0"),
        ({"frame_stack": 3}, "frame_stack: expected a divisor of the first axis"),
        ({"gamma": 2}, "gamma: expected a number from 0 to 1, got 2"),
    ],
)
def test_a_number_out_of_range_is_refused_in_one_line(options, message):
    with pytest.raises(ValueError, match=message) as error:
        buffer_of(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
@pytest.mark.parametrize("device", ["gpu", "", "cuda:x", None, 3.5])
def test_a_device_that_torch_does_not_know_is_refused_at_construction(kind, device):
    with pytest.raises(ValueError, match=r"device: expected 'auto', .*, got") as error:
        buffer_of(kind=kind, device=device)
    assert repr(device) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", torch.device("cuda")])
def test_cuda_is_refused_at_construction_where_torch_finds_none(device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match="device: expected a device that torch finds, got 'cuda"):
        buffer_of(device=device)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buffer_size": 1e5}, "buffer_size: expected an integer, got 100000.0; write 100000$"),
        ({"buffer_size": "10"}, "buffer_size: expected an integer, got '10'"),
        ({"n_envs": 2.0}, "n_envs: expected an integer, got 2.0"),
        ({"n_step": 3.0}, "n_step: expected an integer, got 3.0"),
        ({"seed": 1.5}, "seed: expected an integer, got 1.5"),
        ({"seed": np.float32(3)}, r"seed: expected an integer, got .*3.0"),
        ({"frame_stack": 1.0}, "frame_stack: expected an integer, got 1.0"),
        ({"gamma": "high"}, "gamma: expected a number from 0 to 1, got 'high'"),
    ],
)
def test_a_float_or_text_is_no_integer(options, message):
    with pytest.raises(TypeError, match=message) as error:
        buffer_of(**options)
    assert "\n" not in str(error.value)


def test_numpy_integers_are_integers():
    buffer = buffer_of(
        np.int32(40), n_envs=np.uint8(2), n_step=np.int64(3), seed=np.uint64(2**64 - 1)
    )
    assert (buffer.buffer_size, buffer.n_envs, buffer.n_step) == (20, 2, 3)
    add(buffer)
    assert len(buffer.sample(np.int16(5)).rewards) == 5


@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
@pytest.mark.parametrize("batch_size", [0, -3, 10**30])
def test_a_batch_size_out_of_range_is_refused_in_one_line(kind, batch_size):
    buffer = buffer_of(kind=kind)
    add(buffer)
    message = f"batch_size: expected an integer from 1 to .*, got {batch_size}$"
    for sample in (buffer.sample, lambda size: next(buffer.batches(size))):
        with pytest.raises(ValueError, match=message):
            sample(batch_size)


@pytest.mark.parametrize("batch_size", [32.0, None, "32"])
def test_a_batch_size_that_is_no_integer_is_refused_in_one_line(batch_size):
    buffer = buffer_of()
    add(buffer)
    with pytest.raises(TypeError, match=f"batch_size: expected an integer, got {batch_size!r}"):
        buffer.sample(batch_size)


@pytest.mark.parametrize("guard", [-1, 10**30])
def test_a_guard_out_of_range_is_refused_in_one_line(guard):
    with pytest.raises(ValueError, match=f"guard: expected an integer from 0 to .*, got {guard}$"):
        buffer_of().window(guard)


BAD_STATES = [
    (0, 0, 0, 0),
    (1, 2, 3),
    (1, 2, 3, 4, 5),
    (1, 2, 3, -4),
    (1, 2, 3, 2**64),
    (1, 2, 3, 4.5),
    (1, 2, 3, "4"),
    None,
    7,
    "1234",
]


@pytest.mark.parametrize("state", BAD_STATES, ids=str)
def test_a_generator_state_is_four_words_that_are_not_all_0(state):
    buffer = buffer_of()
    before = buffer.generator_state
    message = "generator_state: expected four integers from 0 to .* that are not all 0, got"
    with pytest.raises(ValueError, match=message) as error:
        buffer.generator_state = state
    assert "\n" not in str(error.value)
    assert buffer.generator_state == before


def test_a_generator_state_may_come_as_an_array():
    buffer = buffer_of()
    buffer.generator_state = np.array([1, 2, 3, 2**64 - 1], np.uint64)
    assert buffer.generator_state == (1, 2, 3, 2**64 - 1)
