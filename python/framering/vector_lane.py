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
REST, STEP, RESET, RESET_SEEDED, RENDER, SAVE, RESTORE = range(7)
# Room for a saved game, compressed: most are a fifth of it.
_STATE_BYTES = 1 << 16

# Each column's type and its rows: most have one value for each lane.
_COLUMNS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "command": (np.uint8, ()),
    "action": (np.int64, ()),
    "seed": (np.uint64, ()),
    "reward": (np.float64, ()),
    "terminated": (np.bool_, ()),
    "truncated": (np.bool_, ()),
    "counts": (np.int64, (3,)),
    "final_counts": (np.int64, (3,)),
    "game_over": (np.bool_, ()),
    "game_return": (np.float64, ()),
    "game_frames": (np.int64, ()),
    "game_seconds": (np.float64, ()),
    "state_bytes": (np.int64, ()),
}


class Layout(NamedTuple):
    """What the columns are for: so many lanes, and, where they render, screens of this size."""

    lanes: int
    screen_shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the columns take."""
        columns = sum(_aligned(_nbytes(name, self.lanes)) for name in _COLUMNS)
        return columns + self.lanes * (_STATE_BYTES + math.prod(self.screen_shape))


class Columns:
    """Commands and results of all lanes, one array of shape (..., lanes) each.

    Attributes
    ----------
    command, action, seed
        What each lane is asked for.
    reward, terminated, truncated
        What a step or reset gave.
    counts, final_counts
        Rows of lives, emulated frames, and emulated frames of the episode: those of now, and,
        where a lane has started over in the same step, those of the episode that ended.
    game_over, game_return, game_frames, game_seconds
        Whether the step ended a whole game; its unclipped return, emulated frames, and duration.
    states, state_bytes
        Saved games (lanes, bytes), uint8, and how long each is; 0 where none was saved.
    everywhere
        True for each of the counts: the mask of infos that every game has.
    restarted
        Games that were cut short and began anew, until somebody clears it; in this process only.
    screens
        The consoles' screens when last rendered, RGB (lanes, height, width, 3).
    """

    def __init__(self, layout: Layout, memory: npt.NDArray[np.uint8] | None = None) -> None:
        if memory is None:
            memory = np.zeros(layout.nbytes, np.uint8)
        begin = 0
        for name, (dtype, rows) in _COLUMNS.items():
            nbytes = _nbytes(name, layout.lanes)
            column = memory[begin : begin + nbytes].view(dtype)
            setattr(self, name, column.reshape(*rows, layout.lanes))
            begin += _aligned(nbytes)
        end = begin + layout.lanes * _STATE_BYTES
        self.states = memory[begin:end].reshape(layout.lanes, _STATE_BYTES)
        self.everywhere = np.ones(self.counts.shape, np.bool_)
        self.restarted = np.zeros(layout.lanes, np.bool_)
        self.screens = memory[end:].reshape(layout.lanes, *layout.screen_shape)

    command: npt.NDArray[np.uint8]
    action: npt.NDArray[np.int64]
    seed: npt.NDArray[np.uint64]
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.int64]
    final_counts: npt.NDArray[np.int64]
    game_over: npt.NDArray[np.bool_]
    game_return: npt.NDArray[np.float64]
    game_frames: npt.NDArray[np.int64]
    game_seconds: npt.NDArray[np.float64]
    state_bytes: npt.NDArray[np.int64]


def _nbytes(name: str, lanes: int) -> int:
    dtype, rows = _COLUMNS[name]
    return math.prod(rows) * lanes * np.dtype(dtype).itemsize


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
        elif command == SAVE:
            self._save()
        elif command == RESTORE:
            self._restore()

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
            columns.final_counts[:, i] = self._count()
            self._begin_episode(None)
        else:
            columns.counts[:, i] = self._count()

    def _reset(self, seed: int | None) -> None:
        columns, i = self._columns, self._index
        columns.reward[i] = 0.0
        columns.terminated[i] = columns.truncated[i] = columns.game_over[i] = False
        self._begin_episode(seed)

    def _save(self) -> None:
        columns, i, state = self._columns, self._index, self._emulator.state()
        if len(state) > _STATE_BYTES:
            raise ValueError(
                f"a saved game takes {len(state)} bytes, but {_STATE_BYTES} are set aside"
            )
        columns.states[i, : len(state)] = np.frombuffer(state, np.uint8)
        columns.state_bytes[i] = len(state)

    def _restore(self) -> None:
        columns, i = self._columns, self._index
        self._emulator.restore(columns.states[i, : columns.state_bytes[i]].tobytes())
        self._writer.resume_segment()
        self._count()

    def _begin_episode(self, seed: int | None) -> None:
        self._emulator.reset(self._frame, seed)
        self._writer.begin_segment(self._frame)
        self._columns.counts[:, self._index] = self._count()

    def _count(self) -> tuple[int, int, int]:
        emulator = self._emulator
        return emulator.lives, emulator.frame_number, emulator.episode_frame_number


def begin_anew(columns: Columns, lanes: slice, seeds: np.random.Generator) -> None:
    """Ask lanes whose games are lost for new ones, and note which games that cuts short.

    A lane that was about to begin an episode, or to take up a saved game, still does that.
    """
    command = columns.command[lanes]
    cut_short = np.isin(command, (STEP, REST, RENDER, SAVE))
    command[cut_short] = RESET_SEEDED
    columns.seed[lanes][cut_short] = seeds.integers(2**63, size=cut_short.sum())
    columns.restarted[lanes] |= cut_short
