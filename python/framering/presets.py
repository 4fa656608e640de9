"""Presets: named settings to start from. A flag beside a preset overrides its setting."""

import dataclasses
import shlex
from typing import Any

from framering.config import TrainConfig
from framering.errors import ConfigError

# Rainbow's settings that its descendants share.
_RAINBOW: dict[str, Any] = {
    "head": "c51",
    "double_dqn": True,
    "dueling": True,
    "noisy": True,
    "start_e": 0.0,
    "end_e": 0.0,
    "prioritized": True,
    "alpha": 0.5,
    "adam_eps": 1.5e-4,
}
# The protocol of Atari-100k: no sticky actions, and a hundred games at the end.
_ATARI_100K: dict[str, Any] = {
    "total_timesteps": 100_000,
    "buffer_size": 100_000,
    "learning_starts": 1_600,
    "train_frequency": 1,
    "learning_rate": 1e-4,
    "adam_eps": 1.5e-4,
    "eval_episodes": 100,
    "eval_epsilon": 0.001,
    "save_model": True,
}

# What each preset changes in CleanRL's defaults.
PRESETS: dict[str, dict[str, Any]] = {
    "cleanrl": {},
    "cleanrl-c51": {
        "exp_name": "c51_atari",
        "head": "c51",
        "learning_rate": 2.5e-4,
        "adam_eps": 0.01 / 32,
        "target_network_frequency": 10_000,
    },
    "rainbow": {
        **_RAINBOW,
        "total_timesteps": 50_000_000,
        "learning_rate": 6.25e-5,
        "learning_starts": 20_000,
        "target_network_frequency": 8_000,
        "n_step": 3,
    },
    "der": {
        **_ATARI_100K,
        **_RAINBOW,
        "network": "data-efficient",
        "noisy_sigma": 0.1,
        "start_e": 1.0,
        "end_e": 0.01,
        "exploration_fraction": 0.02,
        "target_network_frequency": 2_000,
        "n_step": 20,
        "max_grad_norm": 10.0,
    },
    "drq-eps": {
        **_ATARI_100K,
        "double_dqn": True,
        "dueling": True,
        "augment": True,
        "huber": True,
        "n_step": 10,
        "target_network_frequency": 1,
        "exploration_fraction": 0.066,
    },
    "dopamine": {
        "total_timesteps": 50_000_000,
        "learning_rate": 6.25e-5,
        "adam_eps": 1.5e-4,
        "learning_starts": 20_000,
        "target_network_frequency": 8_000,
        "exploration_fraction": 0.0054,
        "terminal_on_life_loss": False,
        "repeat_action_probability": 0.25,
        "eval_epsilon": 0.001,
    },
    "fast": {"num_envs": 8, "compile": True},
    "quick": {
        "env_id": "RoadRunnerNoFrameskip-v4",
        "num_envs": 8,
        "screen_size": 60,
        "total_timesteps": 13_000,
        "network": "data-efficient",
        "buffer_size": 20_000,
        "learning_starts": 1_000,
        "learning_rate": 5e-4,
        "adam_eps": 1.5e-4,
        "train_frequency": 1,
        "target_network_frequency": 500,
        "exploration_fraction": 0.2,
        "end_e": 0.02,
        "double_dqn": True,
        "n_step": 3,
        "prioritized": True,
        "save_model": True,
        "eval_episodes": 3,
    },
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

    ``cleanrl`` is CleanRL's ``dqn_atari.py`` exactly, ``cleanrl-c51`` its ``c51_atari.py``. The
    published agents, and where these differ from them:

    - ``rainbow``: Hessel et al. (2018). Priorities are the cross-entropy, not the KL divergence,
      and one draw of noise serves a whole batch.
    - ``der``: data-efficient Rainbow (van Hasselt et al. 2019), on Atari-100k. As ``rainbow``; the
      noise starts at 0.1, as in Dopamine's and Kaixhin's agents, and as Hessel et al. advise
      instead of their 0.5 where the noise isn't drawn by TensorFlow on a GPU. Beside the noise,
      ε falls from 1 to 0.01 over the first 2,000 steps, as in Dopamine's ``DER.gin``: without it
      the first games may repeat one action.
      Agarwal et al. (2021) report higher scores for that agent, which has the network of 2015 and
      ten-step returns: ``--network nature --n-step 10``.
    - ``drq-eps``: DrQ(ε) (Agarwal et al. 2021), on Atari-100k; settings of Dopamine's
      ``DrQ_eps.gin``. ε falls from the first step to step 6,600, not from 1,600 on; the images are
      CleanRL's (resized before they are gray), games begin with no-ops and FIRE, and the
      convolutions have no padding.
    - ``dopamine``: Dopamine's DQN with Adam (``dqn.gin`` of its JAX agents, whose loss is the
      squared error): whole games with sticky actions. The same differences in images, starts and
      convolutions; ε falls from the first step on, to step 270,000.

    ``fast`` has the same algorithm and the same ratio of updates to steps, with eight
    environments, a pipeline and a compiled update. ``quick`` is a first run: it learns to score in
    Road Runner within minutes on two CPU cores. ``pong`` solves Pong in about an hour, even on one
    core: a small network on small images affords an update in each step, and prioritized
    three-step returns learn more from each.

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
