"""ReplayBuffer compared with SB3's memory-saving buffer and a bare gather: stacks of 4×84×84, one
environment.

pytest benchmarks/test_bench_replay.py --benchmark-only --benchmark-group-by=group
"""

import itertools
import time

import numpy as np
import pytest
from gymnasium import spaces

from bare_gather import BareGather
from framering import ReplayBuffer

STACKS = spaces.Box(0, 255, (4, 84, 84), np.uint8)
ACTIONS = spaces.Discrete(6)
CAPACITY = 200_000


def framering_buffer(capacity):
    return ReplayBuffer(capacity, STACKS, ACTIONS, device="cpu")


def sb3_buffer(capacity):
    from stable_baselines3.common.buffers import ReplayBuffer as Sb3Buffer

    return Sb3Buffer(
        capacity,
        STACKS,
        ACTIONS,
        device="cpu",
        optimize_memory_usage=True,
        handle_timeout_termination=False,
    )


BUFFERS = {"framering": framering_buffer, "sb3": sb3_buffer}


def steps():
    """Yield the arguments of `add` for stacks of four frames in one long episode."""
    frames = np.random.default_rng(0).integers(0, 256, (512, 84, 84), np.uint8)
    obs = np.zeros((1, *STACKS.shape), np.uint8)
    action, reward, done = np.array([3]), np.array([1.0]), np.array([False])
    for index in itertools.count():
        next_obs = np.concatenate([obs[:, 1:], frames[None, None, index % 512]], axis=1)
        yield (obs, next_obs, action, reward, done, [{}]), {}
        obs = next_obs


@pytest.fixture(scope="module", params=BUFFERS)
def full(request):
    buffer = BUFFERS[request.param](CAPACITY)
    for arguments, _ in itertools.islice(steps(), CAPACITY + 1000):
        buffer.add(*arguments)
    return buffer


@pytest.mark.benchmark(group="add while the buffer fills")
@pytest.mark.parametrize("name", BUFFERS)
def test_time_to_add_while_the_buffer_fills(benchmark, name):
    buffer, source = BUFFERS[name](CAPACITY), steps()

    def step_the_environment():
        # The steps of the fastest emulator are further apart.
        end = time.perf_counter() + 200e-6
        arguments = next(source)
        while time.perf_counter() < end:
            pass
        return arguments

    benchmark.pedantic(buffer.add, setup=step_the_environment, rounds=20_000)


@pytest.mark.benchmark(group="add after the first lap")
def test_add_after_the_first_lap(benchmark, full):
    source = steps()
    benchmark.pedantic(full.add, setup=lambda: next(source), rounds=20_000)


@pytest.mark.parametrize("batch_size", [32, 256])
def test_time_to_sample_a_batch(benchmark, full, batch_size):
    benchmark.group = f"sample({batch_size})"
    benchmark.pedantic(full.sample, args=(batch_size,), rounds=300, warmup_rounds=10)


@pytest.mark.parametrize("batch_size", [32, 256])
def test_time_of_a_bare_gather(benchmark, batch_size):
    benchmark.group = f"sample({batch_size})"
    bare = BareGather(CAPACITY, batch_size, 84 * 84, 4)
    benchmark.pedantic(bare, rounds=300, warmup_rounds=10)


@pytest.mark.benchmark(group="sample(32) by how many transitions there are")
@pytest.mark.parametrize("capacity", [10_000, 100_000, 1_000_000])
def test_time_to_sample_by_capacity(benchmark, capacity):
    buffer = framering_buffer(capacity)
    for arguments, _ in itertools.islice(steps(), capacity + 100):
        buffer.add(*arguments)
    benchmark.pedantic(buffer.sample, args=(32,), rounds=1000, warmup_rounds=10)
