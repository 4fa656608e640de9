"""ReplayBuffer compared with SB3's memory-saving buffer and a bare gather: a random play of
Breakout, stacks of 4×84×84, one environment.

pytest benchmarks/test_bench_replay.py --benchmark-only --benchmark-group-by=group
"""

import time

import pytest

from bare_gather import BareGather
from recorded_games import breakout
from replay_contenders import FRAMERING, SB3, fill, make

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 50, "arguments": []}

CAPACITY = 200_000
BUFFERS = [FRAMERING, SB3]


def steps():
    """Return the arguments of `add` for a random play of Breakout, endlessly."""
    return breakout().play()


@pytest.fixture(scope="module", params=BUFFERS)
def full(request):
    buffer = make(request.param, CAPACITY)
    fill(buffer, steps(), CAPACITY + 1000)
    return buffer


@pytest.mark.benchmark(group="add while the buffer fills")
@pytest.mark.parametrize("name", BUFFERS)
def test_time_to_add_while_the_buffer_fills(benchmark, name):
    buffer, source = make(name, CAPACITY), steps()

    def step_the_environment():
        # The steps of the fastest emulator are further apart.
        end = time.perf_counter() + 200e-6
        arguments = next(source)
        while time.perf_counter() < end:
            pass
        return arguments, {}

    benchmark.pedantic(buffer.add, setup=step_the_environment, rounds=20_000)


@pytest.mark.benchmark(group="add after the first lap")
def test_add_after_the_first_lap(benchmark, full):
    source = steps()
    benchmark.pedantic(full.add, setup=lambda: (next(source), {}), rounds=20_000)


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
    buffer = make(FRAMERING, capacity)
    fill(buffer, steps(), capacity + 100)
    benchmark.pedantic(buffer.sample, args=(32,), rounds=1000, warmup_rounds=10)
