"""Commands and results of all lanes, in arrays that processes may share."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# What a lane is asked for.
REST, STEP, RESET, RESET_SEEDED, RENDER, SAVE, RESTORE = range(7)
# Room for a saved game, compressed: most are a fifth of it.
STATE_BYTES = 1 << 16

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
        return columns + self.lanes * (STATE_BYTES + math.prod(self.screen_shape))


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
        end = begin + layout.lanes * STATE_BYTES
        self.states = memory[begin:end].reshape(layout.lanes, STATE_BYTES)
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
