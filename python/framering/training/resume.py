"""Saving a run's state, and going on from it.

A resumed run of an Atari game ends with the weights of one that was never interrupted, bit for bit
(on the CPU, with the same software and number of threads). With sticky actions (the ``ALE/…-v5``
ids) it may differ: ALE doesn't save the action that it would repeat. Environments other than Atari
can't be saved: their resumed runs begin new episodes, so they end with other weights. A run with
``async_envs`` depends on time and so ends with other weights, but its resumed games, buffer, step
count, and results that were not received yet are those that were saved. With ``collectors``, the
buffer and the step count are, and new episodes begin.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.replay.buffer import ReplayBuffer
from framering.training.checkpoint import Checkpoint, save_checkpoint
from framering.training.collectors.environments import CollectedEnvironments
from framering.training.collectors.lanes import move_transitions
from framering.training.components import Components, make_components, make_replay
from framering.training.environments import TrainingEnvironments
from framering.training.ranks import Ranks, first_game_seed
from framering.training.task import TaskSpec
from framering.vector.env import AtariVectorEnv


def save_run(run: Path, config: TrainConfig, components: Components, step: int) -> Path:
    """Write a checkpoint of a run between two steps.

    Raises
    ------
    OSError, RuntimeError
        If the disk is full or fails, or a worker died meanwhile. The run can go on.
    """
    ranks = components.ranks
    states = ranks.all(components.state_dict)
    state = {"config": dataclasses.asdict(config), "step": step, **states}
    return save_checkpoint(run, step, state, components.replay, ranks)


def resumed_config(
    checkpoint: Checkpoint,
    total_timesteps: int | None = None,
    collectors: int | None = None,
    ray_address: str | None = None,
) -> TrainConfig:
    """Return the settings of the run that was saved, changed by those that are given.

    A run that is extended to more steps keeps its schedules: see `TrainConfig.schedule_timesteps`.

    Raises
    ------
    ConfigError
        If they aren't settings that this version knows, the run has taken that many steps, or it
        has no collectors.
    """
    config = saved_config(checkpoint)
    changes: dict[str, Any] = {"collectors": collectors, "ray_address": ray_address}
    given = {name: value for name, value in changes.items() if value is not None}
    if given and not (config.collectors and given.get("collectors", 1)):
        raise ConfigError(
            f"--{next(iter(given)).replace('_', '-')}: expected it beside --resume of a run with "
            f"collectors, and at least 1 of them, got {given} for {config.collectors} collectors: "
            "leave it out"
        )
    config = dataclasses.replace(config, **given)
    if total_timesteps is None:
        return config
    taken = checkpoint.state["step"]
    if total_timesteps <= taken:
        raise ConfigError(
            f"--total-timesteps: expected more than the {taken} steps that the run has taken, got "
            f"{total_timesteps}; give the steps of the whole run"
        )
    return dataclasses.replace(
        config, total_timesteps=total_timesteps, schedule_timesteps=config.scheduled_steps
    )


def saved_config(checkpoint: Checkpoint) -> TrainConfig:
    """Return the settings of the run that was saved.

    Raises
    ------
    ConfigError
        If they aren't settings that this version knows.
    """
    try:
        return TrainConfig(**checkpoint.state["config"])
    except TypeError as error:
        raise ConfigError(
            f"{checkpoint.folder}: expected settings of this version, got others: {error}"
        ) from error


def reset_or_restore(
    config: TrainConfig, task: TaskSpec, checkpoint: Checkpoint | None, ranks: Ranks
) -> tuple[Components, NDArray[Any], int]:
    """Make this rank's components of a new run, or those of a saved one as they were.

    Returns
    -------
    tuple
        The components, the first observations (which `recv` returns with ``async_envs``), and the
        environment steps taken so far.

    Raises
    ------
    ConfigError
        If the checkpoint doesn't fit. Nothing is written to the run's folder.
    """
    share = ranks.share(config)
    replay = make_replay(share, task, ranks.local_size)
    if checkpoint is not None:
        _load_replay(checkpoint, share, task, replay)
    components = make_components(share, task, replay, ranks)
    try:
        if checkpoint is None:
            seed = first_game_seed(config, ranks)
            return components, _reset(components.envs, config.async_envs, seed), 0
        observations = _restore(components, checkpoint)
        return components, observations, int(checkpoint.state["step"])
    except BaseException:
        components.envs.close()
        raise


def _load_replay(
    checkpoint: Checkpoint, config: TrainConfig, task: TaskSpec, replay: ReplayBuffer
) -> None:
    """Load the saved transitions, also those of another number of collectors."""
    saved = dataclasses.replace(config, collectors=saved_config(checkpoint).collectors)
    if saved.lanes == config.lanes:
        checkpoint.load_replay(replay)
        return
    source = make_replay(saved, task)
    checkpoint.load_replay(source)
    move_transitions(source, replay)
    replay.generator_state = source.generator_state


def _reset(
    envs: TrainingEnvironments | CollectedEnvironments, asynchronous: bool, seed: int
) -> NDArray[Any]:
    """Begin new episodes; return the first observations, none of asynchronous environments."""
    if asynchronous:
        assert isinstance(envs, AtariVectorEnv)  # the settings were checked
        envs.async_reset(seed=seed)
        return np.empty(0, np.uint8)
    observations: NDArray[Any] = envs.reset(seed=seed)[0]
    return observations


def _restore(components: Components, checkpoint: Checkpoint) -> NDArray[Any]:
    """Load the saved states into the components; return the observations to go on from."""
    state = checkpoint.state
    try:
        components.learner.load_state_dict(state["learner"])
        components.exploration.load_state_dict(state["exploration"])
        observations: NDArray[Any] = components.envs.load_state_dict(state["environments"])[0]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{checkpoint.folder}: expected the state of this run, got {error}"
        ) from error
    return observations
