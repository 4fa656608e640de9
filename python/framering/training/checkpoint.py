"""Checkpoints on disk: written whole or not at all, and checked when read.

A checkpoint is a folder ``checkpoints/{step}`` of three files:

- ``state.pt``: the mapping of settings and ``state_dict``s, which ``torch.load`` reads with
  ``weights_only=True``, so that nothing in it is executed;
- ``replay``: the replay buffer's snapshot, with a checksum of its own;
- ``checkpoint.json``: the format's version, the step, the length and CRC-32 of ``state.pt``, and
  a checksum of its own.

It is written under another name, flushed to the disk, and renamed: a folder with its final name is
complete, at whatever point the process was killed. Then the checkpoint before it is deleted.

Checkpoints of framering 0.1.0 (version 2 of the format) are read too: see
`framering.training.checkpoint_version_2`.
"""

import dataclasses
import io
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import torch

from framering.atomic_write import flush_folder
from framering.errors import ConfigError
from framering.replay.buffer import ReplayBuffer
from framering.training.checked_files import (
    dump_checked_json,
    load_checked_json,
    read_checked_bytes,
)
from framering.training.checkpoint_version_2 import read_version_2

_VERSION = 3
_UNFINISHED = "unfinished-"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read and checked, but for the replay buffer's file.

    Attributes
    ----------
    folder
        The checkpoint's folder.
    state
        ``config`` (the settings, as a dict), ``step``, and the ``state_dict``s of ``learner``,
        ``exploration`` and ``environments``.
    """

    folder: Path
    state: dict[str, Any]

    @property
    def run(self) -> Path:
        """The folder of the run, ``runs/{name}``."""
        return self.folder.parent.parent

    def load_replay(self, replay: ReplayBuffer) -> None:
        """Load the replay buffer's contents into an empty buffer for the same spaces.

        Raises
        ------
        ConfigError
            If the file isn't what was written, or doesn't fit.
        """
        path = self.folder / "replay"
        try:
            replay.load(path)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: expected the run's replay buffer, got {error}") from error


def save_checkpoint(run: Path, step: int, state: dict[str, Any], replay: ReplayBuffer) -> Path:
    """Write a checkpoint of a run, then delete the one before it.

    Parameters
    ----------
    run
        ``runs/{name}``.
    step
        Environment steps taken; names the checkpoint.
    state
        The mapping to save: tensors, numbers, strings, bytes (not empty), and lists, tuples and
        dicts of these.
    replay
        The replay buffer, to which nobody adds meanwhile. What can be sampled is written.

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
    _delete_unfinished(folder)
    unfinished.mkdir(parents=True)
    try:
        data = io.BytesIO()
        torch.save(state, data)
        _write(unfinished / "state.pt", data.getbuffer())
        replay.save(unfinished / "replay")
        checks = [data.getbuffer().nbytes, zlib.crc32(data.getbuffer())]
        header = {"version": _VERSION, "step": step, "state": checks}
        _write(unfinished / "checkpoint.json", dump_checked_json(header))
        flush_folder(unfinished)
        unfinished.rename(finished)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    flush_folder(folder)
    for older in _finished(folder)[:-1]:
        shutil.rmtree(older, ignore_errors=True)
    return finished


def load_checkpoint(run: Path) -> Checkpoint:
    """Read a run's last checkpoint, and check every byte of it but the replay buffer's.

    Raises
    ------
    ConfigError
        If there is none, or it isn't what was written.
    """
    found = _finished(run / "checkpoints")
    if not found:
        raise ConfigError(
            f"--resume {run}: expected a checkpoint in {run / 'checkpoints'}, got none; "
            "--checkpoint-every writes them"
        )
    folder = found[-1]
    is_version_2 = (folder / "state.json").exists()
    state = read_version_2(folder) if is_version_2 else _read(folder)
    return Checkpoint(folder, state)


def _read(folder: Path) -> dict[str, Any]:
    header_path = folder / "checkpoint.json"
    header = load_checked_json(header_path)
    if header.get("version") != _VERSION:
        raise ConfigError(
            f"{header_path}: expected version {_VERSION} or older, got {header.get('version')}; "
            "resume with the framering that wrote it"
        )
    path = folder / "state.pt"
    data = read_checked_bytes(path, header.get("state"))
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for a file that isn't its own
        raise ConfigError(f"{path}: expected a state that torch.load reads, got {error}") from error
    names = {"config", "step", "learner", "exploration", "environments"}
    if not isinstance(state, dict) or set(state) != names:
        raise ConfigError(f"{path}: expected {', '.join(sorted(names))}, got other names")
    return state


def _finished(folder: Path) -> list[Path]:
    """Return the finished checkpoints, oldest first."""
    return sorted(path for path in folder.glob("*") if path.name.isdigit())


def _delete_unfinished(folder: Path) -> None:
    for path in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path)


def _write(path: Path, data: bytes | memoryview) -> None:
    """Write and flush a file."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
