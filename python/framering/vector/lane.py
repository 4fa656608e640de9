"""One lane of a vector environment: an emulator that writes its frames into the ring.

The same code runs in the calling process and in worker processes. Commands and results pass through
`Columns`: arrays with one entry per lane, in private or in shared memory.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from framering import _core
from framering.atari.emulator import AtariEmulator
from framering.atari.settings import AtariSettings
from framering.vector.shared_arrays import (
    IDLE,
    RENDER,
    RESET,
    RESET_SEEDED,
    RESTORE,
    SAVE,
    STATE_BYTES,
    STEP,
    Columns,
)


class LaneSetup(NamedTuple):
    """What the lanes of an environment have in common.

    Attributes
    ----------
    settings
        The game and its preprocessing.
    same_step_autoreset
        Whether the step that ends an episode begins the next one.
    ring
        The ring that the lanes write into, each as the only writer of its own lane.
    """

    settings: AtariSettings
    same_step_autoreset: bool
    ring: _core.Ring


class VectorLane:
    """An emulator that executes the commands of one lane.

    Parameters
    ----------
    index
        The lane's number in the ring and in the columns.
    setup
        What it has in common with the other lanes.
    columns
        Commands and results.
    """

    def __init__(self, index: int, setup: LaneSetup, columns: Columns) -> None:
        self._index = index
        self._same_step_autoreset = setup.same_step_autoreset
        self._emulator = AtariEmulator(setup.settings)
        self._writer = setup.ring.writer(index)
        self._columns = columns
        self._frame = np.empty(setup.settings.frame_shape, np.uint8)

    def execute(self) -> None:
        """Execute the lane's command, and write the results into the columns and the ring."""
        columns, i = self._columns, self._index
        command, action = columns.table.command_of(i)
        if command == STEP:
            self._step(action)
        elif command == RESET:
            self._reset(None)
        elif command == RESET_SEEDED:
            self._reset(int(columns.seed[i]))
        elif command == RENDER:
            columns.screens[i] = self._emulator.screen_rgb()
        elif command == SAVE:
            self._save()
        elif command == RESTORE:
            self._restore()

    def _step(self, action: int) -> None:
        columns, i, emulator, frame = self._columns, self._index, self._emulator, self._frame
        reward, terminated, truncated = emulator.step(action, frame)
        step = (frame, action, reward, terminated, truncated)
        columns.table.finish_step(i, self._writer, *step, *self._counters())
        game = emulator.finished_game
        if game is not None:
            columns.game_over[i] = True
            columns.game_return[i] = game.episode_return
            columns.game_frames[i] = game.frames
            columns.game_seconds[i] = game.seconds
        if self._same_step_autoreset and (terminated or truncated):
            columns.final_counters[:, i] = columns.counters[:, i]
            self._start_episode(None)

    def _reset(self, seed: int | None) -> None:
        columns, i = self._columns, self._index
        columns.reward[i] = 0.0
        columns.terminated[i] = columns.truncated[i] = columns.game_over[i] = False
        self._start_episode(seed)

    def _save(self) -> None:
        columns, i, state = self._columns, self._index, self._emulator.state()
        if len(state) > STATE_BYTES:
            raise ValueError(f"saved game: expected at most {STATE_BYTES} bytes, got {len(state)}")
        columns.states[i, : len(state)] = np.frombuffer(state, np.uint8)
        columns.state_bytes[i] = len(state)

    def _restore(self) -> None:
        columns, i = self._columns, self._index
        self._emulator.restore(columns.states[i, : columns.state_bytes[i]].tobytes())
        self._writer.resume_segment()
        columns.counters[:, i] = self._counters()

    def _start_episode(self, seed: int | None) -> None:
        self._emulator.reset(self._frame, seed)
        self._writer.begin_segment(self._frame)
        self._columns.table.gather_observation(self._index, self._writer)
        self._columns.counters[:, self._index] = self._counters()

    def _counters(self) -> tuple[int, int, int]:
        emulator = self._emulator
        return emulator.lives, emulator.frame_number, emulator.episode_frame_number


def restart_lanes(columns: Columns, lanes: Iterable[int], rng: np.random.Generator) -> None:
    """Reset interrupted lanes with new seeds, and mark them restarted.

    A lane whose command is to reset or to restore keeps that command.
    """
    chosen = np.fromiter(lanes, np.int64)
    interrupted = chosen[np.isin(columns.command[chosen], (STEP, IDLE, RENDER, SAVE))]
    columns.command[interrupted] = RESET_SEEDED
    columns.seed[interrupted] = rng.integers(2**63, size=len(interrupted))
    columns.restarted[interrupted] = True
