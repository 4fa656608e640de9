"""Checks of a run before anything is allocated."""

import importlib
from pathlib import Path

import torch

from framering import _core
from framering.atari.console import check_can_save
from framering.config import TrainConfig
from framering.device import choose_device, has_fast_bfloat16
from framering.errors import ConfigError
from framering.reporting.video import why_no_videos
from framering.training.ranks import Ranks
from framering.training.task import TaskSpec, why_no_pictures

# The record of a step beside its frame, and its share of the lane's bookkeeping.
_RECORD_BYTES = 32
# The share of the free memory that the buffer may use.
_USABLE = 0.8
_CONTROL_GROUP = Path("/sys/fs/cgroup")
_ONE_RANK = Ranks()


def check_run(config: TrainConfig, task: TaskSpec, ranks: Ranks = _ONE_RANK) -> None:
    """Raise ConfigError for a run that couldn't start or couldn't finish."""
    config.check()
    ranks.check(config)
    run_device(config)
    check_memory(config, task, ranks)
    if config.augment and len(task.observation_space.shape) != 3:
        raise ConfigError(
            f"--augment: expected an environment with images, got observations of shape "
            f"{task.observation_space.shape}: leave it out"
        )
    if config.async_envs and not task.is_atari:
        raise ConfigError(
            f"--async-envs: expected an Atari game beside it, got {task.env_id}: leave it out"
        )
    if config.collectors:
        if not task.is_atari:
            raise ConfigError(
                f"--collectors: expected an Atari game beside it, got {task.env_id}: leave it out"
            )
        _require("ray", "--collectors", "pip install 'framering[ray]'")
    if config.checkpoint_every and task.is_atari and not config.collectors:
        check_can_save()
    if config.track:
        _require("wandb", "--track", "pip install 'framering[wandb]'")
    if config.upload_model:
        _require("huggingface_hub", "--upload-model", "pip install 'framering[huggingface-hub]'")
    if config.capture_video and (reason := why_no_videos() or why_no_pictures(task)):
        raise ConfigError(f"--capture-video can't record: {reason}")


def run_device(config: TrainConfig) -> torch.device:
    """Return the device that the settings name."""
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "--device: expected a device that torch finds, got cuda, of which it finds none; "
            "use --device cpu"
        )
    return choose_device(config.device, config.cuda)


def uses_bfloat16(config: TrainConfig) -> bool:
    """Whether an update computes in bfloat16: if asked to, or where that is faster."""
    if config.precision == "auto":
        return has_fast_bfloat16(run_device(config))
    return config.precision == "bfloat16"


def _require(module: str, purpose: str, remedy: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"{purpose} needs {module} ({error}); {remedy}") from error


def check_memory(config: TrainConfig, task: TaskSpec, ranks: Ranks = _ONE_RANK) -> None:
    """Raise ConfigError where the replay buffer needs more than the machine's free memory.

    Only the records of steps must fit where image frames are stored encoded: `memory_limit` then
    bounds the frames. Of several machines, each has the shares of its ranks, and counts as one with
    as much memory as this.
    """
    available = available_memory() * ranks.size // ranks.local_size
    if config.buffer_memory > available:
        raise ConfigError(
            f"--buffer-memory: expected at most the {available} bytes that are free, got "
            f"{config.buffer_memory}; give less"
        )
    bytes_per_transition = _RECORD_BYTES + (0 if task.has_encoded_frames else task.frame_bytes)
    needed = config.buffer_size * bytes_per_transition
    if needed > available:
        fitting = int(available * _USABLE) // bytes_per_transition
        fitting -= fitting % ranks.size
        raise ConfigError(
            f"--buffer-size {config.buffer_size} needs {needed / 1e9:.1f} GB of memory and "
            f"{available / 1e9:.1f} GB are free; --buffer-size {fitting} fits"
        )


def memory_limit(config: TrainConfig, task: TaskSpec, local_ranks: int = 1) -> int | None:
    """Return the bytes that the transitions of a rank may take, None for no limit.

    If the settings have none, there is a limit only where raw frames would need more memory than
    is free.
    """
    if config.buffer_memory or not task.has_encoded_frames:
        return config.buffer_memory or None
    usable = int(available_memory() * _USABLE) // local_ranks
    return None if config.buffer_size * (task.frame_bytes + _RECORD_BYTES) <= usable else usable


def available_memory() -> int:
    """Return the free bytes of this process: the machine's, or its control group's if fewer."""
    available = _core.available_memory()
    limit, usage = _CONTROL_GROUP / "memory.max", _CONTROL_GROUP / "memory.current"
    if limit.exists() and (most := limit.read_text().strip()) != "max":
        # Page cache that the group can drop counts as free, as in MemAvailable.
        cache = _entry(_CONTROL_GROUP / "memory.stat", "inactive_file")
        available = min(available, int(most) - int(usage.read_text()) + cache)
    return max(available, 0)


def _entry(table: Path, name: str) -> int:
    rows = (row.split() for row in table.read_text().splitlines())
    return next(int(row[1]) for row in rows if row[0] == name)
