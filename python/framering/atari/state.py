"""An emulator's state as bytes: compressed JSON, so that reading it executes nothing."""

import base64
import json
import zlib
from typing import Any

import numpy as np

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
    ValueError
        If it is nothing that `pack_state` wrote.
    """
    try:
        state: dict[str, Any] = json.loads(zlib.decompress(packed), object_hook=_decode)
    except (zlib.error, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"expected the state of an emulator, but {error}") from error
    return state


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
