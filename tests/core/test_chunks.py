"""Chunks: slots of a lane as bytes, written into a lane of another ring."""

import itertools
import struct
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checksum import with_checksum

from framering._core import LaneWriter, Ring, Sampler

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
    return [(first, last - first) for first, last in itertools.pairwise(firsts)]


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("age", range(6))
def test_a_chunk_that_begins_at_any_age_has_the_observations_of_its_transitions(kind, age):
    source = kind.ring()
    game = Game(kind, source)
    for _ in range(2):
        game.writer.begin_segment(game.next_frame())
        for action in range(7):
            game.writer.append(game.next_frame(), action, 1.0, False, False)
    target = kind.ring()
    writer = target.writer(0)
    writer.begin_segment(np.zeros(kind.frame_bytes, np.uint8))
    second = 1 + 8
    assert writer.write_chunk(source.read_chunk(0, second + age, 2), False) == (
        1 if age == 0 else 2
    )
    assert (
        all_transitions(kind, target)
        == all_transitions(kind, source)[7 + max(age - 1, 0) : 7 + age + 1]
    )
    assert writer.write_chunk(source.read_chunk(0, second + age + 2, 1), True) == (age < 6)


def test_the_context_reaches_to_the_segments_first_slot_and_no_further():
    source = played(ENCODED, steps=0)
    writer = source.writer(0)
    writer.begin_segment(np.zeros(ENCODED.frame_bytes, np.uint8))
    for action in range(7):
        writer.append(np.full(ENCODED.frame_bytes, action, np.uint8), action, 0.0, False, False)
    contexts = [header(source.read_chunk(0, first, 1))[CONTEXT] for first in range(1, 9)]
    assert contexts == [0, 1, 2, 3, 4, 4, 4, 4]


def header(chunk: bytes) -> list[int]:
    return list(struct.unpack_from(f"<{HEADER}Q", chunk))


def test_a_chunk_of_no_slots_adds_none():
    source, target = played(ENCODED, 20), ENCODED.ring()
    chunk = source.read_chunk(0, int(source.published()[0]), 5)
    assert header(chunk)[CONTEXT:] == [0, 0]
    for continues in (False, True):
        assert target.writer(0).write_chunk(chunk, continues) == 0
    assert target.published().tolist() == [0, 0]


@pytest.mark.parametrize("wrapped", [bytes, bytearray, memoryview, np.array])
def test_any_object_with_contiguous_bytes_is_a_chunk(wrapped):
    chunk = played(ENCODED, 20).read_chunk(0, 0, 10)
    argument = np.frombuffer(chunk, np.uint8) if wrapped is np.array else wrapped(chunk)
    target = ENCODED.ring()
    target.writer(0).write_chunk(argument, False)
    assert target.published()[0] == 10


@pytest.mark.parametrize("wrong", [None, 3, "text", memoryview(bytes(400))[::2]])
def test_another_object_is_no_chunk(wrong):
    with pytest.raises(TypeError, match="chunk: expected contiguous bytes, got"):
        ENCODED.ring().writer(0).write_chunk(wrong, False)


@pytest.mark.parametrize(
    ("first", "limit", "error", "message"),
    [
        (-1, 1, TypeError, "incompatible"),
        (0, 0, ValueError, "limit: expected at least 1 slot, got 0"),
        (10, 1, IndexError, "first: expected a slot that is whole .* got 10 .* read chunks more"),
        (10**6, 1, IndexError, r"first: expected at most the \d+ slots .* got 1000000; go on"),
    ],
)
def test_slots_that_are_not_in_the_ring_cannot_be_read(first, limit, error, message):
    source = Game(ENCODED, ENCODED.ring(slots=32)).play(100)
    with pytest.raises(error, match=message):
        source.read_chunk(0, first, limit)


def test_only_lanes_of_the_ring_can_be_read():
    with pytest.raises(IndexError, match="lane 2 of a ring with 2 lanes"):
        ENCODED.ring().read_chunk(2, 0, 1)


