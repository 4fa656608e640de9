"""The infos of a vector environment, from its columns, in Gymnasium's form.

Each key has its values, one for each game, and a mask ``_key`` of those that are valid.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from framering.vector.shared_arrays import Columns


def counts(columns: Columns) -> dict[str, Any]:
    """Give lives and frame numbers, which every game has at every step."""
    return _with_masks(columns.counts.copy(), columns.everywhere.copy())


def episodes(columns: Columns) -> dict[str, Any]:
    """Give return, length and seconds of the games that are over, as RecordEpisodeStatistics."""
    over = columns.game_over.copy()
    return {
        "episode": {
            "r": np.where(over, columns.game_return, 0.0),
            "l": np.where(over, columns.game_frames, 0),
            "t": np.where(over, columns.game_seconds, 0.0),
        },
        "_episode": over,
    }


def finals(
    columns: Columns, ended: npt.NDArray[np.bool_], observations: npt.NDArray[np.object_]
) -> dict[str, Any]:
    """Give the last observations and counts of episodes behind which another has begun."""
    values = np.where(ended, columns.final_counts, 0)
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
