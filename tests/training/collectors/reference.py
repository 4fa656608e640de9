"""What the games of collectors are, played again from their seeds and their actions alone."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framering import ReplayBuffer, TrainConfig
from framering.atari.emulator import AtariEmulator
from framering.atari.registry import settings_for
from framering.training.collectors.lanes import ChunkWriter
from framering.training.collectors.messages import seeds_of

_BLOCK = 256


class Written(NamedTuple):
    """A collector's chunks that were written: what they answered, and transitions by game."""

    incarnation: int
    sequence: int
    transitions: list[int]


class WriterLog:
    """Records what a `ChunkWriter` writes, and which transitions of each lane that is."""

    def __init__(self, monkeypatch: Any) -> None:
        self.written: dict[int, list[Written]] = {}
        plain = ChunkWriter.write

        def write(writer: ChunkWriter, collector: int, request: Any, chunks: Any) -> Any:
            counted = [_Counting(lane) for lane in writer._writers]
            writer._writers, lanes = counted, writer._writers  # type: ignore[assignment]
            try:
                result = plain(writer, collector, request, chunks)
            finally:
                writer._writers = lanes
            games = counted[collector * writer._num_envs :][: writer._num_envs]
            entry = Written(request.incarnation, request.sequence, [one.count for one in games])
            self.written.setdefault(collector, []).append(entry)
            return result

        monkeypatch.setattr(ChunkWriter, "write", write)


class _Counting:
    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self.count = 0

    def write_chunk(self, chunk: Any, continues: bool) -> int:
        self.count = self._writer.write_chunk(chunk, continues)
        return self.count


class Transition(NamedTuple):
    obs: NDArray[np.uint8]
    reward: float
    terminated: bool
    next_obs: NDArray[np.uint8]


def played_again(config: TrainConfig, seed: int, actions: list[int]) -> Iterator[Transition]:
    """Yield a game's transitions, of its seed and its actions."""
    settings = settings_for(
        config.env_id,
        order="cleanrl",
        screen_size=(config.screen_size, config.screen_size),
        terminal_on_life_loss=config.terminal_on_life_loss,
    )
    emulator = AtariEmulator(settings)
    frame = np.empty(settings.frame_shape, np.uint8)
    emulator.reset(frame, seed)
    stack = np.stack([frame] * 4)
    for action in actions:
        step = emulator.step(action, frame)
        after = np.concatenate([stack[1:], frame[None]])
        yield Transition(stack, step.reward, step.terminated, after)
        stack = after
        if step.terminated or step.truncated:
            emulator.reset(frame, None)
            stack = np.stack([frame] * 4)


def wrong_transitions(config: TrainConfig, replay: ReplayBuffer, log: WriterLog) -> tuple[int, int]:
    """Return how many transitions in a buffer, which has lost none, are wrong; and their number."""
    wrong = checked = 0
    for collector, written in log.written.items():
        for game in range(config.collector_envs):
            lane, number = collector * config.collector_envs + game, 0
            for incarnation, counts in _lives(written, game):
                seed = seeds_of(config.seed, collector, incarnation, config.collector_envs)[1][game]
                wrong += _wrong_in(config, replay, lane, range(number, number + counts), seed)
                number += counts
            checked += number
    return wrong, checked


def _lives(written: list[Written], game: int) -> Iterator[tuple[int, int]]:
    """Yield each incarnation and its number of transitions; its chunks came whole, in order."""
    lives: dict[int, int] = {}
    expected = (-1, 0)
    for one in written:
        if one.incarnation != expected[0]:
            assert one.incarnation > expected[0], "an incarnation that had ended came again"
            expected = one.incarnation, 0
        assert (one.incarnation, one.sequence) == expected, "a chunk is missing, or came again"
        expected = one.incarnation, one.sequence + 1
        lives[one.incarnation] = lives.get(one.incarnation, 0) + one.transitions[game]
    yield from lives.items()


def _wrong_in(
    config: TrainConfig, replay: ReplayBuffer, lane: int, numbers: range, seed: int
) -> int:
    rows = np.array([(lane, number) for number in numbers], np.int64)
    steps = replay._sampler.steps(rows)
    assert (steps["slots"] >= 0).all(), "the buffer has lost transitions: make it larger"
    games = played_again(config, seed, steps["actions"][:, 0].tolist())
    wrong = 0
    for begin in range(0, len(rows), _BLOCK):
        slots = steps["slots"][begin : begin + _BLOCK]
        places = np.column_stack([np.full(len(slots), lane), slots])
        batch = replay._sampler.fetch(places.astype(np.int64), True)
        for index, expected in zip(range(len(slots)), games, strict=False):
            wrong += not (
                np.array_equal(batch.observations[index], expected.obs)
                and np.array_equal(batch.next_observations[index], expected.next_obs)
                and batch.rewards[index] == expected.reward
                and steps["terminated"][begin + index] == expected.terminated
            )
    return wrong
