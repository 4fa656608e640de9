"""Chunks in the lanes of a replay buffer, without games."""

import itertools

import numpy as np
import pytest
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer
from framering.training.collectors.lanes import ChunkWriter, move_transitions
from framering.training.collectors.messages import Chunks, Request

STACKS = spaces.Box(0, 255, (2, 8, 8), np.uint8)


def buffer(lanes, size=4000, kind=ReplayBuffer, **options):
    return kind(size, STACKS, spaces.Discrete(200), device="numpy", n_envs=lanes, **options)


def played(lanes, steps):
    """A buffer in which action and reward of each transition are its number; and its frames."""
    filled = buffer(lanes)
    stack = np.zeros((lanes, 2, 8, 8), np.uint8)
    for step in range(steps):
        frame = np.full((lanes, 1, 8, 8), step % 251, np.uint8)
        after = np.concatenate([stack[:, 1:], frame], axis=1)
        number = step * lanes + np.arange(lanes)
        done = np.full(lanes, step % 50 == 49)
        filled.add(stack, after, number % 200, number.astype(np.float64), done, None)
        stack = after
    return filled


def chunks_of(source, first, steps):
    """The chunks of all lanes as a collector sends them."""
    found = [source.ring.read_chunk(lane, first, steps) for lane in range(source.n_envs)]
    return Chunks(np.frombuffer(b"".join(found), np.uint8), [*map(len, found)], [])


def numbers_in(replay):
    """The rewards of all transitions, of each lane in its order."""
    found = []
    for lane, count in enumerate(replay.window(guard=0).counts()):
        rows = np.array([(lane, n) for n in range(10_000)], np.int64)
        steps = replay._sampler.steps(rows)
        found.append(steps["rewards"][steps["slots"] >= 0].astype(int).tolist())
        assert len(found[-1]) == count
    return found


def segments_of(replay, lane):
    """How often a transition doesn't continue the one before: n-step returns end there."""
    batches = replay._sampler.steps(np.array([(lane, n) for n in range(10_000)], np.int64))
    return int((np.diff(batches["slots"][batches["slots"] >= 0]) > 1).sum())


def test_consecutive_chunks_continue_their_segments():
    source, target = played(3, 60), buffer(3)
    writer = ChunkWriter(target, num_envs=3)

    for sequence, first in enumerate(range(0, 40, 10)):
        written = writer.write(0, Request(0, sequence, 0, 0.0), chunks_of(source, first, 10))
        assert written[1] == 0

    # The first of 40 slots has no transition.
    assert numbers_in(target) == [lane[:39] for lane in numbers_in(source)]
    assert segments_of(target, 0) == segments_of(source, 0) == 0


@pytest.mark.parametrize("later", [Request(0, 2, 0, 0.0), Request(1, 1, 0, 0.0)])
def test_a_chunk_after_a_gap_or_of_another_incarnation_begins_a_segment(later):
    source, target = played(2, 40), buffer(2)
    writer = ChunkWriter(target, num_envs=2)

    first, _ = writer.write(0, Request(0, 0, 0, 0.0), chunks_of(source, 0, 20))
    second, unusable = writer.write(0, later, chunks_of(source, 30, 10))

    assert unusable == 0
    expected = numbers_in(source)
    for lane in range(2):
        assert numbers_in(target)[lane] == [
            *expected[lane][: first // 2],
            *expected[lane][29 : 29 + second // 2],
        ]
    assert segments_of(target, 0) == 1


def test_a_damaged_chunk_is_counted_and_its_lane_goes_on_with_a_new_segment():
    source, target = played(2, 40), buffer(2)
    writer = ChunkWriter(target, num_envs=2)
    good = chunks_of(source, 0, 10)
    bad = good._replace(data=good.data.copy())
    bad.data[good.sizes[0] + 100] ^= 1

    taken, unusable = writer.write(0, Request(0, 0, 0, 0.0), bad)
    assert unusable == 1
    more, unusable = writer.write(0, Request(0, 1, 0, 0.0), chunks_of(source, 10, 10))
    assert unusable == 0

    first, second = numbers_in(target)
    assert (len(first), len(second)) == (taken + more - 10, 10)
    assert segments_of(target, 0) == 0


@pytest.mark.parametrize(("before", "after"), [(2, 2), (1, 4), (6, 1), (3, 2)])
def test_moved_transitions_are_those_of_the_old_lanes(before, after):
    source, target = played(before, 300), buffer(after)

    move_transitions(source, target)

    assert sorted(itertools.chain(*numbers_in(target))) == sorted(
        itertools.chain(*numbers_in(source))
    )
    assert len(target) == len(source) == 300 * before


def test_the_newest_transitions_are_kept_where_there_is_not_room_for_all(monkeypatch):
    monkeypatch.setattr("framering.training.collectors.lanes._MOVED_SLOTS", 20)
    source, target = played(4, 500), buffer(2, size=600)

    move_transitions(source, target)

    kept = sorted(itertools.chain(*numbers_in(target)))
    assert len(kept) >= 550
    # All lanes lose their oldest pieces first.
    assert min(kept) >= 2000 - len(kept) - 4 * 2 * 20


def test_moved_transitions_have_the_highest_priority():
    source, target = played(2, 100), buffer(3, kind=PrioritizedReplayBuffer, seed=1)

    move_transitions(source, target)

    assert np.unique(target.sample(64).weights).tolist() == [1.0]
