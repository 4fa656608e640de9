"""Checkpoints on disk: written whole or not at all, and checked when read.

A checkpoint is a folder ``checkpoints/{step}`` of three files:

- ``state.pt``: the mapping of settings and ``state_dict``s, which ``torch.load`` reads with
  ``weights_only=True``, so that nothing in it is executed;
- ``replay``: the replay buffer's snapshot, with a checksum of its own;
- ``checkpoint.json``: the format's version, the step, the length and CRC-32 of ``state.pt``, and
  a checksum of its own.

Of a run with several ranks, each rank after the first has ``state-{rank}.pt`` and ``replay-{rank}``
beside them, and ``checkpoint.json`` (version 4) has the checks of all states. All ranks write into
one folder, so several machines need a file system that they share.

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
from functools import partial
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
from framering.training.ranks import Ranks

_VERSION = 3
_VERSION_OF_RANKS = 4
_UNFINISHED = "unfinished-"
_ONE_RANK = Ranks()


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read and checked, but for the replay buffer's file.

    Attributes
    ----------
    folder
        The checkpoint's folder.
    state
        ``config`` (the settings, as a dict), ``step``, and the ``state_dict``s of ``learner``,
        ``exploration`` and ``environments``, of this rank.
    rank
        The number of this rank.
    """

    folder: Path
    state: dict[str, Any]
    rank: int = 0

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
        path = self.folder / _of_rank("replay", self.rank)
        try:
            replay.load(path)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: expected the run's replay buffer, got {error}") from error


def save_checkpoint(
    run: Path,
    step: int,
    state: dict[str, Any],
    replay: ReplayBuffer,
    ranks: Ranks = _ONE_RANK,
) -> Path:
    """Write a checkpoint of a run, then delete the one before it.

    All ranks of the run call this.

    Parameters
    ----------
    run
        ``runs/{name}``.
    step
        Environment steps taken; names the checkpoint.
    state
        The mapping to save: tensors, numbers, strings, bytes (not empty), and lists, tuples and
        dicts of these. After the first rank, the learner's is only what differs from the first's.
    replay
        The replay buffer, to which nobody adds meanwhile. What can be sampled is written.
    ranks
        The ranks of the run.

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
    if ranks.first(finished.exists):
        return finished
    ranks.first(partial(_begin, unfinished))
    try:
        checks = ranks.all(partial(_write_rank, unfinished, state, replay, ranks.rank))
        header = _header(step, ranks.gather(checks))
        ranks.first(partial(_finish, unfinished, finished, header))
    except OSError:
        if ranks.is_first:
            shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return finished


def _begin(unfinished: Path) -> None:
    """Make the folder to write to, without those of interrupted writes."""
    _delete_unfinished(unfinished.parent)
    unfinished.mkdir(parents=True)


def _write_rank(
    unfinished: Path, state: dict[str, Any], replay: ReplayBuffer, rank: int
) -> list[int]:
    """Write the files of a rank; return the checks of its state."""
    data = io.BytesIO()
    torch.save(state, data)
    _write(unfinished / _of_rank("state.pt", rank), data.getbuffer())
    replay.save(unfinished / _of_rank("replay", rank))
    return [data.getbuffer().nbytes, zlib.crc32(data.getbuffer())]


def _header(step: int, checks: list[list[int]]) -> dict[str, Any]:
    """Return the content of ``checkpoint.json`` for the checks of all ranks' states."""
    if len(checks) == 1:
        return {"version": _VERSION, "step": step, "state": checks[0]}
    return {"version": _VERSION_OF_RANKS, "step": step, "states": checks}


def _finish(unfinished: Path, finished: Path, header: dict[str, Any]) -> None:
    """Name a folder finished that all ranks have written to; delete older ones."""
    _write(unfinished / "checkpoint.json", dump_checked_json(header))
    flush_folder(unfinished)
    unfinished.rename(finished)
    flush_folder(finished.parent)
    for older in _finished(finished.parent)[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def load_checkpoint(run: Path, ranks: Ranks = _ONE_RANK) -> Checkpoint:
    """Read a run's last checkpoint, and check every byte of it but the replay buffer's.

    Of a run with several ranks, that is what the first rank and this one have written.

    Raises
    ------
    ConfigError
        If there is none, it isn't what was written, or another number of ranks has written it.
    """
    found = _finished(run / "checkpoints")
    if not found:
        raise ConfigError(
            f"--resume {run}: expected a checkpoint in {run / 'checkpoints'}, got none; "
            "--checkpoint-every writes them"
        )
    folder = found[-1]
    if (folder / "state.json").exists():
        _check_ranks(folder, 1, ranks)
        return Checkpoint(folder, read_version_2(folder))
    checks = _read_header(folder / "checkpoint.json")
    _check_ranks(folder, len(checks), ranks)
    state = _read(folder / "state.pt", checks[0])
    if not ranks.is_first:
        own = _read(folder / _of_rank("state.pt", ranks.rank), checks[ranks.rank])
        state = {**own, "learner": {**state["learner"], **own["learner"]}}
    return Checkpoint(folder, state, ranks.rank)


def _read_header(path: Path) -> list[Any]:
    """Return the checks of the states of all ranks."""
    header = load_checked_json(path)
    version = header.get("version")
    if version == _VERSION:
        return [header.get("state")]
    checks = header.get("states")
    if version != _VERSION_OF_RANKS or not isinstance(checks, list) or len(checks) < 2:
        raise ConfigError(
            f"{path}: expected version {_VERSION_OF_RANKS} or older, got {version}; "
            "resume with the framering that wrote it"
        )
    return checks


def _check_ranks(folder: Path, size: int, ranks: Ranks) -> None:
    """Raise ConfigError unless a checkpoint is of as many ranks as there are."""
    if size == ranks.size:
        return
    wrote = f"{size} ranks" if size > 1 else "1 rank"
    command = f"torchrun --standalone --nproc-per-node {size} -m " if size > 1 else ""
    raise ConfigError(
        f"--resume {folder.parent.parent}: expected {wrote}, as many as wrote the checkpoint, got "
        f"{ranks.size}; resume with {command}framering train (on several machines, with as many "
        "ranks in all)"
    )


def _read(path: Path, checks: Any) -> dict[str, Any]:
    """Read the state of a rank."""
    data = read_checked_bytes(path, checks)
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for a file that isn't its own
        raise ConfigError(f"{path}: expected a state that torch.load reads, got {error}") from error
    names = {"config", "step", "learner", "exploration", "environments"}
    if not isinstance(state, dict) or set(state) != names:
        raise ConfigError(f"{path}: expected {', '.join(sorted(names))}, got other names")
    return state


def _of_rank(name: str, rank: int) -> str:
    """Return the name of a rank's file: the first's has no number."""
    if rank == 0:
        return name
    path = Path(name)
    return f"{path.stem}-{rank}{path.suffix}"


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
