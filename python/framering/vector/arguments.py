"""Checks of what a vector environment is given, before anything moves."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from framering import _core

if TYPE_CHECKING:
    from framering.replay.buffer import ReplayBuffer

# Behind the newest stack lie, at most, the last frame of the episode before and the stack that it
# ended: the ring of an environment without a replay buffer holds those too.
_SPARE_SLOTS = 8


def check_counts(num_envs: int, stack_size: int) -> None:
    """Refuse numbers of games and frames below 1."""
    if num_envs < 1:
        raise ValueError(f"num_envs must be at least 1, but {num_envs} came")
    if stack_size < 1:
        raise ValueError(f"stack_size must be at least 1, but {stack_size} came")


def ring_for(
    replay: "ReplayBuffer | None", num_envs: int, shape: tuple[int, ...], *, shared: bool
) -> _core.Ring:
    """Take the replay buffer's ring, if it fits, or make one that holds the newest stacks."""
    stack, frame_bytes = shape[0], math.prod(shape[1:])
    if replay is None:
        return _core.Ring(
            lanes=num_envs,
            slots=stack + _SPARE_SLOTS,
            frame_bytes=frame_bytes,
            stack=stack,
            shared=shared,
        )
    ring: _core.Ring = replay.ring
    came = (ring.lanes, ring.stack, ring.frame_bytes, ring.action_bytes)
    if came != (num_envs, stack, frame_bytes, 8):
        raise ValueError(
            "the replay buffer doesn't fit these environments: it must be made for "
            f"n_envs={num_envs}, observations {shape} of uint8 and int64 actions, but its ring has "
            f"{came[0]} lanes, stacks of {came[1]} frames of {came[2]} bytes, and actions of "
            f"{came[3]} bytes"
        )
    if shared and ring.fd < 0:
        raise ValueError(
            "worker processes can't write into a replay buffer in private memory: "
            "make it with shared=True, or step in this process with num_workers=0"
        )
    return ring


def check_workers(num_workers: int | None, num_envs: int) -> None:
    """Refuse more worker processes than games."""
    if num_workers is not None and not 0 <= num_workers <= num_envs:
        raise ValueError(
            f"num_workers must lie in [0, {num_envs}], one at most for each game, "
            f"but {num_workers} came"
        )


def seeds_of(seed: int | Sequence[int | None] | None, num_envs: int) -> Sequence[int | None]:
    """Give each game its seed, as Gymnasium does: consecutive ones from a single number."""
    if seed is None:
        return [None] * num_envs
    seeds = [seed + i for i in range(num_envs)] if isinstance(seed, int | np.integer) else seed
    if len(seeds) != num_envs:
        raise ValueError(f"a seed for each of {num_envs} games was expected, but {len(seeds)} came")
    for one in seeds:
        if one is not None and not 0 <= one < 2**64:
            raise ValueError(f"a seed must lie in [0, 2**64), but {one} came")
    return seeds


def mask_of(options: dict[str, Any] | None, num_envs: int) -> npt.NDArray[np.bool_] | None:
    """Find ``reset_mask`` in the options of a reset, and check it."""
    if options is None or "reset_mask" not in options:
        return None
    mask = options["reset_mask"]
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        came = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"reset_mask must be a numpy array of bool, but {came} came")
    if mask.shape != (num_envs,):
        raise ValueError(f"reset_mask must have shape ({num_envs},), but {mask.shape} came")
    if not mask.any():
        raise ValueError("reset_mask must be true somewhere, but it is all false")
    return mask


def checked_actions(actions: Any, num_envs: int, num_actions: int) -> npt.NDArray[np.int64]:
    """Give actions as integers of shape (num_envs,), each in [0, num_actions)."""
    array = np.asarray(actions)
    if array.dtype.kind not in "iu":
        raise TypeError(f"actions must be integers, but {array.dtype} came")
    if array.shape != (num_envs,):
        raise ValueError(f"actions must have shape ({num_envs},), but {array.shape} came")
    chosen = array.tolist()
    if min(chosen) < 0 or max(chosen) >= num_actions:
        raise ValueError(f"actions must lie in [0, {num_actions}), but {chosen} came")
    return array
