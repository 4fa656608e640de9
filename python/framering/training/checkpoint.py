"""Checkpoints on disk: written whole or not at all, checked when read, never executed.

A checkpoint is a folder ``checkpoints/{step}`` of three files:

- ``tensors.safetensors``: weights and the optimiser's moments;
- ``replay``: the replay memory's snapshot, with a checksum of its own;
- ``state.json``: everything small, with the length and CRC-32 of the tensors, and its own.

It is written under another name, flushed to the disk, and renamed: whatever kills the process, a
folder of that name is complete. Only then is the one before it deleted.
"""

import dataclasses
import json
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from framering.errors import ConfigError
from framering.replay.buffer import ReplayBuffer

_VERSION = 2
_UNFINISHED = "unfinished-"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read and checked; the replay memory's file is read by `fill`.

    Attributes
    ----------
    folder
        Where it lies.
    tensors
        Weights and moments, by name.
    state
        Everything small, as saved.
    """

    folder: Path
    tensors: dict[str, Tensor]
    state: dict[str, Any]

    def fill(self, replay: ReplayBuffer) -> None:
        """Load the replay memory, into an empty one for the same observations and actions.

        Raises
        ------
        ConfigError
            If the file isn't what was written, or doesn't fit.
        """
        path = self.folder / "replay"
        try:
            replay.load(path)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} can't be taken up: {error}") from error


def save_checkpoint(
    run: Path, step: int, tensors: dict[str, Tensor], state: dict[str, Any], replay: ReplayBuffer
) -> Path:
    """Write a checkpoint of a run, and delete the one before it.

    Parameters
    ----------
    run
        ``runs/{name}``.
    step
        Environment steps taken; names the checkpoint.
    tensors
        Contiguous tensors, by name.
    state
        What JSON can hold.
    replay
        The replay memory, that nobody adds to meanwhile. Only what can be sampled is written.

    Returns
    -------
    Path
        The checkpoint's folder.

    Raises
    ------
    OSError
        If the disk is full, or fails; the checkpoint before is still there then.
    """
    folder = run / "checkpoints"
    unfinished = folder / f"{_UNFINISHED}{step}"
    finished = folder / f"{step:012d}"
    if finished.exists():
        return finished
    _discard_unfinished(folder)
    unfinished.mkdir(parents=True)
    try:
        written = _write(unfinished / "tensors.safetensors", save_tensors(tensors))
        replay.save(unfinished / "replay")
        content = {"version": _VERSION, "step": step, "tensors": written, "state": state}
        text = json.dumps(content)
        seal = json.dumps({"content": text, "crc32": zlib.crc32(text.encode())})
        _write(unfinished / "state.json", seal.encode())
        _sync(unfinished)
        unfinished.rename(finished)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    _sync(folder)
    for older in _finished(folder)[:-1]:
        shutil.rmtree(older, ignore_errors=True)
    return finished


def load_checkpoint(run: Path) -> Checkpoint:
    """Read a run's last checkpoint, and check every byte of it but the replay memory's.

    Raises
    ------
    ConfigError
        If there is none, or it isn't what was written.
    """
    found = _finished(run / "checkpoints")
    if not found:
        raise ConfigError(f"--resume {run}: there is no checkpoint in {run / 'checkpoints'}")
    folder = found[-1]
    content = _read_state(folder / "state.json")
    path = folder / "tensors.safetensors"
    length, crc = content["tensors"]
    data = path.read_bytes() if path.exists() else b""
    if (len(data), zlib.crc32(data)) != (length, crc):
        raise ConfigError(
            f"{path} is damaged: its {len(data)} bytes aren't those that were written"
        )
    return Checkpoint(folder, load_tensors(data), content["state"])


def _finished(folder: Path) -> list[Path]:
    """Return the finished checkpoints, oldest first."""
    return sorted(path for path in folder.glob("*") if path.name.isdigit())


def _discard_unfinished(folder: Path) -> None:
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path)


def _write(path: Path, data: bytes) -> tuple[int, int]:
    """Write and flush a file; return its length and CRC-32."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return len(data), zlib.crc32(data)


def _sync(folder: Path) -> None:
    """Flush a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_state(path: Path) -> dict[str, Any]:
    try:
        seal = json.loads(path.read_text())
        text, crc = seal["content"], seal["crc32"]
        whole = zlib.crc32(text.encode()) == crc
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is no checkpoint of framering's: {error}") from error
    if not whole:
        raise ConfigError(f"{path} is damaged: its checksum doesn't match")
    content: dict[str, Any] = json.loads(text)
    if content["version"] != _VERSION:
        raise ConfigError(
            f"{path} has version {content['version']}, but this framering reads {_VERSION}"
        )
    return content
