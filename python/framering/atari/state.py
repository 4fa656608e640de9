"""An emulator's state as bytes: compressed JSON, so that reading it executes nothing."""

import base64
import json
import math
import zlib
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from framering.atari.arguments import INT64_MAX, describe

_Value = TypeVar("_Value")

# Some times the largest state, which holds the console and three screens.
_MAX_BYTES = 1 << 22
_BYTES, _ARRAY = "bytes", "uint8 array"


def pack_state(state: dict[str, Any]) -> bytes:
    """Write plain values, bytes and uint8 arrays, nested in dictionaries, as compressed JSON.

    Examples
    --------
    >>> unpack_state(pack_state({"console": b"ALE", "lives": 3}))
    {'console': b'ALE', 'lives': 3}
    """
    return zlib.compress(json.dumps(state, default=_encode).encode(), level=1)


def unpack_state(packed: bytes) -> dict[str, Any]:
    """Read what `pack_state` wrote.

    Raises
    ------
    TypeError, ValueError
        If it is nothing that `pack_state` wrote.
    """
    if not isinstance(packed, bytes | bytearray | memoryview):
        raise TypeError(f"state: expected bytes, got {describe(packed)}")
    try:
        state = json.loads(_decompress(packed), object_hook=_decode)
    except (zlib.error, ValueError, TypeError, KeyError, RecursionError) as reason:
        raise ValueError(f"state: expected the state of an emulator, but {reason}") from reason
    if not isinstance(state, dict):
        raise ValueError(f"state: expected the state of an emulator, got {describe(state)}")
    return state


def read_field(state: Mapping[str, Any], name: str, kind: type[_Value]) -> _Value:
    """Return a field of a state; numbers are finite, and integers count something.

    Raises
    ------
    ValueError
        If the field is missing, of another type, or out of range.
    """
    value = state.get(name)
    fits = type(value) is kind  # A bool is no int here.
    if isinstance(value, float):
        fits &= math.isfinite(value)
    elif isinstance(value, int):
        fits &= 0 <= value <= INT64_MAX
    if not fits:
        raise ValueError(f"{name}: expected {kind.__name__}, got {describe(value)}")
    return cast(_Value, value)


def read_array(
    state: Mapping[str, Any], name: str, shape: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Return a field of a state that is a uint8 array; raise ValueError for another shape."""
    array = state.get(name)
    if not isinstance(array, np.ndarray) or array.shape != shape:
        got = array.shape if isinstance(array, np.ndarray) else describe(array)
        raise ValueError(f"{name}: expected an array of shape {shape}, got {got}")
    return array


def _decompress(packed: bytes | bytearray | memoryview) -> bytes:
    stream = zlib.decompressobj()
    unpacked = stream.decompress(packed, _MAX_BYTES)
    if not stream.eof or stream.unused_data:
        raise ValueError("it is truncated, too long, or followed by other bytes")
    return unpacked


def _encode(value: Any) -> dict[str, Any]:
    if isinstance(value, np.ndarray):
        data = base64.b64encode(value.tobytes()).decode()
        return {_ARRAY: data, "shape": value.shape}
    return {_BYTES: base64.b64encode(value).decode()}


def _decode(fields: dict[str, Any]) -> Any:
    if _BYTES in fields:
        return base64.b64decode(fields[_BYTES])
    if _ARRAY in fields:
        data = np.frombuffer(base64.b64decode(fields[_ARRAY]), np.uint8)
        return data.reshape(fields["shape"])
    return fields
