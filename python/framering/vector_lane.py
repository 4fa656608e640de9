"""One lane of a vector environment: an emulator that writes its frames into the ring.

The same code runs in the calling process and in worker processes. Commands come in, and results go
out, through `Columns`: plain arrays with one row a lane, in private or in shared memory.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from framering import _core
from framering.atari import AtariEmulator
from framering.atari_settings import AtariSettings

# What a lane is asked for.
REST, STEP, RESET, RESET_SEEDED, RENDER = range(5)

_COLUMNS: dict[str, type[np.generic]] = {
    "command": np.uint8,
    "action": np.int64,
    "seed": np.uint64,
    "reward": np.float64,
    "terminated": np.bool_,
    "truncated": np.bool_,
    "lives": np.int64,
    "frame_number": np.int64,
    "episode_frame_number": np.int64,
    "final_lives": np.int64,
    "final_frame_number": np.int64,
    "final_episode_frame_number": np.int64,
    "game_over": np.bool_,
    "game_return": np.float64,
    "game_frames": np.int64,
    "game_seconds": np.float64,
}


class Layout(NamedTuple):
    """What the columns are for: so many lanes, and, where they render, screens of this size."""

    lanes: int
    screen_shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the columns take."""
        rows = sum(_aligned(self.lanes * np.dtype(dtype).itemsize) for dtype in _COLUMNS.values())
        return rows + self.lanes * math.prod(self.screen_shape)


class Columns:
    """Commands and results of all lanes, one array of shape (lanes,) each.

    Attributes
    ----------
    command, action, seed
        What each lane is asked for.
    reward, terminated, truncated, lives, frame_number, episode_frame_number
        What a step or reset gave. Where a lane has started over in the same step, the last three
        are those of the new episode, and ``final_…`` those of the one that ended.
    game_over, game_return, game_frames, game_seconds
        Whether the step ended a whole game; its unclipped return, emulated frames, and duration.
    screens
        The consoles' screens when last rendered, RGB (lanes, height, width, 3).
    """

    def __init__(self, layout: Layout, memory: npt.NDArray[np.uint8] | None = None) -> None:
        if memory is None:
            memory = np.zeros(layout.nbytes, np.uint8)
        begin = 0
        for name, dtype in _COLUMNS.items():
            nbytes = layout.lanes * np.dtype(dtype).itemsize
            setattr(self, name, memory[begin : begin + nbytes].view(dtype))
            begin += _aligned(nbytes)
        self.screens = memory[begin:].reshape(layout.lanes, *layout.screen_shape)

    command: npt.NDArray[np.uint8]
    action: npt.NDArray[np.int64]
    seed: npt.NDArray[np.uint64]
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    lives: npt.NDArray[np.int64]
    frame_number: npt.NDArray[np.int64]
    episode_frame_number: npt.NDArray[np.int64]
    final_lives: npt.NDArray[np.int64]
    final_frame_number: npt.NDArray[np.int64]
    final_episode_frame_number: npt.NDArray[np.int64]
    game_over: npt.NDArray[np.bool_]
    game_return: npt.NDArray[np.float64]
    game_frames: npt.NDArray[np.int64]
    game_seconds: npt.NDArray[np.float64]


def _aligned(nbytes: int) -> int:
    """Round up to whole cache lines, so that no two columns share one."""
    return -(-nbytes // 64) * 64


class VectorLane:
    """An emulator, its lane of the ring, and its row of the columns.

    Parameters
    ----------
    index
        The lane, and the row.
    settings
        The game and its preprocessing.
    same_step_autoreset
        Whether the step that ends an episode begins the next one.
    ring
        The ring; this object is the lane's only writer.
    columns
        The columns.
    """

    def __init__(
        self,
        index: int,
        settings: AtariSettings,
        same_step_autoreset: bool,
        ring: _core.Ring,
        columns: Columns,
    ) -> None:
        self._index = index
        self._same_step_autoreset = same_step_autoreset
        self._emulator = AtariEmulator(settings)
        self._writer = ring.writer(index)
        self._columns = columns
        self._frame = np.empty(settings.frame_shape, np.uint8)

    def obey(self) -> None:
        """Do what the lane's row asks for, and write the result there and into the ring."""
        columns, i = self._columns, self._index
        command = columns.command[i]
        if command == STEP:
            self._step(int(columns.action[i]))
        elif command == RESET:
            self._reset(None)
        elif command == RESET_SEEDED:
            self._reset(int(columns.seed[i]))
        elif command == RENDER:
            columns.screens[i] = self._emulator.screen_rgb()

    def _step(self, action: int) -> None:
        columns, i, emulator = self._columns, self._index, self._emulator
        reward, terminated, truncated = emulator.step(action, self._frame)
        self._writer.append(self._frame, action, reward, terminated, truncated)
        columns.reward[i] = reward
        columns.terminated[i] = terminated
        columns.truncated[i] = truncated
        game = emulator.finished_game
        columns.game_over[i] = game is not None
        if game is not None:
            columns.game_return[i] = game.episode_return
            columns.game_frames[i] = game.frames
            columns.game_seconds[i] = game.seconds
        if self._same_step_autoreset and (terminated or truncated):
            columns.final_lives[i] = emulator.lives
            columns.final_frame_number[i] = emulator.frame_number
            columns.final_episode_frame_number[i] = emulator.episode_frame_number
            self._begin_episode(None)
        else:
            self._count()

    def _reset(self, seed: int | None) -> None:
        columns, i = self._columns, self._index
        columns.reward[i] = 0.0
        columns.terminated[i] = columns.truncated[i] = columns.game_over[i] = False
        self._begin_episode(seed)

    def _begin_episode(self, seed: int | None) -> None:
        self._emulator.reset(self._frame, seed)
        self._writer.begin_segment(self._frame)
        self._count()

    def _count(self) -> None:
        columns, i, emulator = self._columns, self._index, self._emulator
        columns.lives[i] = emulator.lives
        columns.frame_number[i] = emulator.frame_number
        columns.episode_frame_number[i] = emulator.episode_frame_number


class LocalLanes:
    """All lanes in the calling process, one after another.

    Parameters
    ----------
    layout
        The columns' layout.
    settings, same_step_autoreset, ring
        As for `VectorLane`.
    """

    def __init__(
        self,
        layout: Layout,
        settings: AtariSettings,
        same_step_autoreset: bool,
        ring: _core.Ring,
    ) -> None:
        self.columns = Columns(layout)
        self.restarted = np.zeros(layout.lanes, np.bool_)
        self._lanes = [
            VectorLane(i, settings, same_step_autoreset, ring, self.columns)
            for i in range(layout.lanes)
        ]

    def send(self) -> None:
        """Let the lanes do what the columns ask for: at once, as there is no one else."""
        for lane in self._lanes:
            lane.obey()

    def receive(self) -> None:
        """Wait until all lanes are done: they are."""

    def close(self) -> None:
        """Let go of the emulators."""
        self._lanes.clear()