def test_a_ring_that_overwrites_its_slots_is_read_as_long_as_they_are_there():
    game = Game(ENCODED, ENCODED.ring(slots=32))
    kept = Game(ENCODED, ENCODED.ring())
    target = ENCODED.ring()
    writer = target.writer(0)
    first = 0
    for _ in range(30):
        game.play(5)
        kept.play(5)
        published = int(game.ring.published()[0])
        writer.write_chunk(game.ring.read_chunk(0, first, published - first), True)
        first = published
    assert first > 4 * 32
    assert all_transitions(ENCODED, target) == all_transitions(ENCODED, kept.ring)


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        (0, 1, "chunk: expected the bytes of a chunk, got others; pass what read_chunk returned"),
        (
            VERSION,
            2,
            "chunk: expected version 1, got version 2; install the same version of framering on "
            "both sides",
        ),
        (FRAME_BYTES, 83, "chunk: expected 384 bytes a frame, got 83; give both rings the same"),
        (STACK, 5, "chunk: expected 4 frames a stack, got 5; give both rings the same"),
        (ACTION_BYTES, 1, "chunk: expected 8 bytes an action, got 1; give both rings the same"),
        (ROW_BYTES, 0, "chunk: expected 24 bytes a row, got 0; give both rings the same"),
        (FIRST, 1, "chunk: expected slots that its bytes have room for, got"),
        (CONTEXT, 2**63, "chunk: expected slots that its bytes have room for, got"),
        (SLOTS, 2**63, "chunk: expected slots that its bytes have room for, got"),
        (SLOTS, 10, "chunk: expected"),
    ],
)
def test_another_header_is_an_error_that_says_what_to_do(word, value, message):
    body = bytearray(one_segment(ENCODED, 30).read_chunk(0, 20, 8)[:-8])
    struct.pack_into("<Q", body, 8 * word, value)
    ring = ENCODED.ring()
    with pytest.raises(ValueError, match=message):
        ring.writer(0).write_chunk(with_checksum(body), False)
    assert ring.published()[0] == 0


@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_ring_of_another_kind_refuses_a_chunk(kind, other):
    chunk = played(kind, 20).read_chunk(0, 5, 5)
    ring = other.ring()
    if kind is other:
        ring.writer(0).write_chunk(chunk, False)
        return
    with pytest.raises(ValueError, match=r"chunk: expected \d+ (bytes|frames) .*, got \d+; give"):
        ring.writer(0).write_chunk(chunk, False)
    assert ring.published()[0] == 0


def one_segment(kind: Kind, steps: int = 30) -> Ring:
    game = Game(kind, kind.ring())
    for action in range(steps):
        frame = game.next_frame().copy()
        frame[0] = action
        game.writer.append(frame, action, 1.0, False, False)
    return game.ring


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [9, 11, 2])
def test_a_chunk_that_does_not_follow_the_newest_slot_is_refused(kind, first):
    source, target = one_segment(kind), kind.ring()
    writer = target.writer(0)
    writer.write_chunk(source.read_chunk(0, 0, 10), False)
    with pytest.raises(
        ValueError, match=r"chunk: expected one that begins behind .* got one whose"
    ):
        writer.write_chunk(source.read_chunk(0, first, 5), True)
    assert target.published()[0] == 10
    assert writer.write_chunk(source.read_chunk(0, 10, 20), True) == 20


def test_equal_frames_of_another_age_do_not_continue_the_lane():
    """Where nothing moves, only ages tell how many frames of a stack there are."""
    frame = np.zeros(ENCODED.frame_bytes, np.uint8)
    source, target = ENCODED.ring(), ENCODED.ring()
    game = source.writer(0)
    game.begin_segment(frame)
    for action in range(10):
        game.append(frame, action, 1.0, False, False)
    writer = target.writer(0)
    for _ in range(5):
        writer.begin_segment(frame)
    writer.write_chunk(source.read_chunk(0, 0, 3), True)
    with pytest.raises(ValueError, match="chunk: expected one that begins behind"):
        writer.write_chunk(source.read_chunk(0, 5, 1), True)


