"""Commands and results of all lanes, in arrays that processes may share."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from framering import _core

# Commands to a lane.
IDLE, STEP, RESET, RESET_SEEDED, RENDER, SAVE, RESTORE = range(7)
# Space for a compressed saved game; most take a fifth of it.
STATE_BYTES = 1 << 16
# Blocks of observations: two that the caller holds, one that is being filled, and one more.
_OBSERVATION_BLOCKS = 4

# The fields of `framering._core.LaneTable` that are attributes of `Columns`.
_FIELDS = (
    *("command", "action", "seed", "running", "ended", "restarted", "resets"),
    *("reward", "terminated", "truncated", "counters", "final_counters"),
    *("game_over", "game_return", "game_frames", "game_seconds", "state_bytes"),
)


class Layout(NamedTuple):
    """Number of lanes, and the shapes of what each of them writes.

    Attributes
    ----------
    lanes
        Number of lanes.
    screen_shape
        Shape of the screens that they render; (0,) for none.
    stack_shape
        Shape of the observations that they gather; (0,) where the caller gathers them.
    """

    lanes: int
    screen_shape: tuple[int, ...]
    stack_shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the columns need."""
        screen_bytes, stack_bytes = math.prod(self.screen_shape), math.prod(self.stack_shape)
        row_bytes = _core.LaneTable.row_bytes + STATE_BYTES + screen_bytes
        return self.lanes * (row_bytes + _OBSERVATION_BLOCKS * stack_bytes)


class Columns:
    """Commands and results of all lanes, one array of shape (..., lanes) each.

    The caller writes a lane's command, its arguments and its flags, who executes it the results.

    Attributes
    ----------
    table : framering._core.LaneTable
        The same memory, a row for each lane, for what one call does to many columns.
    command, action, seed
        The command of each lane, and its argument.
    running, ended, resets
        Flags of each lane: its result is to be collected; its last step ended its episode; its
        command begins an episode.
    restarted
        Lanes whose game was interrupted and restarted, until it is reported.
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
    screens
        The consoles' screens as last rendered, RGB (lanes, height, width, 3).
    observations
        Blocks of observations (blocks, lanes, *stack_shape). The lanes gather into the block that
        `table` gives them with their step.
    """

    def __init__(self, layout: Layout, memory: npt.NDArray[np.uint8] | None = None) -> None:
        if memory is None:
            memory = np.zeros(layout.nbytes, np.uint8)
        lanes, begin = layout.lanes, 0

        def part(*shape: int) -> npt.NDArray[np.uint8]:
            nonlocal begin
            first, begin = begin, begin + math.prod(shape)
            return memory[first:begin].reshape(shape)

        rows = part(lanes * _core.LaneTable.row_bytes)
        self.states = part(lanes, STATE_BYTES)
        self.observations = part(_OBSERVATION_BLOCKS, lanes, *layout.stack_shape)
        self.screens = part(lanes, *layout.screen_shape)
        self.table = _core.LaneTable(rows, self.observations)
        for name in _FIELDS:
            setattr(self, name, getattr(self.table, name))
        self.all_valid = np.ones(self.counters.shape, np.bool_)

    command: npt.NDArray[np.uint8]
    running: npt.NDArray[np.bool_]
    ended: npt.NDArray[np.bool_]
    restarted: npt.NDArray[np.bool_]
    resets: npt.NDArray[np.bool_]
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
