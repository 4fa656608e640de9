"""Infos of a vector environment in Gymnasium's format, made from its columns.

Each key has an array with one value per game, and a mask ``_key`` of the valid ones.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from framering.vector.shared_arrays import Columns


def counter_infos(columns: Columns) -> dict[str, Any]:
    """Return lives and frame numbers, which every game has at every step."""
    return _with_masks(columns.counters.copy(), columns.all_valid.copy())


def episode_infos(columns: Columns) -> dict[str, Any]:
    """Return the statistics of finished games, as RecordEpisodeStatistics does."""
    over = columns.game_over.copy()
    return {
        "episode": {
            "r": np.where(over, columns.game_return, 0.0),
            "l": np.where(over, columns.game_frames, 0),
            "t": np.where(over, columns.game_seconds, 0.0),
        },
        "_episode": over,
    }


def final_infos(
    columns: Columns, ended: npt.NDArray[np.bool_], observations: npt.NDArray[np.object_]
) -> dict[str, Any]:
    """Return the final observations and counters of ended episodes, for SAME_STEP autoreset."""
    values = np.where(ended, columns.final_counters, 0)
    return {
        "final_obs": observations,
        "_final_obs": ended.copy(),
        "final_info": _with_masks(values, np.broadcast_to(ended, values.shape).copy()),
        "_final_info": ended.copy(),
    }


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
