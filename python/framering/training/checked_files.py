"""Files that are read back only with the checksum they were written with."""

import json
import zlib
from pathlib import Path
from typing import Any

from framering.errors import ConfigError


def dump_checked_json(content: dict[str, Any]) -> bytes:
    """Return the bytes of a JSON file with a CRC-32 of its content."""
    text = json.dumps(content)
    return json.dumps({"content": text, "crc32": zlib.crc32(text.encode())}).encode()


def load_checked_json(path: Path) -> dict[str, Any]:
    """Return the content of a file that `dump_checked_json` made.

    Raises
    ------
    ConfigError
        If there is no such file, or it is damaged.
    """
    try:
        file = json.loads(path.read_bytes())
        text, crc = file["content"], file["crc32"]
        whole = zlib.crc32(text.encode()) == crc
        content = json.loads(text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: expected a checkpoint's file, got {error!r}") from error
    if not whole or not isinstance(content, dict):
        raise ConfigError(f"{path}: expected the text that was written, got a damaged file")
    return content


def read_checked_bytes(path: Path, checks: Any) -> bytes:
    """Read a file; raise ConfigError unless ``[length, CRC-32]`` of its bytes is as recorded."""
    data = path.read_bytes() if path.exists() else b""
    if [len(data), zlib.crc32(data)] != checks:
        raise ConfigError(
            f"{path}: expected the bytes that were written, got {len(data)} others; "
            "the file is damaged"
        )
    return data
