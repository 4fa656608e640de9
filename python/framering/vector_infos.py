"""The infos of a vector environment, from its columns, in Gymnasium's form.

Each key has its values, one for each game, and a mask ``_key`` of those that are valid.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from framering.vector_lane import Columns

_COUNTS = ("lives", "frame_number", "episode_frame_number")


def counts(columns: Columns) -> dict[str, Any]:
    """Give lives and frame numbers, which every game has at every step."""
    infos: dict[str, Any] = {}
    for name in _COUNTS:
        values: npt.NDArray[np.int64] = getattr(columns, name)
        infos[name] = values.copy()
        infos[f"_{name}"] = np.ones(len(values), np.bool_)
    return infos


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
    info: dict[str, Any] = {}
    for name in _COUNTS:
        info[name] = np.where(ended, getattr(columns, f"final_{name}"), 0)
        info[f"_{name}"] = ended.copy()
    return {
        "final_obs": observations,
        "_final_obs": ended.copy(),
        "final_info": info,
        "_final_info": ended.copy(),
    }
