"""How much memory transitions take, measured from outside."""

import subprocess
import sys

import numpy as np
import pytest
from gymnasium import spaces

from framering import AtariVectorEnv, ReplayBuffer

FILL = """
import resource, sys
import numpy as np
from gymnasium import spaces
from framering import ReplayBuffer

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

transitions = int(sys.argv[1])
frames = np.load(sys.argv[2])
limit = int(sys.argv[3]) or None
before = resident()
stacks = spaces.Box(0, 255, (4, 84, 84), np.uint8)
buffer = ReplayBuffer(transitions, stacks, spaces.Discrete(6), device="cpu", memory_limit=limit)
obs = np.zeros((1, *stacks.shape), np.uint8)
action, reward, done, infos = np.zeros(1, np.int64), np.zeros(1), np.zeros(1, bool), [{}]
for step in range(transitions * 9 // 4):  # more than twice around
    next_obs = np.concatenate([obs[:, 1:], frames[None, step % len(frames), None]], axis=1)
    buffer.add(obs, next_obs, action, reward, done, infos)
    obs = next_obs
print(buffer.size(), resident() - before)
"""
# macOS has no /proc to measure with, and takes what is given back only when it needs memory.
MEASURES_MEMORY = pytest.mark.linux("memory that is given back at once")
STACKS = spaces.Box(0, 255, (4, 84, 84), np.uint8)


