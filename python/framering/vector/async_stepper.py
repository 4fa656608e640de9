"""Resets and steps of single lanes, for an asynchronous vector environment."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode

from framering.vector.async_executors import AsyncExecutor, Lanes
from framering.vector.shared_arrays import RESET, RESET_SEEDED, STEP
from framering.vector.stepper import LaneStepper

_Flags = npt.NDArray[np.bool_]

# The columns that `AsyncStepper.results` saves: those that restoring a game does not set.
_RESULTS = (
    *("reward", "terminated", "truncated", "final_counters"),
    *("game_over", "game_return", "game_frames", "game_seconds"),
)


class AsyncResults(NamedTuple):
    """Results of some lanes, each of shape ``(lanes,)``.

    ``restarted`` marks the lanes that were interrupted since their last result: their episodes are
    truncated. ``resets`` marks the lanes that began an episode instead of taking a step.
    """

    lanes: Lanes
    rewards: npt.NDArray[np.float64]
    terminations: _Flags
    truncations: _Flags
    restarted: _Flags
    resets: _Flags


class AsyncStepper(LaneStepper):
    """Starts resets and steps of lanes, and returns their results, first ready first.

    Commands of all lanes, such as `render`, wait until no lane is executing one of its own; results
    that have not been received are kept.

    Attributes
    ----------
    running : ndarray of bool
        Lanes that were started and whose results were not received.
    """

    executor: AsyncExecutor

    def __init__(self, executor: AsyncExecutor, autoreset_mode: AutoresetMode) -> None:
        super().__init__(executor, autoreset_mode)
        self.running: _Flags = np.zeros_like(self.ended)
        self._resets: _Flags = np.zeros_like(self.ended)

    def reset(self, seeds: Sequence[int | None], mask: _Flags | None) -> None:
        """Start new episodes; results of these lanes that have not been received are lost.

        Parameters
        ----------
        seeds
            A seed for each lane, or None to keep its generators.
        mask
            The lanes to reset, none of which is running; None for all of them.
        """
        if mask is None:
            self.wait()
            self.executor.ready.clear()
            mask = np.ones_like(self.ended)
        columns, lanes = self.columns, np.flatnonzero(mask)
        for lane in lanes.tolist():
            seed = seeds[lane]
            columns.command[lane] = RESET if seed is None else RESET_SEEDED
            columns.seed[lane] = seed or 0
        columns.restarted[lanes] = self.ended[lanes] = False
        self._start(lanes, True)
        self.has_reset = True

    def start(self, lanes: Lanes, actions: npt.NDArray[np.integer[Any]]) -> None:
        """Start a step of lanes that are not running."""
        columns = self.columns
        resets = self.ended[lanes] & self._resets_on_next_step
        columns.action[lanes] = actions
        columns.command[lanes] = np.where(resets, RESET, STEP)
        self._start(lanes, resets)

    def collect(self, number: int) -> AsyncResults:
        """Wait for the results of a number of lanes, at most as many as are running."""
        lanes, columns = self.executor.collect(number), self.columns
        self.running[lanes] = False
        restarted = columns.restarted[lanes]
        columns.restarted[lanes] = False
        terminations = columns.terminated[lanes] & ~restarted
        truncations = columns.truncated[lanes] | restarted
        self.ended[lanes] = terminations | truncations
        return AsyncResults(
            lanes,
            columns.reward[lanes],
            terminations,
            truncations,
            restarted,
            self._resets[lanes],
        )

    def results(self) -> dict[str, Any]:
        """Return the results that have not been received, as lists; see `restore_results`."""
        self.wait()
        columns = self.columns
        return {
            "ready": list(self.executor.ready),
            "resets": self._resets.tolist(),
            "restarted": columns.restarted.tolist(),
            **{name: getattr(columns, name).tolist() for name in _RESULTS},
        }

    def check_results(self, results: Any) -> dict[str, npt.NDArray[Any]]:
        """Return what `results` returned, as arrays.

        Raises
        ------
        ValueError
            If it is something else.
        """
        columns, lanes = self.columns, len(self.ended)
        expected = {name: getattr(columns, name) for name in (*_RESULTS, "restarted")}
        expected["resets"] = self._resets
        try:
            checked = {
                name: np.array(results[name], column.dtype).reshape(column.shape)
                for name, column in expected.items()
            }
            ready = np.array(results["ready"], np.int64)
            if len(set(ready.tolist())) != ready.size or not ((ready >= 0) & (ready < lanes)).all():
                raise ValueError("other games")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"results: expected those of {lanes} games, got others ({error!r}); give what "
                "state_dict returned"
            ) from error
        return {"ready": ready, **checked}

    def restore_results(self, results: dict[str, npt.NDArray[Any]] | None) -> None:
        """Let `collect` return all restored lanes: as after a reset, or with checked results."""
        lanes = np.arange(len(self.ended))
        ready = lanes[:0] if results is None else results["ready"]
        self._resets[:] = True
        if results is not None:
            self._resets[ready] = results["resets"][ready]
            self.columns.restarted[ready] = results["restarted"][ready]
            for name in _RESULTS:
                getattr(self.columns, name)[..., ready] = results[name][..., ready]
        others = np.setdiff1d(lanes, ready)
        self._clear_results(others)
        self.executor.ready.clear()
        self.executor.ready.extend([*others.tolist(), *ready.tolist()])
        self.running[:] = True

    def _clear_results(self, lanes: Lanes) -> None:
        columns = self.columns
        columns.reward[lanes] = 0.0
        columns.terminated[lanes] = columns.truncated[lanes] = columns.game_over[lanes] = False

    def _start(self, lanes: Lanes, resets: "_Flags | bool") -> None:
        self._resets[lanes] = resets
        self.executor.start(lanes)
        self.running[lanes] = True
