"""Deep Q-learning (Mnih et al. 2015), in the order of operations of CleanRL's ``dqn_atari.py``."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from framering._core import Window
from framering.config import TrainConfig
from framering.dqn.exploration import least_epsilons, linear_schedule
from framering.dqn.learner import Learner, UpdateResult
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.reporting.run_logger import RunLogger
from framering.training.checkpoint import load_checkpoint
from framering.training.collectors.environments import CollectedEnvironments
from framering.training.components import Components, describe
from framering.training.evaluate import evaluate_run
from framering.training.finish import TrainResult, checkpoint_or_warn, finish
from framering.training.launch import current_ranks
from framering.training.preflight import check_run
from framering.training.process import torch_settings
from framering.training.resume import reset_or_restore, resumed_config
from framering.training.run_logging import make_run_logger
from framering.training.signals import StopSignals
from framering.training.task import task_of

_REPORT_FREQUENCY = 100


def train(
    config: TrainConfig,
    on_step: Callable[[int], None] = lambda steps: None,
    *,
    total_timesteps: int | None = None,
    collectors: int | None = None,
    ray_address: str | None = None,
) -> TrainResult:
    """Train a Q-network, as ``framering train`` does.

    The process is left as it was: torch's settings are restored, and no heap setting and no
    environment variable is changed. For the speed of ``framering train``, call
    `framering.tune_process` first.

    Parameters
    ----------
    config
        The settings; see ``framering train --help``.
    on_step
        Called after each step of all environments (with ``async_envs``, of those that were ready;
        with ``collectors``, after each chunk) with the number of steps taken so far.
    total_timesteps
        With ``config.resume``, the environment steps of the whole run, to extend it; None: those
        that it was started with. Its schedules of epsilon and beta stay those of the run that was
        started: after their end, epsilon stays at ``end_e`` and beta at 1.
    collectors, ray_address
        With ``config.resume``, where a run of collectors goes on: with as many, on another cluster;
        None: as before.

    Raises
    ------
    ConfigError
        If a setting can't work, before anything is allocated.
    RunError
        If the trained model can't be saved.

    Examples
    --------
    >>> from framering import TrainConfig, train
    >>> config = TrainConfig(env_id="PongNoFrameskip-v4", total_timesteps=20_000)
    >>> result = train(config)  # doctest: +SKIP
    """
    ranks = current_ranks()
    checkpoint = load_checkpoint(Path(config.resume), ranks) if config.resume else None
    if checkpoint:
        config = resumed_config(checkpoint, total_timesteps, collectors, ray_address)
    task = task_of(config)
    check_run(config, task, ranks)

    with torch_settings(config), ranks:
        components, observations, step = reset_or_restore(config, task, checkpoint, ranks)
        envs, learner = components.envs, components.learner
        act = partial(components.exploration.actions, greedy=learner.greedy_actions)
        share = ranks.share(config)
        actors = config.collectors or config.num_envs
        least = np.split(least_epsilons(config.epsilons, actors), ranks.size)[ranks.rank]

        with (
            closing(envs),
            StopSignals(acknowledges=ranks.is_first) as stop,
            closing(make_run_logger(config, checkpoint, ranks=ranks)) as run,
        ):
            run.log_message(f"{run.folder}: {describe(config, task, components)}")
            if config.total_timesteps <= config.learning_starts:
                run.log_message(
                    f"warning: this run makes no update, because --total-timesteps "
                    f"{config.total_timesteps} is not above --learning-starts "
                    f"{config.learning_starts}: raise the one or lower the other"
                )

            while step < config.total_timesteps and not ranks.stop(stop.requested):
                epsilon = linear_schedule(
                    config.start_e, config.end_e, config.exploration_steps, step
                )
                epsilons = np.maximum(epsilon, least)
                taken = config.num_envs
                if isinstance(envs, CollectedEnvironments):
                    infos = envs.collect(learner, epsilons)
                    taken = infos["steps"]
                    learn(config, run, components, step, taken)
                    run.log_collectors(step + taken, envs.report)
                elif config.async_envs:
                    observations, _, _, _, infos = envs.recv()
                    ready = infos["env_id"]
                    envs.send(act(observations, epsilons[ready]), ready)
                    taken = int(np.count_nonzero(~infos["reset"]))
                    learn(share, run, components, step, taken)
                elif config.pipelined:
                    actions = act(observations, epsilons)
                    window = components.replay.window()
                    envs.send(actions)
                    learn(share, run, components, step, taken, window)
                    observations, _, _, _, infos = envs.recv()
                else:
                    observations, _, _, _, infos = envs.step(act(observations, epsilons))
                    learn(share, run, components, step, taken)
                run.log_step(step, float(epsilons.mean()), envs, infos, taken)
                step += taken

                if evaluation_is_due(config, step, taken):
                    evaluation = partial(evaluate_run, config, task, learner.q_network, run)
                    run.log_evaluation(step, ranks.first(evaluation))
                if checkpoint_is_due(config, step, taken):
                    checkpoint_or_warn(run, config, components, step)
                if taken:
                    on_step(step)

            return finish(run, config, task, components, step, ranks.stop(stop.requested))


def learn(
    config: TrainConfig,
    run: RunLogger,
    components: Components,
    first_step: int,
    taken: int,
    window: Window | None = None,
) -> None:
    """Make the updates that belong to some environment steps.

    Parameters
    ----------
    config
        The settings of this rank's share.
    run, components
        Those of the run.
    first_step, taken
        The number of the first environment step, and how many there are.
    window
        What the batches are drawn from, while the environments write; None: all transitions.
    """
    replay, learner = components.replay, components.learner
    steps = range(max(first_step, config.learning_starts + 1), first_step + taken)
    for step in steps:
        for _ in range(config.gradient_steps if step % config.train_frequency == 0 else 0):
            batch = sample(components, config.batch_size, window)
            result = update(learner, batch, run)
            if isinstance(replay, PrioritizedReplayBuffer):
                rise = (1 - config.beta) * step / config.scheduled_steps
                replay.beta = min(config.beta + rise, 1.0)
                replay.update_priorities(batch.indices, result.td_errors.abs())
            if step % _REPORT_FREQUENCY == 0:
                run.log_update(step, *components.ranks.means(result.loss, result.q_value))
        if step % config.target_network_frequency == 0:
            learner.update_target(config.tau)


def sample(components: Components, batch_size: int, window: Window | None) -> Any:
    """Draw this rank's rows of a batch; importance weights are 1 at most in the whole batch."""
    replay, ranks = components.replay, components.ranks
    batch: Any = replay.sample(batch_size, window=window)
    if ranks.size == 1 or not isinstance(replay, PrioritizedReplayBuffer):
        return batch
    scale = (replay.least_probability / ranks.least(replay.least_probability)) ** -replay.beta
    return batch._replace(weights=batch.weights * scale)


def update(learner: Learner, batch: Any, run: RunLogger) -> UpdateResult:
    """Make one update; say so where it is compiled first, which takes about half a minute."""
    if not learner.compiles_next:
        return learner.update(batch)
    with run.activity("compiling"):
        return learner.update(batch)


def evaluation_is_due(config: TrainConfig, step: int, taken: int) -> bool:
    """Return whether to evaluate after a step; `finish` evaluates a model that is saved."""
    if config.save_model and step >= config.total_timesteps:
        return False
    return reaches_multiple(step, config.eval_every, taken)


def checkpoint_is_due(config: TrainConfig, step: int, taken: int) -> bool:
    """Return whether to write a checkpoint after a step: the last one can be extended."""
    if config.checkpoint_every and step >= config.total_timesteps:
        return True
    return reaches_multiple(step, config.checkpoint_every, taken)


def reaches_multiple(step: int, frequency: int, taken: int) -> bool:
    """Return whether the last steps that were taken reached a multiple of a frequency.

    Examples
    --------
    >>> reaches_multiple(step=104, frequency=100, taken=8)
    True
    >>> reaches_multiple(step=112, frequency=100, taken=8)
    False
    """
    return frequency > 0 and step % frequency < taken