def test_a_new_writer_continues_a_lane_only_after_it_has_resumed_it():
    source, target = one_segment(ENCODED, 29), ENCODED.ring()
    target.writer(0).write_chunk(source.read_chunk(0, 0, 10), False)
    writer = target.writer(0)
    chunk = source.read_chunk(0, 10, 20)
    with pytest.raises(ValueError, match=r"chunk: expected continues=False .* call resume_segment"):
        writer.write_chunk(chunk, True)
    writer.resume_segment()
    assert writer.write_chunk(chunk, True) == 20
    assert all_transitions(ENCODED, target) == all_transitions(ENCODED, source)


def test_a_game_goes_on_behind_a_chunk():
    """Steps that this process takes itself may follow."""
    source, target = one_segment(ENCODED, 10), ENCODED.ring()
    writer = target.writer(0)
    writer.write_chunk(source.read_chunk(0, 6, 5), False)
    frame = np.full(ENCODED.frame_bytes, 7, np.uint8)
    source_writer = source.writer(0)
    source_writer.resume_segment()
    for one in (source_writer, writer):
        one.append(frame, 99, 2.0, True, False)
    assert all_transitions(ENCODED, target) == all_transitions(ENCODED, source)[5:]


PLAYED = {kind: played(kind, 120, unshifted=True) for kind in (ENCODED, RAW, FLOATS)}


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_chunk_with_wrong_bytes_is_refused_or_harmless(data):
    kind = data.draw(st.sampled_from(list(PLAYED)))
    source, target = PLAYED[kind], kind.ring(slots=64)
    writer = target.writer(0)
    first = data.draw(st.integers(0, 100))
    writer.write_chunk(source.read_chunk(0, first, 10), False)
    before = all_transitions(kind, target)
    published = target.published().tolist()
    chunk = bytearray(source.read_chunk(0, first + 10, data.draw(st.integers(1, 10))))
    body = chunk[:-8]
    with_right_checksum = data.draw(st.booleans())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        body = body[: data.draw(st.integers(0, len(body)))]
    if bytes(body) == bytes(chunk[:-8]):
        return
    changed = with_checksum(body) if with_right_checksum else bytes(body + chunk[-8:])
    continues = data.draw(st.booleans())
    refused = ""
    try:
        writer.write_chunk(changed, continues)
    except ValueError as error:
        refused = str(error)
    # The contents of a frame, an action or a reward may be anything.
    assert refused.startswith("chunk: expected ") or (with_right_checksum and not refused)
    found = all_transitions(kind, target)
    assert found[: len(before)] == before
    if refused:
        assert target.published().tolist() == published
        assert len(found) == len(before)


def test_a_thread_samples_right_values_while_chunks_are_written():
    kind = ENCODED
    source = played(kind, 600, seed=4)
    by_action = {transition[0]: transition for transition in all_transitions(kind, source)}
    target = kind.ring(slots=128)
    done = threading.Event()
    wrong: list[int] = []
    sampled = 0

    def sample() -> None:
        nonlocal sampled
        sampler = kind.sampler(target)
        while not done.is_set():
            if not len(sampler.window(0)):
                continue
            batch = sampler.sample(64, None, None, True, None)
            for row, action in enumerate(batch.actions.ravel().tolist()):
                _, reward, terminated, _, obs, next_obs = by_action[action]
                found = (batch.observations[row].tobytes(), batch.next_observations[row].tobytes())
                numbers = (batch.rewards.ravel()[row], batch.dones.ravel()[row])
                if found != (obs, next_obs) or numbers != (reward, float(terminated)):
                    wrong.append(action)
            sampled += 1

    thread = threading.Thread(target=sample)
    thread.start()
    random = np.random.default_rng(0)
    writer = target.writer(0)
    for _ in range(20):
        follows = False
        for first, number in cuts(int(source.published()[0]), int(random.integers(100))):
            if random.random() < 0.1:
                follows = False
                continue
            writer.write_chunk(source.read_chunk(0, first, number), follows)
            follows = True
    done.set()
    thread.join()
    assert sampled > 3
    assert wrong == []
