"""Chunks: slots of a lane as bytes, written into a lane of another ring."""

import struct
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framering._core import LaneWriter, Ring, Sampler
from tests.checksum import with_checksum

HEADER = 9  # words
VERSION, FRAME_BYTES, STACK, ACTION_BYTES, ROW_BYTES, FIRST, CONTEXT, SLOTS = range(1, HEADER)


@dataclass(frozen=True)
class Kind:
    """What a ring is made for."""

    shape: tuple[int, ...]
    stack: int
    row_bytes: int
    dtype: type = np.uint8

    @property
    def frame_bytes(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    def ring(self, slots: int = 1024, **options) -> Ring:
        return Ring(
            lanes=2,
            slots=slots,
            frame_bytes=self.frame_bytes,
            stack=self.stack,
            row_bytes=self.row_bytes,
            **options,
        )

    def sampler(self, ring: Ring, n_step: int = 1) -> Sampler:
        shape = (self.stack, *self.shape) if self.stack > 1 else self.shape
        return Sampler(
            ring=ring,
            obs_dtype=np.dtype(self.dtype),
            obs_shape=shape,
            action_dtype=np.dtype(np.int64),
            capacity=ring.slots,
            n_step=n_step,
            gamma=0.9,
            seed=5,
        )


ENCODED = Kind((16, 24), stack=4, row_bytes=24)
RAW = Kind((3, 5), stack=3, row_bytes=0)
FLOATS = Kind((4,), stack=1, row_bytes=0, dtype=np.float32)
ENCODED_SINGLE = Kind((16, 24), stack=1, row_bytes=24)
KINDS = [ENCODED, RAW, FLOATS, ENCODED_SINGLE]


@dataclass
class Game:
    """Writes a random game into lane 0. Actions are the number of the transition."""

    kind: Kind
    ring: Ring
    seed: int = 0
    unshifted: bool = False  # also transitions between unrelated stacks
    actions: int = 0
    random: np.random.Generator = field(init=False)
    writer: LaneWriter = field(init=False)
    frame: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.writer = self.ring.writer(0)
        self.frame = self.random.integers(0, 256, self.kind.frame_bytes, np.uint8)
        self.writer.begin_segment(self.frame)

    def next_frame(self) -> np.ndarray:
        changed = self.random.random(self.kind.frame_bytes) < 0.03
        noise = self.random.integers(0, 256, self.kind.frame_bytes, np.uint8)
        self.frame = np.where(changed, noise, self.frame)
        return self.frame

    def step(self) -> None:
        random, kind = self.random, self.kind
        result = (float(random.normal()), random.random() < 0.1, random.random() < 0.05)
        if self.unshifted and random.random() < 0.2:
            stacks = random.integers(0, 256, (2, kind.stack * kind.frame_bytes), np.uint8)
            stacks[:, : random.integers(0, kind.stack) * kind.frame_bytes] = 3
            self.writer.add(*stacks, self.actions, *result)
            self.frame = stacks[1, -kind.frame_bytes :]
        else:
            self.writer.append(self.next_frame(), self.actions, *result)
        self.actions += 1
        # A life loss begins a segment where the game goes on.
        if any(result[1:]) or random.random() < 0.1:
            self.writer.begin_segment(self.frame)

    def play(self, steps: int) -> Ring:
        for _ in range(steps):
            self.step()
        return self.ring


def played(kind: Kind, steps: int = 200, seed: int = 0, unshifted: bool = False) -> Ring:
    return Game(kind, kind.ring(), seed, unshifted).play(steps)


def all_transitions(kind: Kind, ring: Ring, lane: int = 0) -> list[tuple]:
    """Return the transitions of a lane that may be sampled, in order."""
    sampler = kind.sampler(ring)
    number = sampler.window(0).counts()[lane]
    steps = sampler.steps(np.array([[lane, i] for i in range(number)], np.int64).reshape(-1, 2))
    assert (steps["slots"] >= 0).all()
    obs, next_obs = np.empty((2, number, kind.stack, kind.frame_bytes), np.uint8)
    ring.gather(np.full(number, lane, np.int64), steps["slots"].astype(np.int64), obs, next_obs)
    names = ("rewards", "terminated", "truncated")
    return [
        (
            steps["actions"][i].item(),
            *(steps[name][i] for name in names),
            obs[i].tobytes(),
            next_obs[i].tobytes(),
        )
        for i in range(number)
    ]


def cuts(total: int, seed: int) -> list[tuple[int, int]]:
    """Return the first slot and the number of slots of chunks at random points."""
    random = np.random.default_rng(seed)
    firsts = [0]
    while firsts[-1] < total:
        firsts.append(min(total, firsts[-1] + int(random.integers(1, 12))))
    return [(first, last - first) for first, last in zip(firsts, firsts[1:], strict=False)]


@pytest.mark.parametrize("unshifted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_lane_that_arrives_in_chunks_equals_its_source(kind, unshifted, seed):
    source = played(kind, seed=seed, unshifted=unshifted)
    target = kind.ring()
    writer = target.writer(1)
    added = 0
    for first, number in cuts(int(source.published()[0]), seed):
        added += writer.write_chunk(source.read_chunk(0, first, number), continues=True)
    found = all_transitions(kind, target, lane=1)
    assert found == all_transitions(kind, source)
    assert added == len(found) == 200


@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_n_step_returns_are_the_sources_bit_for_bit(kind):
    source = played(kind)
    target = kind.ring()
    writer = target.writer(0)
    for first, number in cuts(int(source.published()[0]), 3):
        writer.write_chunk(source.read_chunk(0, first, number), continues=True)
    expected = kind.sampler(source, n_step=5).sample(500, None, None, True, None)
    found = kind.sampler(target, n_step=5).sample(500, None, None, True, None)
    for name in expected.__match_args__[:7]:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)


def write(writer: LaneWriter, chunk: bytes, follows: bool) -> int:
    """Write a chunk that follows the lane's newest slot, or not."""
    try:
        return writer.write_chunk(chunk, continues=follows)
    except ValueError:
        # Its first transition's obs lies before the lane's newest slots: a chunk between the slots
        # of an `add` was left out.
        return writer.write_chunk(chunk, continues=False)


def with_gaps(kind: Kind, source: Ring, seed: int) -> tuple[Ring, set[int]]:
    """Return a ring with about half of a lane's chunks, and the actions that they brought."""
    target = kind.ring(slots=4096)
    writer = target.writer(0)
    random = np.random.default_rng(seed)
    follows = False
    expected: set[int] = set()
    actions = {t[0] for t in all_transitions(kind, source)}
    sampler = kind.sampler(source)
    rows = sampler.steps(np.array([[0, i] for i in range(len(actions))], np.int64))
    for first, number in cuts(int(source.published()[0]), seed):
        if random.random() < 0.5:
            follows = False
            continue
        added = write(writer, source.read_chunk(0, first, number), follows)
        here = (rows["slots"] >= first) & (rows["slots"] < first + number)
        assert added == here.sum()
        expected |= set(rows["actions"][here].ravel().tolist())
        follows = True
    return target, expected


@pytest.mark.parametrize("unshifted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_with_chunks_left_out_each_transition_is_the_sources_and_there_once(kind, unshifted, seed):
    source = played(kind, seed=seed, unshifted=unshifted)
    target, expected = with_gaps(kind, source, seed)
    by_action = {transition[0]: transition for transition in all_transitions(kind, source)}
    found = all_transitions(kind, target)
    assert [transition[0] for transition in found] == sorted(expected)
    for transition in found:
        assert transition == by_action[transition[0]]
