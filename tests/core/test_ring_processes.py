"""The ring between processes: a reader gets only whole frames that a writer published.

Writers in processes of their own lap a small ring as fast as they can. Each word of a frame is a
function of its lane, its slot and its age, so that a torn, stale, lost or doubled frame shows.
For 100 slots frames are noise, so that memory is short; for as many they are nearly constant, so
that it is given back.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest

from framering import ReplayBuffer

SHAPE = (84, 84)
STACK = 4
LANES = 3
WORDS = 84 * 84 // 8
PATTERN = np.random.default_rng(0).integers(2**64, size=WORDS, dtype=np.uint64)
PATTERN[:3] = 0

MULTIPLIER = 0x9E3779B97F4A7C15

# The same words as `frames` below: the first three are lane, slot and age, the rest mix them.
WRITER = textwrap.dedent("""
    import sys
    import numpy as np
    from framering import _core

    fd, lane, steps, seed = map(int, sys.argv[1:])
    ring = _core.Ring.attach(fd)
    writer = ring.writer(lane)
    pattern = np.random.default_rng(0).integers(2**64, size=84 * 84 // 8, dtype=np.uint64)
    pattern[:3] = 0
    draws = np.random.default_rng(seed)
    slot = int(ring.published()[lane])
    first = slot
    while slot - first < steps:
        for age in range(int(draws.integers(1, 40))):
            mix = np.uint64((lane << 56 | slot << 16 | age) * 0x9E3779B97F4A7C15 % 2**64)
            if slot // 100 % 2 == 0:
                words = pattern ^ mix
            else:
                words = np.full_like(pattern, slot // 100)
                words[3 + slot % 800] = mix
            words[:3] = lane, slot, age
            frame = words.view(np.uint8)
            if age == 0:
                written = writer.begin_segment(frame)
            else:
                written = writer.append(frame, slot, slot % 7, slot % 5 == 0, slot % 3 == 0)
            assert written == slot
            slot += 1
    print(slot - first)
""")


def frames(lane: Any, slot: Any, age: Any) -> npt.NDArray[np.uint64]:
    """Words of frames: arrays of lanes, slots and ages to (..., WORDS)."""
    lane, slot, age = (np.asarray(one, np.uint64)[..., None] for one in (lane, slot, age))
    mix = (lane << np.uint64(56) | slot << np.uint64(16) | age) * np.uint64(MULTIPLIER)
    constant = np.broadcast_to(slot // np.uint64(100), (*slot.shape[:-1], WORDS))
    changed = np.arange(WORDS) == 3 + slot % np.uint64(800)
    noise = slot // np.uint64(100) % np.uint64(2) == 0
    words = np.where(noise, PATTERN ^ mix, np.where(changed, mix, constant))
    words[..., :3] = np.concatenate([lane, slot, age], axis=-1)
    return words


def stacks(newest: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Words of the stacks that end in frames whose first words are given, (B, 3)."""
    lane, slot, age = (newest[:, i : i + 1].astype(np.int64) for i in range(3))
    back = np.minimum(np.arange(STACK - 1, -1, -1), age)
    return frames(np.broadcast_to(lane, back.shape), slot - back, age - back)


def start_writer(replay: ReplayBuffer, lane: int, steps: int, seed: int) -> "subprocess.Popen[str]":
    fd = replay.ring.fd
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, *map(str, (fd, lane, steps, seed))],
        pass_fds=(fd,),
        stdout=subprocess.PIPE,
        text=True,
    )


def small_replay(memory_limit: int | None = None) -> ReplayBuffer:
    space = gymnasium.spaces.Box(0, 255, (STACK, *SHAPE), np.uint8)
    actions = gymnasium.spaces.Discrete(2**62)
    return ReplayBuffer(
        LANES * 64,
        space,
        actions,
        "cpu",
        n_envs=LANES,
        seed=0,
        shared=True,
        memory_limit=memory_limit,
    )


