"""Named starting points for a run's settings; any setting given beside a preset overrides it."""

from collections.abc import Sequence
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
    """Return a preset's settings.

    ``cleanrl`` is CleanRL's ``dqn_atari.py`` exactly; ``fast`` has the same algorithm and the same
    ratio of updates to steps with eight environments, a pipeline and a compiled update; ``pong``
    solves Pong in about an hour, even on one core: a small network on small pictures affords an
    update a step, and prioritised three-step returns make the most of each.

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
