"""Deep Q-learning (Mnih et al. 2015), in the order of operations of CleanRL's ``dqn_atari.py``."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from framering._core import Window
from framering.config import TrainConfig
from framering.dqn.exploration import linear_schedule
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.reporting.run_logger import RunLogger
from framering.training.checkpoint import load_checkpoint
from framering.training.components import Components, describe, make_components
from framering.training.environments import make_task_spec
from framering.training.finish import TrainResult, checkpoint, finish, play
from framering.training.preflight import check_run
from framering.training.resume import begin, saved_config
from framering.training.signals import StopSignals

_REPORT_FREQUENCY = 100


def train(config: TrainConfig, on_step: Callable[[int], None] = lambda steps: None) -> TrainResult:
    """Train a Q-network; what ``framering train`` runs.

    Parameters
    ----------
    config
        The settings; see ``framering train --help``.
    on_step
        Called after each step of all environments with the number of steps taken so far.

    Raises
    ------
    ConfigError
        If a setting can't work, before anything is allocated.

    Examples
    --------
    >>> from framering import TrainConfig, train
    >>> config = TrainConfig(env_id="PongNoFrameskip-v4", total_timesteps=20_000)
    >>> result = train(config)  # doctest: +SKIP
    """
    saved = load_checkpoint(Path(config.resume)) if config.resume else None
    config = saved_config(saved) if saved else config
    task = make_task_spec(config.env_id, config.screen_size)
    check_run(config, task)
    components = make_components(config, task, saved)
    envs, learner = components.envs, components.learner

    with closing(envs), StopSignals() as stop, closing(RunLogger(config, saved)) as run:
        observations, step = begin(config, components, saved)
        run.say(f"{run.folder}: {describe(config, task, learner.device)}")
        while step < config.total_timesteps and not stop.requested:
            epsilon = linear_schedule(
                config.start_e,
                config.end_e,
                config.exploration_fraction * config.total_timesteps,
                step,
            )
            actions = components.exploration.actions(observations, epsilon, learner.greedy_actions)
            if config.pipelined:
                window = components.replay.window()
                envs.send(actions)
                learn(config, run, components, step, window)
                observations, _, _, _, infos = envs.recv()
            else:
                observations, _, _, _, infos = envs.step(actions)
                learn(config, run, components, step)
            run.stepped(step, epsilon, envs, infos)
            step += config.num_envs
            if due(config.eval_every, step, config.num_envs):
                run.evaluated(step, play(config, task, learner.q_network))
            if due(config.checkpoint_every, step, config.num_envs):
                checkpoint(run, config, components, step)
            on_step(step)
        return finish(run, config, task, components, step, stop.requested)


def due(every: int, step: int, num_envs: int) -> bool:
    """Tell whether a multiple of ``every`` lies in the last step of all environments."""
    return every > 0 and step % every < num_envs


def learn(
    config: TrainConfig,
    run: RunLogger,
    components: Components,
    step: int,
    window: Window | None = None,
) -> None:
    """Make the updates that are due in the steps of all environments from a step on."""
    replay, learner = components.replay, components.learner
    steps = range(max(step, config.learning_starts + 1), step + config.num_envs)
    number = sum(now % config.train_frequency == 0 for now in steps)
    batches = components.prefetcher.batches(number, window)
    for now in steps:
        if now % config.train_frequency == 0:
            batch = next(batches)
            result = learner.update(batch)
            if isinstance(replay, PrioritizedReplayBuffer):
                replay.beta = config.beta + (1 - config.beta) * now / config.total_timesteps
                replay.update_priorities(batch.indices, result.td_errors.abs())
            if now % _REPORT_FREQUENCY == 0:
                run.updated(now, result.loss.item(), result.q_value.item())
        if now % config.target_network_frequency == 0:
            learner.update_target(config.tau)