def check_newest(replay: ReplayBuffer) -> int:
    """Gather each lane's newest stack, check every word, and return their number."""
    words = np.empty((LANES, STACK, WORDS), np.uint64)
    replay.ring.gather_newest(words.view(np.uint8))
    np.testing.assert_array_equal(words, stacks(words[:, -1, :3]))
    np.testing.assert_array_equal(words[:, -1, 0], np.arange(LANES))
    return words.size


def check_sample(replay: ReplayBuffer, batch_size: int) -> int:
    """Sample transitions, check every word and every record, and return the number of words."""
    batch = replay.sample(batch_size)
    obs, next_obs = (
        np.ascontiguousarray(one.numpy()).reshape(batch_size, STACK, -1).view(np.uint64)
        for one in (batch.observations, batch.next_observations)
    )
    arrived = next_obs[:, -1, :3]
    np.testing.assert_array_equal(next_obs, stacks(arrived))
    assert (arrived[:, 2] > 0).all()
    np.testing.assert_array_equal(obs, stacks(arrived - np.array([0, 1, 1], np.uint64)))
    slots = arrived[:, 1].astype(np.int64)
    np.testing.assert_array_equal(batch.actions[:, 0].numpy(), slots)
    np.testing.assert_array_equal(batch.rewards[:, 0].numpy(), slots % 7)
    np.testing.assert_array_equal(batch.dones[:, 0].numpy(), slots % 5 == 0)
    return obs.size + next_obs.size


@pytest.mark.parametrize("memory_limit", [None, LANES * 350_000])
def test_readers_see_whole_frames_while_processes_write(memory_limit: int | None) -> None:
    replay = small_replay(memory_limit)
    steps = int(os.environ.get("FRAMERING_STRESS_STEPS", "50000"))
    writers = [start_writer(replay, lane, steps, lane) for lane in range(LANES)]
    while (replay.ring.published() < 200).any():
        time.sleep(0.01)
    words = 0
    while any(writer.poll() is None for writer in writers):
        words += check_newest(replay) + check_sample(replay, 32)
    written = [int(writer.communicate()[0].split()[-1]) for writer in writers]
    # Nothing lost, nothing doubled.
    np.testing.assert_array_equal(replay.ring.published(), written)
    assert [writer.returncode for writer in writers] == [0] * LANES
    assert words > 1e6
    print(f"{words:.3g} words read, {sum(written)} slots written")


def test_writers_that_are_killed_leave_no_wrong_frame() -> None:
    replay = small_replay(LANES * 350_000)
    draws = np.random.default_rng(1)
    writers = [start_writer(replay, lane, 10**9, lane) for lane in range(LANES)]
    while (replay.ring.published() < 200).any():
        time.sleep(0.01)
    kills = words = 0
    end = time.monotonic() + float(os.environ.get("FRAMERING_STRESS_SECONDS", "10"))
    try:
        while kills < 3 or time.monotonic() < end:
            victim = int(draws.integers(LANES))
            before = int(replay.ring.published()[victim])
            os.kill(writers[victim].pid, signal.SIGKILL)
            writers[victim].communicate()
            kills += 1
            writers[victim] = start_writer(replay, victim, 10**9, 100 + kills)
            while replay.ring.published()[victim] < before + 100:
                words += check_newest(replay) + check_sample(replay, 32)
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    print(f"{words:.3g} words read, {kills} kills, 0 wrong")


def test_the_check_finds_a_wrong_word() -> None:
    replay = small_replay()
    for lane in range(LANES):
        start_writer(replay, lane, 200, lane).communicate()
    check_newest(replay)
    check_sample(replay, 64)
    frame = frames(1, replay.ring.published()[1], 0)
    frame[500] ^= np.uint64(1)
    replay.ring.writer(1).begin_segment(frame.view(np.uint8))
    with pytest.raises(AssertionError):
        check_newest(replay)
