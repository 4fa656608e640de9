"""``framering profile replay``: the bytes and the time of each stage of the replay buffer."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from framering._core import Ring
from framering.profiling.game import game_settings, progress
from framering.profiling.in_turns import Block, Times, in_turns, median_time, repeated
from framering.profiling.stages import Stage, StageProfile, copying
from framering.replay.buffer import ReplayBuffer
from framering.vector.env import AtariVectorEnv

Array = NDArray[Any]
_ROUNDS, _SAMPLES, _ADDS = 15, 30, 200
_STACK = 4
# So many raw frames fill no cache, and take little memory.
_MOST_RAW = 20_000
_RECORD_WORDS = 4  # of 8 bytes, beside the frame: two of fields, the frame's location, the action


class _Transition(NamedTuple):
    obs: Array
    next_obs: Array
    action: Array
    reward: Array
    done: Array


class _Filled(NamedTuple):
    """A buffer of transitions, the same frames stored raw, and the newest transitions."""

    buffer: ReplayBuffer
    raw: Ring
    arrivals: Array
    raw_arrivals: Array
    newest: list[_Transition]
    rows_changed: float
    words_changed: float


def profile_replay(env_id: str, transitions: int, batch_size: int) -> StageProfile:
    """Fill a replay buffer with random play, and measure it.

    Raises
    ------
    ConfigError
        If the id is no Atari game's.
    """
    game_settings(env_id)
    return measure(env_id, transitions, batch_size)


def measure(env_id: str, transitions: int, batch_size: int) -> StageProfile:
    """Measure the buffer of a game, whose id was checked."""
    filled = _fill(env_id, transitions)
    frame_bytes = filled.raw.frame_bytes
    times = _times(filled, batch_size)
    times = times.with_difference("  compare", "add", "  encode and store")
    sample, gather = f"sample({batch_size})", "  gather and decode"
    times = times.with_difference("  draw, wrap", sample, gather)
    batch_bytes = batch_size * (_STACK + 1) * frame_bytes
    stages = [
        Stage("add", frame_bytes, "memcpy of a frame"),
        Stage("  compare", frame_bytes, "memcpy of a frame"),
        Stage("  encode and store", frame_bytes, "memcpy of a frame"),
        Stage("store raw", frame_bytes, "memcpy of a frame"),
        Stage(sample, batch_bytes, "memcpy of a batch"),
        Stage("  draw, wrap", batch_bytes, "memcpy of a batch"),
        Stage(gather, batch_bytes, "memcpy of a batch"),
        Stage("gather raw", batch_bytes, "memcpy of a batch"),
    ]
    return StageProfile(
        f"replay buffer of {transitions:,} transitions of {env_id}",
        times,
        stages,
        _facts(filled),
        {"env_id": env_id, "transitions": transitions, "batch_size": batch_size},
    )


def _fill(env_id: str, transitions: int) -> _Filled:
    envs = AtariVectorEnv(env_id, 1, 0, autoreset_mode="SameStep")
    shape = envs.single_observation_space.shape
    assert shape is not None
    frame_bytes = int(np.prod(shape[1:]))
    space, actions = Box(0, 255, shape, np.uint8), Discrete(int(envs.single_action_space.n))  # type: ignore[attr-defined]
    buffer = ReplayBuffer(transitions, space, actions, "cpu", seed=1)
    slots = min(buffer.ring.slots, _MOST_RAW)
    raw = Ring(lanes=1, slots=slots, frame_bytes=frame_bytes, stack=_STACK)
    writer = raw.writer(0)
    arrivals, raw_arrivals = [], []
    newest: deque[_Transition] = deque(maxlen=_ADDS)
    changes: list[tuple[float, float]] = []
    try:
        for each in progress(_play(envs, transitions), transitions, "playing"):
            buffer.add(*each, [{}])
            arrivals.append(int(buffer.ring.published()[0]) - 1)
            raw_arrivals.append(
                writer.add(each.obs[0], each.next_obs[0], int(each.action[0]), 0.0, False, False)
            )
            newest.append(each)
            changes.append(_changes(each.obs[0, -1], each.next_obs[0, -1]))
    finally:
        envs.close()
    rows, words = np.mean(changes, axis=0)
    # The oldest slots may be overwritten, and a stack needs those before it.
    readable = int(raw.published()[0]) - slots + 2 * _STACK
    return _Filled(
        buffer,
        raw,
        np.array(arrivals[_STACK:]),
        np.array([arrival for arrival in raw_arrivals if arrival >= readable][_STACK:]),
        list(newest),
        float(rows),
        float(words),
    )


def _play(envs: AtariVectorEnv, transitions: int) -> Iterator[_Transition]:
    draws = np.random.default_rng(1)
    number = int(envs.single_action_space.n)  # type: ignore[attr-defined]
    obs, _ = envs.reset(seed=1)
    for _ in range(transitions):
        action = draws.integers(number, size=1)
        following, reward, terminated, truncated, infos = envs.step(action)
        done = terminated | truncated
        next_obs = infos["final_obs"][0][None] if done[0] else following
        yield _Transition(obs, next_obs, action, reward, done)
        obs = following


def _changes(before: Array, after: Array) -> tuple[float, float]:
    """Return how many rows of a frame changed, and which share of its words of 8 bytes."""
    different = before != after
    words = different.reshape(-1)[: different.size // 8 * 8].reshape(-1, 8)
    return float(different.any(axis=1).sum()), float(words.any(axis=1).mean())


def _facts(filled: _Filled) -> dict[str, float]:
    """Return the bytes of a transition and what its frame consists of."""
    ring = filled.buffer.ring
    ends, spans = ring.frame_locations(0).astype(np.int64).T
    begins = ends - spans
    delta = begins[1:] == begins[:-1]
    words = np.where(delta, spans[1:] - spans[:-1], spans[1:])
    raw = ~delta & (words > ring.frame_bytes // 8)
    slots, transitions = len(ends), len(filled.buffer)
    facts = {
        "bytes of a transition": 8 * (words.mean() + _RECORD_WORDS) * slots / transitions,
        "bytes of a raw frame": ring.frame_bytes,
        "share of frames that are deltas": delta.mean(),
        "share of frames that are key frames": (~delta & ~raw).mean(),
        "share of frames that are raw": raw.mean(),
        "rows changed from one frame to the next": filled.rows_changed,
        "share of 8-byte words changed": filled.words_changed,
    }
    return {name: float(value) for name, value in facts.items()}


def _times(filled: _Filled, batch_size: int) -> Times:
    buffer, frame_bytes, newest = filled.buffer, filled.raw.frame_bytes, filled.newest
    # What is added would overwrite what is gathered: it goes to a buffer and to rings apart.
    apart = ReplayBuffer(10 * _ADDS, buffer.observation_space, buffer.action_space, "cpu", seed=1)
    row_bytes = buffer.ring.row_bytes
    encoding, storing = (
        Ring(lanes=1, slots=4 * _ADDS, frame_bytes=frame_bytes, stack=_STACK, row_bytes=bytes_)
        for bytes_ in (row_bytes, 0)
    )
    return in_turns(
        {
            "add": lambda: median_time(apart.add, ((*each, [{}]) for each in _touched(newest))),
            "  encode and store": _appending(encoding, newest),
            "store raw": _appending(storing, newest),
            "memcpy of a frame": repeated(copying(frame_bytes), _ADDS),
            f"sample({batch_size})": repeated(lambda: buffer.sample(batch_size), _SAMPLES),
            "  gather and decode": _gathering(buffer.ring, filled.arrivals, batch_size),
            "gather raw": _gathering(filled.raw, filled.raw_arrivals, batch_size),
            "memcpy of a batch": _copying_batches(frame_bytes, batch_size),
        },
        _ROUNDS,
    )


def _touched(transitions: Iterable[_Transition]) -> list[_Transition]:
    """Return the transitions, in a cache: an environment has just written what is added."""
    found = list(transitions)
    for each in found:
        each.obs.max()
        each.next_obs.max()
    return found


def _appending(ring: Ring, transitions: list[_Transition]) -> Block:
    writer = ring.writer(0)
    writer.begin_segment(transitions[0].obs[0, -1])

    def block() -> float:
        frames = [each.next_obs[0, -1] for each in _touched(transitions)]
        return median_time(writer.append, ((frame, 0, 0.0, False, False) for frame in frames))

    return block


def _gathering(ring: Ring, arrivals: Array, batch_size: int) -> Block:
    draws, lanes = np.random.default_rng(1), np.zeros(batch_size, np.int64)
    out = np.empty((batch_size, _STACK + 1, ring.frame_bytes), np.uint8)

    def block() -> float:
        drawn = draws.choice(arrivals, (_SAMPLES, batch_size))
        return median_time(ring.gather, ((lanes, slots, out) for slots in drawn))

    return block


def _copying_batches(frame_bytes: int, batch_size: int) -> Block:
    """Return a block that copies rows of five frames each from random places, by memcpy."""
    draws, row = np.random.default_rng(1), (_STACK + 1) * frame_bytes
    source = np.ones((_MOST_RAW // (_STACK + 1), row), np.uint8)
    out = np.empty((batch_size, row), np.uint8)

    def copy(rows: Array) -> None:
        np.take(source, rows, axis=0, out=out, mode="clip")

    return lambda: median_time(
        copy, ((rows,) for rows in draws.integers(len(source), size=(_SAMPLES, batch_size)))
    )
