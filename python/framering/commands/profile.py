"""The commands ``framering profile``, ``framering profile replay`` and ``… preprocessing``."""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framering.arguments import parse, preset_name
from framering.config import TrainConfig
from framering.errors import INTERRUPTED, ConfigError
from framering.presets import preset

_MOST_TRANSITIONS = 10_000_000
_MOST_BATCH = 100_000
_MOST_STEPS = 100_000
_TOPICS = "profile replay and profile preprocessing measure these alone."


@dataclasses.dataclass(kw_only=True)
class ProfileConfig(TrainConfig):
    """Settings of ``framering profile``: those of a short run through all phases of training."""

    json: Path | None = None
    """write settings, versions and times into this file, too"""
    trace: Path | None = None
    """write each call into this file, in Chrome's trace event format (ui.perfetto.dev opens it)"""

    total_timesteps: int = 4000
    """environment steps of the whole run"""
    buffer_size: int = 20_000
    """the capacity of the replay buffer, in transitions"""
    learning_starts: int = 2000
    """environment steps before the first update; actions are random until then, and have the
    epsilon end-e from then on"""
    save_model: bool = False
    """not available: a profile saves no model"""
    upload_model: bool = False
    """not available: a profile saves no model"""
    resume: str = ""
    """not available: a profile is a run of its own"""

    def train_config(self) -> TrainConfig:
        """Return the settings of the training run."""
        names = [field.name for field in dataclasses.fields(TrainConfig)]
        return TrainConfig(**{name: getattr(self, name) for name in names})


@dataclasses.dataclass(kw_only=True)
class ReplayProfileConfig:
    """Settings of ``framering profile replay``."""

    env_id: str = "BreakoutNoFrameskip-v4"
    """the Gymnasium id of the Atari game whose frames are stored"""
    transitions: int = 10_000
    """transitions in the buffer"""
    batch_size: int = 32
    """transitions in a batch"""
    json: Path | None = None
    """write the figures into this file, too"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        _check_range("transitions", self.transitions, 1000, _MOST_TRANSITIONS)
        _check_range("batch-size", self.batch_size, 1, _MOST_BATCH)


@dataclasses.dataclass(kw_only=True)
class PreprocessingProfileConfig:
    """Settings of ``framering profile preprocessing``."""

    env_id: str = "BreakoutNoFrameskip-v4"
    """the Gymnasium id of the Atari game whose screens are preprocessed"""
    steps: int = 1000
    """steps of the game that are recorded"""
    json: Path | None = None
    """write the figures into this file, too"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        _check_range("steps", self.steps, 10, _MOST_STEPS)


def profile_command(arguments: Sequence[str]) -> None:
    """Show where the time of training, of the replay buffer or of the preprocessing goes."""
    topic = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if topic is None:
        _profile_training(arguments)
    elif topic == "replay":
        _profile_replay(arguments[1:])
    elif topic == "preprocessing":
        _profile_preprocessing(arguments[1:])
    else:
        raise ConfigError(
            f"profile: expected replay, preprocessing or settings of train, got {topic!r}; "
            "see framering profile --help"
        )


def _profile_training(arguments: Sequence[str]) -> None:
    """Show where the time of a short training run goes (it has train's settings)."""
    start = preset(preset_name(arguments))
    own = vars(ProfileConfig)["__annotations__"]
    short = {name: getattr(ProfileConfig, name) for name in own}
    default = ProfileConfig(**{**dataclasses.asdict(start), **short})
    description = f"{_profile_training.__doc__}\n\n{_TOPICS}"
    config = parse(ProfileConfig, "profile", description, arguments, default)
    _check_files(json=config.json, trace=config.trace)
    settings = config.train_config()
    from framering.training.process import tune_process

    tune_process(settings)  # before torch is loaded
    from rich.console import Console

    from framering.training import profiling

    found = profiling.profile(settings, keep_spans=config.trace is not None)
    profiling.report(found, Console())
    if config.json:
        _write(config.json, profiling.as_json(found))
    if config.trace:
        _write(config.trace, profiling.as_trace(found))
    if found.interrupted:
        raise SystemExit(INTERRUPTED)


def _profile_replay(arguments: Sequence[str]) -> None:
    """Measure the replay buffer alone: bytes, and the time of each stage beside memcpy."""
    config = parse(ReplayProfileConfig, "profile replay", _profile_replay.__doc__, arguments)
    config.check()
    _check_files(json=config.json)
    from rich.console import Console

    from framering.profiling.replay import profile_replay

    found = profile_replay(config.env_id, config.transitions, config.batch_size)
    found.report(Console())
    if config.json:
        _write(config.json, found.as_json())


def _profile_preprocessing(arguments: Sequence[str]) -> None:
    """Measure the preprocessing alone: rows changed, and the time of each stage beside memcpy."""
    config = parse(
        PreprocessingProfileConfig,
        "profile preprocessing",
        _profile_preprocessing.__doc__,
        arguments,
    )
    config.check()
    _check_files(json=config.json)
    from rich.console import Console

    from framering.profiling.preprocessing import profile_preprocessing

    found = profile_preprocessing(config.env_id, config.steps)
    found.report(Console())
    if config.json:
        _write(config.json, found.as_json())


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigError(f"--{name}: expected {least} to {most}, got {value}")


def _check_files(**files: Path | None) -> None:
    """Raise ConfigError where a file cannot be written, before anything is measured."""
    for flag, path in files.items():
        if path is None:
            continue
        try:
            existed = os.path.lexists(path)
            path.open("a").close()
            if not existed:
                path.unlink()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(
                f"--{flag}: expected a file that can be written, got {str(path)!r:.200}: {reason}"
            ) from None


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document) + "\n")
    print(path)
