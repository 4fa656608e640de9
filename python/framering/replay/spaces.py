"""How observations and actions of a Gymnasium space lie in a ring, and their conversion to that."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Array = NDArray[Any]

_TIMEOUT = "TimeLimit.truncated"


@dataclass(frozen=True)
class Format:
    """What one environment's observation or action is stored as.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the elements.
    shape : tuple of int
        Of one observation; for actions, ``(action_dim,)``.
    stack : int
        How many equal frames the first axis holds; 1 for whatever is no stack of frames.
    flat : bool
        Whether any array of the right size will do (a Discrete's number may come as ``()``).
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    stack: int = 1
    flat: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of the whole."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame of the stack."""
        return self.nbytes // self.stack


def observation_format(space: spaces.Space[Any], frame_stack: int | None) -> Format:
    """Tell how a space's observations are stored.

    Without `frame_stack`, a uint8 Box ``(k, H, W)`` is taken for a stack of frames, as Gymnasium's
    FrameStackObservation and SB3's transposed VecFrameStack give it, unless k is 1 or 3 (a
    grayscale or colour image) or W the shortest (an image with its channels last); so is a uint8
    Box of four axes whose first is shorter than the longest.
    """
    if isinstance(space, spaces.Discrete):
        found = Format(np.dtype(space.dtype), (1,), flat=True)
    elif isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        found = Format(np.dtype(space.dtype), tuple(space.shape))
    else:
        raise TypeError(
            "observation_space: expected a Box, Discrete, MultiDiscrete or MultiBinary, got "
            f"{space}: flatten it with gymnasium.wrappers.FlattenObservation, or keep it in "
            "stable_baselines3's DictReplayBuffer"
        )
    shape = found.shape
    if math.prod(shape) == 0:
        raise ValueError(f"observation_space: expected at least one element, got shape {shape}")
    if frame_stack is None:
        frame_stack = shape[0] if found.dtype == np.uint8 and _is_stack(shape) else 1
    elif frame_stack < 1 or (frame_stack > 1 and (not shape or shape[0] % frame_stack != 0)):
        raise ValueError(
            f"frame_stack: expected a divisor of the first axis of {shape}, got {frame_stack}"
        )
    return Format(found.dtype, shape, frame_stack, found.flat)


def _is_stack(shape: tuple[int, ...]) -> bool:
    if len(shape) == 3:
        return shape[0] not in (1, 3) and shape[0] <= min(shape[1:])
    return len(shape) == 4 and shape[0] < max(shape[1:])


def action_format(space: spaces.Space[Any]) -> Format:
    """Tell how a space's actions are stored: flattened, and float64 as float32 (as SB3 does)."""
    dtype = np.dtype(np.float32) if space.dtype == np.float64 else np.dtype(space.dtype)
    if isinstance(space, spaces.Discrete):
        return Format(dtype, (1,), flat=True)
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return Format(dtype, (math.prod(space.shape),), flat=True)
    raise TypeError(
        f"action_space: expected a Box, Discrete, MultiDiscrete or MultiBinary, got {space}"
    )


def convert(name: str, value: Any, form: Format, n_envs: int) -> Array:
    """Make the array ``(n_envs, *shape)`` of the format's dtype; raise where that would lose."""
    array = np.asarray(value)
    expected = (n_envs, *form.shape)
    fits = array.shape == expected or (n_envs == 1 and array.shape == form.shape)
    if not fits and not (form.flat and array.size == math.prod(expected)):
        raise ValueError(f"{name}: expected shape {expected}, got {array.shape}")
    return np.ascontiguousarray(_cast(name, array, form.dtype)).reshape(expected)


def convert_rewards(reward: Any, n_envs: int) -> Array:
    """Make the float64 array ``(n_envs,)`` of rewards."""
    return _numbers("reward", reward, n_envs).astype(np.float64)


def convert_dones(done: Any, n_envs: int) -> Array:
    """Make the bool array ``(n_envs,)`` of flags, which may come as numbers 0 and 1."""
    array = _numbers("done", done, n_envs)
    flags = array.astype(np.bool_)
    if (flags != array).any():
        raise ValueError(f"done: expected True and False, or 1 and 0, got {array}")
    return flags


def convert_timeouts(infos: Any, n_envs: int) -> Array:
    """Make the bool array ``(n_envs,)`` of ``TimeLimit.truncated``.

    `infos` is a sequence of dicts (SB3's vector environments) or a dict of arrays (Gymnasium's),
    where it may also stand in ``final_info``.
    """
    if isinstance(infos, Mapping):
        found = _timeouts_of_dict(infos, n_envs)
        if "final_info" in infos:
            final = infos["final_info"]
            found |= (
                _timeouts_of_dict(final, n_envs)
                if isinstance(final, Mapping)
                else _timeouts_of_sequence(final, n_envs)
            )
        return found
    return _timeouts_of_sequence(infos, n_envs)


def _timeouts_of_dict(infos: Mapping[str, Any], n_envs: int) -> Array:
    if _TIMEOUT not in infos:
        return np.zeros(n_envs, np.bool_)
    return convert_dones(infos[_TIMEOUT], n_envs) & convert_dones(
        infos.get(f"_{_TIMEOUT}", np.ones(n_envs, np.bool_)), n_envs
    )


def _timeouts_of_sequence(infos: Sequence[Any], n_envs: int) -> Array:
    if not isinstance(infos, Sequence | np.ndarray) or len(infos) != n_envs:
        raise ValueError(
            f"infos: expected {n_envs} dicts, one for each environment, or a dict of arrays, "
            f"got {infos!r:.100}"
        )
    return np.array([_timeout_of(info) for info in infos])


def _timeout_of(info: Any) -> bool:
    # None stands where an environment has no final info (Gymnasium 0.29).
    if info is None:
        return False
    if not isinstance(info, Mapping):
        raise TypeError(f"infos: expected dicts, got {type(info).__name__}")
    return bool(info.get(_TIMEOUT, False))


def _numbers(name: str, value: Any, n_envs: int) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers, got {array.dtype}")
    if array.size != n_envs:
        raise ValueError(f"{name}: expected shape ({n_envs},), got {array.shape}")
    return array.reshape(n_envs)


def _cast(name: str, array: Array, dtype: np.dtype[Any]) -> Array:
    if array.dtype == dtype:
        return array
    if array.dtype.kind in "biu" and dtype.kind in "biu":
        cast = array.astype(dtype)
        if (cast != array).any():
            raise ValueError(f"{name}: expected values that fit {dtype}, got {array.dtype} beyond")
        return cast
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(f"{name}: expected {dtype}, got {array.dtype}")
    return array.astype(dtype)
