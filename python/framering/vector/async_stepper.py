"""Resets and steps of single lanes, for an asynchronous vector environment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode

from framering.vector.async_executors import AsyncExecutor, Lanes
from framering.vector.shared_arrays import RESET, RESET_SEEDED
from framering.vector.stepper import LaneStepper, StepResults

_Flags = npt.NDArray[np.bool_]

# The columns that `AsyncStepper.results` saves: those that restoring a game does not set.
_RESULTS = (
    *("resets", "restarted"),
    *("reward", "terminated", "truncated", "final_counters"),
    *("game_over", "game_return", "game_frames", "game_seconds"),
)


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
        self.running = executor.columns.running

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
        columns.restarted[lanes] = columns.ended[lanes] = False
        columns.resets[lanes] = columns.running[lanes] = True
        self.executor.start(lanes)
        self.has_reset = True

    def start(self, lanes: Lanes, actions: npt.NDArray[np.integer[Any]]) -> None:
        """Start a step of lanes that are not running."""
        self.columns.table.command_steps(lanes, actions, self._resets_on_next_step)
        self.executor.start(lanes)

    def collect(self, number: int) -> tuple[Lanes, StepResults]:
        """Wait for a number of lanes, at most as many as are running; return them, and results."""
        lanes = self.executor.collect(number)
        return lanes, StepResults(*self.columns.table.collect(lanes))

    def results(self) -> dict[str, Any]:
        """Return the results that have not been received, as lists; see `restore_results`."""
        self.wait()
        columns = self.columns
        return {
            "ready": list(self.executor.ready),
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
        expected = {name: getattr(columns, name) for name in _RESULTS}
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
        self.columns.resets[:] = True
        if results is not None:
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
