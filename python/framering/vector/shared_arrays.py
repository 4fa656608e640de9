"""Commands and results of all lanes, in arrays that processes may share."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Commands to a lane.
IDLE, STEP, RESET, RESET_SEEDED, RENDER, SAVE, RESTORE = range(7)
# Space for a compressed saved game; most take a fifth of it.
STATE_BYTES = 1 << 16

# The dtype and the leading axes of each column; the last axis is the lane.
_COLUMNS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "command": (np.uint8, ()),
    "action": (np.int64, ()),
    "seed": (np.uint64, ()),
    "reward": (np.float64, ()),
    "terminated": (np.bool_, ()),
    "truncated": (np.bool_, ()),
    "counters": (np.int64, (3,)),
    "final_counters": (np.int64, (3,)),
    "game_over": (np.bool_, ()),
    "game_return": (np.float64, ()),
    "game_frames": (np.int64, ()),
    "game_seconds": (np.float64, ()),
    "state_bytes": (np.int64, ()),
}


class Layout(NamedTuple):
    """Number of lanes, and shape of the screens that they render: (0,) for none."""

    lanes: int
    screen_shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the columns need."""
        columns = sum(_aligned(_nbytes(name, self.lanes)) for name in _COLUMNS)
        return columns + self.lanes * (STATE_BYTES + math.prod(self.screen_shape))


class Columns:
    """Commands and results of all lanes, one array of shape (..., lanes) each.

    Attributes
    ----------
    command, action, seed
        The command of each lane, and its argument.
    reward, terminated, truncated
        Results of a step or reset.
    counters, final_counters
        Lives, emulated frames, and emulated frames of the game, one row each: the current ones,
        and, with an autoreset in the same step, those at the end of the previous episode.
    game_over, game_return, game_frames, game_seconds
        Whether the step ended a game; its unclipped return, emulated frames, and duration.
    states, state_bytes
        Saved games (lanes, bytes), uint8, and the length of each; 0 if none was saved.
    all_valid
        True for each of the counters: the mask of those infos that all games have.
    restarted
        Lanes whose game was interrupted and restarted, until it is cleared; in this process only.
    screens
        The consoles' screens as last rendered, RGB (lanes, height, width, 3).
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
        self.all_valid = np.ones(self.counters.shape, np.bool_)
        self.restarted = np.zeros(layout.lanes, np.bool_)
        self.screens = memory[end:].reshape(layout.lanes, *layout.screen_shape)

    command: npt.NDArray[np.uint8]
    action: npt.NDArray[np.int64]
    seed: npt.NDArray[np.uint64]
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    counters: npt.NDArray[np.int64]
    final_counters: npt.NDArray[np.int64]
    game_over: npt.NDArray[np.bool_]
    game_return: npt.NDArray[np.float64]
    game_frames: npt.NDArray[np.int64]
    game_seconds: npt.NDArray[np.float64]
    state_bytes: npt.NDArray[np.int64]


def _nbytes(name: str, lanes: int) -> int:
    dtype, rows = _COLUMNS[name]
    return math.prod(rows) * lanes * np.dtype(dtype).itemsize


def _aligned(nbytes: int) -> int:
    """Round up to whole cache lines, so that columns share none."""
    return -(-nbytes // 64) * 64
