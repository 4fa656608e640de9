"""Conversion of the arguments of `add` to the arrays that the ring stores."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framering.replay.spaces import ArraySpec

Array = NDArray[Any]

_TRUNCATED = "TimeLimit.truncated"


def convert(name: str, value: Any, spec: ArraySpec, n_envs: int) -> Array:
    """Return an array ``(n_envs, *spec.shape)`` of the spec's dtype; refuse a lossy conversion."""
    array = np.asarray(value)
    expected = (n_envs, *spec.shape)
    fits = array.shape == expected or (n_envs == 1 and array.shape == spec.shape)
    if not fits and not (spec.flat and array.size == math.prod(expected)):
        raise ValueError(f"{name}: expected shape {expected}, got {array.shape}")
    return np.ascontiguousarray(_cast(name, array, spec.dtype)).reshape(expected)


def convert_rewards(reward: Any, n_envs: int) -> Array:
    """Return rewards as a float64 array ``(n_envs,)``."""
    return _numbers("reward", reward, n_envs).astype(np.float64)


def convert_dones(done: Any, n_envs: int) -> Array:
    """Return flags, which may be the numbers 0 and 1, as a bool array ``(n_envs,)``."""
    return _flags("done", done, n_envs)


def convert_truncations(infos: Any, n_envs: int) -> Array:
    """Return the flags ``TimeLimit.truncated`` of `infos` as a bool array ``(n_envs,)``.

    `infos` is a sequence of dicts (SB3's vector environments) or a dict of arrays (Gymnasium's),
    in which the flags may also be in ``final_info``.
    """
    if not isinstance(infos, Mapping):
        return _flags_of_dicts(infos, n_envs)
    flags = _flags_of_arrays(infos, n_envs)
    if "final_info" in infos:
        final = infos["final_info"]
        of_final = _flags_of_arrays if isinstance(final, Mapping) else _flags_of_dicts
        flags |= of_final(final, n_envs)
    return flags


def _flags_of_arrays(infos: Mapping[str, Any], n_envs: int) -> Array:
    if _TRUNCATED not in infos:
        return np.zeros(n_envs, np.bool_)
    flags = _flags(f"infos[{_TRUNCATED!r}]", infos[_TRUNCATED], n_envs)
    # Gymnasium marks the environments whose entry is valid.
    mask = f"_{_TRUNCATED}"
    return flags & _flags(f"infos[{mask!r}]", infos[mask], n_envs) if mask in infos else flags


def _flags_of_dicts(infos: Sequence[Any], n_envs: int) -> Array:
    if not isinstance(infos, Sequence | np.ndarray) or len(infos) != n_envs:
        raise ValueError(
            f"infos: expected {n_envs} dicts, one for each environment, or a dict of arrays, "
            f"got {infos!r:.100}"
        )
    return np.array([_flag_of_dict(info) for info in infos])


def _flag_of_dict(info: Any) -> bool:
    # None stands where an environment has no final info (Gymnasium 0.29).
    if info is None:
        return False
    if not isinstance(info, Mapping):
        raise TypeError(f"infos: expected dicts, got {type(info).__name__}")
    return bool(info.get(_TRUNCATED, False))


def _flags(name: str, value: Any, n_envs: int) -> Array:
    array = _numbers(name, value, n_envs)
    flags = array.astype(np.bool_)
    if (flags != array).any():
        raise ValueError(f"{name}: expected True and False, or 1 and 0, got {array}")
    return flags


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
            raise ValueError(
                f"{name}: expected values that fit {dtype}, got {array.dtype} values out of range"
            )
        return cast
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(f"{name}: expected {dtype}, got {array.dtype}")
    return array.astype(dtype)