def fill(transitions, frames, path, limit=0):
    """Fill a buffer in a process of its own; return its size and the bytes that it takes."""
    np.save(path, frames)
    found = subprocess.run(
        [sys.executable, "-c", FILL, str(transitions), str(path), str(limit)],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    size, taken = found.stdout.split()[-2:]
    return int(size), int(taken)


def noise(number):
    return np.random.default_rng(0).integers(0, 256, (number, 84, 84), np.uint8)


def played(game, number):
    """Frames of a game that is played at random."""
    envs = AtariVectorEnv(f"{game}NoFrameskip-v4", 1, num_workers=0)
    random = np.random.default_rng(0)
    envs.reset(seed=1)
    frames = []
    for _ in range(number):
        observations, *_ = envs.step(random.integers(0, envs.single_action_space.n, 1))
        frames.append(observations[0, -1].copy())
    envs.close()
    return np.stack(frames)


@MEASURES_MEMORY
def test_a_transition_of_noise_takes_little_more_than_a_raw_frame(tmp_path):
    transitions = 60_000
    size, taken = fill(transitions, noise(64), tmp_path / "frames.npy")
    assert size == transitions
    assert taken / transitions <= 7.4 * 1024


@MEASURES_MEMORY
@pytest.mark.parametrize("game", ["Breakout", "Pong"])
def test_a_transition_of_a_game_takes_a_thirtieth_of_that(game, tmp_path):
    transitions = 100_000
    size, taken = fill(transitions, played(game, 10_000), tmp_path / "frames.npy")
    assert size == transitions
    assert taken / transitions <= 320


@MEASURES_MEMORY
def test_a_memory_limit_holds_and_the_newest_transitions_are_kept(tmp_path):
    limit = 100_000_000
    size, taken = fill(60_000, noise(64), tmp_path / "frames.npy", limit)
    assert taken <= limit + 2**22
    assert size >= 0.9 * limit / (7056 + 40)


@MEASURES_MEMORY
def test_memory_follows_the_content_down_again():
    buffer = ReplayBuffer(20_000, STACKS, spaces.Discrete(6), device="numpy")
    writer = buffer.ring.writer(0)
    frames = noise(64)
    writer.begin_segment(frames[0])
    for step in range(20_000):
        writer.append(frames[step % 64], 0, 0.0, False, False)
    full = resident_bytes()
    for _ in range(25_000):
        writer.append(frames[0], 0, 0.0, False, False)
    assert full - resident_bytes() >= 0.9 * 20_000 * 7056


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@pytest.mark.parametrize("limit", [30_000, 50_000, 1_000_000])
def test_with_a_memory_limit_samples_are_of_the_newest_transitions(limit):
    """Frames that tell their step, so that each row can be checked."""
    box = spaces.Box(0, 255, (2, 16, 16), np.uint8)
    buffer = ReplayBuffer(400, box, spaces.Discrete(2**40), device="numpy", memory_limit=limit)
    random = np.random.default_rng(0)
    # Sometimes noise, sometimes nearly constant.
    frames = np.where(
        (np.arange(3000) // 100 % 2)[:, None, None],
        random.integers(0, 256, (3000, 16, 16)),
        np.arange(3000)[:, None, None] % 251,
    ).astype(np.uint8)
    for step in range(1, 2999):
        obs, next_obs = frames[None, step - 1 : step + 1], frames[None, step : step + 2]
        buffer.add(obs, next_obs, [step], [step], [step % 50 == 0], [{}])
        if step % 97 == 0:
            size = buffer.size()
            assert 1 <= size <= 400
            batch = buffer.sample(64)
            steps = batch.actions[:, 0]
            assert steps.min() > step - size
            assert steps.max() <= step
            np.testing.assert_array_equal(
                batch.observations, frames[steps[:, None] + np.array([-1, 0])]
            )
            np.testing.assert_array_equal(
                batch.next_observations, frames[steps[:, None] + np.array([0, 1])]
            )
    assert (buffer.size() == 400) == (limit == 1_000_000)


def test_a_limit_on_raw_observations_removes_the_oldest():
    box = spaces.Box(-1, 1, (100,), np.float32)
    buffer = ReplayBuffer(10_000, box, spaces.Discrete(2), device="numpy", memory_limit=100_000)
    obs = np.zeros((1, 100), np.float32)
    for _ in range(1000):
        buffer.add(obs, obs, [0], [0.0], [False], [{}])
    assert 200 <= buffer.size() <= 100_000 / 424


@pytest.mark.parametrize("space", [STACKS, spaces.Box(-1, 1, (100,), np.float32)])
def test_a_limit_that_is_too_small_names_the_least(space):
    with pytest.raises(ValueError, match="memory_limit: expected at least") as raised:
        ReplayBuffer(100, space, spaces.Discrete(2), memory_limit=1000)
    least = int(str(raised.value).split("at least ")[1].split()[0])
    ReplayBuffer(100, space, spaces.Discrete(2), memory_limit=least)


def test_a_snapshot_fits_into_a_smaller_limit_with_the_newest_transitions(tmp_path):
    buffer = ReplayBuffer(200, STACKS, spaces.Discrete(1000), device="numpy", seed=1)
    frames = noise(204)
    for step in range(200):
        obs, next_obs = frames[None, step : step + 4], frames[None, step + 1 : step + 5]
        buffer.add(obs, next_obs, [step], [0.0], [False], [{}])
    buffer.save(tmp_path / "buffer")
    small = ReplayBuffer(200, STACKS, spaces.Discrete(1000), device="numpy", memory_limit=10**6)
    small.load(tmp_path / "buffer")
    assert 50 < small.size() < 140
    batch = small.sample(100)
    steps = batch.actions[:, 0]
    assert steps.min() >= 200 - small.size()
    np.testing.assert_array_equal(batch.observations, frames[steps[:, None] + np.arange(4)])


@pytest.mark.linux("a limit of the address space")
def test_where_the_address_space_is_limited_a_memory_limit_reserves_less():
    script = """if True:
        import resource
        import numpy as np
        from gymnasium import spaces
        from framering import ReplayBuffer

        stacks = spaces.Box(0, 255, (4, 84, 84), np.uint8)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        try:
            ReplayBuffer(2_000_000, stacks, spaces.Discrete(6), device="numpy")
        except MemoryError as error:
            assert "memory_limit" in str(error), error
        else:
            raise AssertionError("15 GB were reserved in 8")
        ReplayBuffer(
            2_000_000, stacks, spaces.Discrete(6), device="numpy", memory_limit=400_000_000
        )
    """
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_with_the_least_limit_the_last_transition_can_be_sampled_whatever_was_added():
    with pytest.raises(ValueError, match="memory_limit: expected at least") as raised:
        ReplayBuffer(100, STACKS, spaces.Discrete(1000), memory_limit=1)
    least = int(str(raised.value).split("at least ")[1].split()[0])
    buffer = ReplayBuffer(
        100, STACKS, spaces.Discrete(1000), device="numpy", seed=1, memory_limit=least
    )
    # Each frame shares a few rows with the one before: deltas that are nearly as long as raw frames
    # need sixteen frames before them.
    random = np.random.default_rng(0)
    rows = random.integers(0, 256, (10, 84), np.uint8)
    for step in range(100):
        obs, next_obs = random.integers(0, 256, (2, 1, *STACKS.shape), np.uint8)
        obs[:, :, :10] = next_obs[:, :, :10] = rows
        buffer.add(obs, next_obs, [step], [0.0], [False], [{}])
        batch = buffer.sample(200)
        newest = batch.actions[:, 0] == step
        assert newest.any()
        np.testing.assert_array_equal(batch.observations[newest][0], obs[0])
        np.testing.assert_array_equal(batch.next_observations[newest][0], next_obs[0])
