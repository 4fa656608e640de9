"""Infos of a vector environment in Gymnasium's format, made from its columns.

Each key has an array with one value per game, and a mask ``_key`` of the valid ones. The games are
all lanes, or those given, in their order.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from framering.vector.shared_arrays import Columns
from framering.vector.stepper import StepResults

_Flags = npt.NDArray[np.bool_]
Lanes = slice | npt.NDArray[np.int64]
ALL = slice(None)


def counter_infos(columns: Columns, lanes: Lanes = ALL) -> dict[str, Any]:
    """Return lives and frame numbers, which every game has at every step."""
    return _with_masks(columns.counters[:, lanes].copy(), columns.all_valid[:, lanes].copy())


def episode_infos(columns: Columns, lanes: Lanes = ALL) -> dict[str, Any]:
    """Return the statistics of finished games, as RecordEpisodeStatistics does."""
    over = columns.game_over[lanes].copy()
    return {
        "episode": {
            "r": np.where(over, columns.game_return[lanes], 0.0),
            "l": np.where(over, columns.game_frames[lanes], 0),
            "t": np.where(over, columns.game_seconds[lanes], 0.0),
        },
        "_episode": over,
    }


def final_infos(
    columns: Columns,
    ended: npt.NDArray[np.bool_],
    observations: npt.NDArray[np.object_],
    lanes: Lanes = ALL,
) -> dict[str, Any]:
    """Return the final observations and counters of ended episodes, for SAME_STEP autoreset."""
    values = np.where(ended, columns.final_counters[:, lanes], 0)
    return {
        "final_obs": observations,
        "_final_obs": ended.copy(),
        "final_info": _with_masks(values, np.broadcast_to(ended, values.shape).copy()),
        "_final_info": ended.copy(),
    }


def async_infos(lanes: npt.NDArray[np.int64], results: StepResults) -> dict[str, Any]:
    """Return which games results belong to, and which of them are those of a reset."""
    valid = results.lives_mask
    return {
        "env_id": lanes,
        "_env_id": valid.copy(),
        "reset": results.resets,
        "_reset": valid.copy(),
    }


def step_infos(
    columns: Columns,
    results: StepResults,
    final_observations: Callable[[_Flags, _Flags], npt.NDArray[np.object_]] | None,
    *,
    statistics: bool,
    lanes: Lanes = ALL,
) -> dict[str, Any]:
    """Return all infos of a step.

    Parameters
    ----------
    columns
        Commands and results of all lanes.
    results
        The results of the step.
    final_observations
        Returns the final observations, for SAME_STEP autoreset, given which games' episodes have
        ended and which games were restarted; None in the other modes.
    statistics
        Whether to report finished games.
    lanes
        The games.
    """
    infos: dict[str, Any] = {
        "lives": results.lives,
        "_lives": results.lives_mask,
        "frame_number": results.frame_numbers,
        "_frame_number": results.frame_numbers_mask,
        "episode_frame_number": results.episode_frame_numbers,
        "_episode_frame_number": results.episode_frame_numbers_mask,
    }
    if statistics and results.any_game_over:
        infos |= episode_infos(columns, lanes)
    restarted = results.restarted
    if final_observations is not None and results.any_ended:
        ended = results.terminations | results.truncations
        infos |= final_infos(columns, ended, final_observations(ended, restarted), lanes)
    if results.any_restarted:
        infos |= {"worker_restarted": restarted, "_worker_restarted": restarted.copy()}
    return infos


def _with_masks(values: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> dict[str, Any]:
    lives, frame_number, episode_frame_number = values
    return {
        "lives": lives,
        "_lives": valid[0],
        "frame_number": frame_number,
        "_frame_number": valid[1],
        "episode_frame_number": episode_frame_number,
        "_episode_frame_number": valid[2],
    }
