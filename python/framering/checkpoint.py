"""Checkpoints on disk: written whole or not at all, checked when read, never executed.

A checkpoint is a folder ``checkpoints/{step}`` of three files:

- ``tensors.safetensors``: weights and the optimiser's moments;
- ``ring.bin``: the replay memory's block, as it lies in memory;
- ``state.json``: everything small, with the lengths and CRC-32 of the other two, and its own.

It is written under another name, flushed to the disk, and renamed: whatever kills the process, a
folder of that name is complete. Only then is the one before it deleted.
"""

import dataclasses
import json
import mmap
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from framering._core import Ring
from framering.config import ConfigError

_VERSION = 1
_CHUNK = 1 << 24
_UNFINISHED = "unfinished-"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read and checked; the ring's file is only read by `fill`.

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

    def fill(self, ring: Ring) -> None:
        """Load the ring's memory, for a ring of the same geometry, in shared memory.

        Raises
        ------
        ConfigError
            If it doesn't fit.
        """
        path = self.folder / "ring.bin"
        if path.stat().st_size != ring.nbytes:
            raise ConfigError(
                f"{path} holds {path.stat().st_size} bytes, but the ring takes {ring.nbytes}"
            )
        with path.open("rb") as file, mmap.mmap(ring.fd, ring.nbytes) as memory:
            view = memoryview(memory)
            try:
                for begin in range(0, ring.nbytes, _CHUNK):
                    file.readinto(view[begin : begin + _CHUNK])
            finally:
                view.release()


def save_checkpoint(
    run: Path, step: int, tensors: dict[str, Tensor], state: dict[str, Any], ring: Ring
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
    ring
        A ring in shared memory, that nobody writes meanwhile.

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
        files = {
            "tensors.safetensors": _write(
                unfinished / "tensors.safetensors", save_tensors(tensors)
            ),
            "ring.bin": _write_ring(unfinished / "ring.bin", ring),
        }
        content = {"version": _VERSION, "step": step, "files": files, "state": state}
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
    """Read a run's last checkpoint, and check every byte of it.

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
    for name, (length, crc) in content["files"].items():
        _check_file(folder / name, length, crc)
    tensors = load_tensors((folder / "tensors.safetensors").read_bytes())
    return Checkpoint(folder, tensors, content["state"])


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


def _write_ring(path: Path, ring: Ring) -> tuple[int, int]:
    """Write and flush the ring's memory piece by piece, without a copy of it."""
    crc = 0
    with path.open("wb") as file, mmap.mmap(ring.fd, ring.nbytes) as memory:
        view = memoryview(memory)
        try:
            for begin in range(0, ring.nbytes, _CHUNK):
                file.write(view[begin : begin + _CHUNK])
                crc = zlib.crc32(view[begin : begin + _CHUNK], crc)
        finally:
            view.release()
        file.flush()
        os.fsync(file.fileno())
    return ring.nbytes, crc


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


def _check_file(path: Path, length: int, crc: int) -> None:
    if not path.exists() or path.stat().st_size != length:
        came = path.stat().st_size if path.exists() else "no"
        raise ConfigError(f"{path} is damaged: {length} bytes were written, {came} bytes are there")
    found = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    if found != crc:
        raise ConfigError(f"{path} is damaged: its checksum doesn't match")
