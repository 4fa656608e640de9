"""Resets and steps of all lanes, through an executor.

This is a vector environment without Gymnasium's interface: its caller has checked all arguments,
and calls in a permitted order.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode

from framering.vector import saved_games
from framering.vector.executors import Executor
from framering.vector.shared_arrays import IDLE, RENDER, RESET, RESET_SEEDED, Columns

_Flags = npt.NDArray[np.bool_]
_Counts = npt.NDArray[np.int64]


class StepResults(NamedTuple):
    """Results of some lanes, in new arrays of shape ``(lanes,)``.

    ``restarted`` marks the lanes that were interrupted since their last result: their episodes are
    truncated. ``resets`` marks the lanes that began an episode instead of taking a step. Each of
    the three counters is followed by a mask that is all true.
    """

    rewards: npt.NDArray[np.float64]
    terminations: _Flags
    truncations: _Flags
    restarted: _Flags
    resets: _Flags
    lives: _Counts
    lives_mask: _Flags
    frame_numbers: _Counts
    frame_numbers_mask: _Flags
    episode_frame_numbers: _Counts
    episode_frame_numbers_mask: _Flags
    any_ended: bool
    any_restarted: bool
    any_game_over: bool


class LaneStepper:
    """Sends commands to all lanes and receives their results.

    Each call first completes the command before it, as an exception such as KeyboardInterrupt can
    have ended the wait for its results.

    Parameters
    ----------
    executor
        Executes the commands.
    autoreset_mode
        When a lane starts its next episode.

    Attributes
    ----------
    executor : Executor
        As given.
    has_reset : bool
        Whether all lanes have started an episode.
    pending : bool
        Whether `send` has started a step whose results were not received yet.
    ended : numpy.ndarray
        The lanes whose last step ended their episode.
    """

    def __init__(self, executor: Executor, autoreset_mode: AutoresetMode) -> None:
        self.executor = executor
        self.has_reset = False
        self.pending = False
        self.ended = executor.columns.ended
        self._all = np.arange(len(self.ended), dtype=np.int64)
        self._resets_on_next_step = autoreset_mode is AutoresetMode.NEXT_STEP

    @property
    def columns(self) -> Columns:
        """Commands and results of all lanes."""
        return self.executor.columns

    def wait(self) -> None:
        """Complete a command whose results were not waited for, if there is one."""
        self.executor.receive()

    def reset(self, seeds: Sequence[int | None], mask: _Flags | None) -> None:
        """Start new episodes.

        Parameters
        ----------
        seeds
            A seed for each lane, or None to keep its generators.
        mask
            The lanes to reset; None for all of them.
        """
        self.wait()
        columns = self.columns
        for i, seed in enumerate(seeds):
            if mask is not None and not mask[i]:
                columns.command[i] = IDLE
            elif seed is None:
                columns.command[i] = RESET
            else:
                columns.command[i] = RESET_SEEDED
                columns.seed[i] = seed
        self._execute()
        chosen = self._all if mask is None else mask
        columns.ended[chosen] = columns.restarted[chosen] = False
        self.has_reset = True

    def can_step(self, actions: Any, num_actions: int) -> bool:
        """Return whether all lanes can take these actions as they are, without further checks."""
        return self.columns.table.can_step(self._all, actions, num_actions)

    def send(self, actions: npt.NDArray[np.integer[Any]], block: int | None = None) -> None:
        """Start a step without waiting for its results.

        Each lane gathers its observation into that block of ``columns.observations``, if any.
        """
        self.wait()
        self.columns.table.command_steps(self._all, actions, self._resets_on_next_step, block)
        self.executor.send()
        self.pending = True

    def receive(self) -> StepResults:
        """Wait for the step that `send` started, and return its results."""
        self.executor.receive()
        self.pending = False
        return StepResults(*self.columns.table.collect(self._all))

    def render(self) -> npt.NDArray[np.uint8]:
        """Return the consoles' screens, RGB, shape (num_envs, height, width, 3)."""
        self.wait()
        restarts = -1
        # A lane that was restarted meanwhile has reset instead of rendered: repeat the command.
        while self.executor.restarts != restarts:
            restarts = self.executor.restarts
            self.columns.command[:] = RENDER
            self._execute()
        screens: npt.NDArray[np.uint8] = self.columns.screens.copy()
        return screens

    def save_games(self) -> list[bytes]:
        """Return the state of each lane's emulator; see `saved_games.save_games`."""
        self.wait()
        return saved_games.save_games(self.executor)

    def restore_games(self, states: Sequence[bytes]) -> None:
        """Continue saved games; the states were checked by `saved_games.check_states`."""
        self.wait()
        saved_games.restore_games(self.executor, states)
        self.has_reset = True
        self.ended[:] = False

    def close(self) -> None:
        """Release the emulators and end the workers."""
        self.executor.close()

    def _execute(self) -> None:
        self.executor.send()
        self.executor.receive()
