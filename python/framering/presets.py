"""Named starting points for a run's settings; any setting given beside a preset overrides it."""

from collections.abc import Sequence
from typing import Any

from framering.config import ConfigError, TrainConfig

_FAST: dict[str, Any] = {"num_envs": 8, "compile": True}

# What each preset changes in CleanRL's defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "cleanrl": {},
    "fast": _FAST,
    "pong": {
        **_FAST,
        "env_id": "PongNoFrameskip-v4",
        "total_timesteps": 1_000_000,
        "buffer_size": 100_000,
        "learning_rate": 2.5e-4,
        "learning_starts": 10_000,
        "exploration_fraction": 0.05,
        "double_dqn": True,
        "n_step": 3,
        "save_model": True,
    },
}


def preset(name: str) -> TrainConfig:
    """Return a preset's settings.

    ``cleanrl`` is CleanRL's ``dqn_atari.py`` exactly; ``fast`` has the same algorithm and the same
    ratio of updates to steps with eight environments, a pipeline and a compiled update; ``pong``
    is meant to solve Pong soon on a CPU, and its settings are not tuned yet.

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
        raise ConfigError(f"--preset {name} is unknown; expected {', '.join(PRESETS)}")
    return TrainConfig(preset=name, **PRESETS[name])


def preset_in(arguments: Sequence[str]) -> str:
    """Find the preset that command-line arguments name; ``cleanrl`` where they name none."""
    for index, argument in enumerate(arguments):
        if argument == "--preset":
            return arguments[index + 1] if index + 1 < len(arguments) else ""
        if argument.startswith("--preset="):
            return argument.removeprefix("--preset=")
    return "cleanrl"
