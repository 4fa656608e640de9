"""Presets: named settings to start from. A flag beside a preset overrides its setting."""

import dataclasses
import shlex
from typing import Any

from framering.config import TrainConfig
from framering.errors import ConfigError

# What each preset changes in CleanRL's defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "cleanrl": {},
    "fast": {"num_envs": 8, "compile": True},
    "pong": {
        "env_id": "PongNoFrameskip-v4",
        "num_envs": 8,
        "total_timesteps": 400_000,
        "screen_size": 60,
        "network": "nips",
        "buffer_size": 100_000,
        "learning_starts": 5_000,
        "learning_rate": 2.5e-4,
        "train_frequency": 1,
        "exploration_fraction": 0.15,
        "n_step": 3,
        "prioritized": True,
        "eval_every": 50_000,
        "save_model": True,
    },
}


def preset(name: str) -> TrainConfig:
    """Return the settings of a preset.

    ``cleanrl`` is CleanRL's ``dqn_atari.py`` exactly. ``fast`` has the same algorithm and the same
    ratio of updates to steps, with eight environments, a pipeline and a compiled update. ``pong``
    solves Pong in about an hour, even on one core: a small network on small images affords an
    update in each step, and prioritized three-step returns learn more from each.

    Raises
    ------
    ConfigError
        If there is no such preset.

    Examples
    --------
    >>> preset("fast").num_envs
    8
    """
    if name not in PRESETS:
        raise ConfigError(f"--preset: expected one of {', '.join(PRESETS)}, got {name!r}")
    return TrainConfig(preset=name, **PRESETS[name])


def train_command_line(config: TrainConfig) -> str:
    """Return the command that trains with given settings.

    Examples
    --------
    >>> train_command_line(TrainConfig(preset="fast", num_envs=8, gamma=0.95))
    'framering train --preset fast --gamma 0.95 --no-compile'
    """
    start = preset(config.preset if config.preset in PRESETS else TrainConfig.preset)
    words = ["framering", "train"]
    if start.preset != TrainConfig.preset:
        words += ["--preset", start.preset]
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name != "preset" and value != getattr(start, field.name):
            words += _flag(field.name, value)
    return shlex.join(words)


def _flag(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}"] if value else [f"--no-{flag}"]
    return [f"--{flag}", str(value)]
