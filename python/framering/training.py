"""Deep Q-learning (Mnih et al. 2015), in the order of operations of CleanRL's ``dqn_atari.py``."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from framering._core import Window
from framering.assembly import Parts, assemble, describe
from framering.checkpoint import load_checkpoint
from framering.config import TrainConfig
from framering.environments import look_up
from framering.exploration import linear_schedule
from framering.interruption import StopSignals
from framering.preflight import check_run
from framering.prioritized import PrioritizedReplayBuffer
from framering.results import TrainResult, checkpoint, finish, play
from framering.resume import begin, saved_config
from framering.run import Run

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
    task = look_up(config.env_id, config.screen_size)
    check_run(config, task)
    parts = assemble(config, task, saved)
    envs, learner = parts.envs, parts.learner

    with closing(envs), StopSignals() as stop, closing(Run(config, saved)) as run:
        observations, step = begin(config, parts, saved)
        run.say(f"{run.folder}: {describe(config, task, learner.device)}")
        while step < config.total_timesteps and not stop.requested:
            epsilon = linear_schedule(
                config.start_e,
                config.end_e,
                config.exploration_fraction * config.total_timesteps,
                step,
            )
            actions = parts.exploration.actions(observations, epsilon, learner.greedy_actions)
            if config.pipelined:
                window = parts.replay.window()
                envs.send(actions)
                learn(config, run, parts, step, window)
                observations, _, _, _, infos = envs.recv()
            else:
                observations, _, _, _, infos = envs.step(actions)
                learn(config, run, parts, step)
            run.stepped(step, epsilon, envs, infos)
            step += config.num_envs
            if due(config.eval_every, step, config.num_envs):
                run.evaluated(step, play(config, task, learner.q_network))
            if due(config.checkpoint_every, step, config.num_envs):
                checkpoint(run, config, parts, step)
            on_step(step)
        return finish(run, config, task, parts, step, stop.requested)


def due(every: int, step: int, num_envs: int) -> bool:
    """Tell whether a multiple of ``every`` lies in the last step of all environments."""
    return every > 0 and step % every < num_envs


def learn(
    config: TrainConfig, run: Run, parts: Parts, step: int, window: Window | None = None
) -> None:
    """Make the updates that are due in the steps of all environments from a step on."""
    replay, learner = parts.replay, parts.learner
    steps = range(max(step, config.learning_starts + 1), step + config.num_envs)
    number = sum(now % config.train_frequency == 0 for now in steps)
    batches = parts.staging.batches(number, window)
    for now in steps:
        if now % config.train_frequency == 0:
            batch = next(batches)
            told = learner.update(batch)
            if isinstance(replay, PrioritizedReplayBuffer):
                replay.beta = config.beta + (1 - config.beta) * now / config.total_timesteps
                replay.update_priorities(batch.indices, told.errors.abs())
            if now % _REPORT_FREQUENCY == 0:
                run.updated(now, told.loss.item(), told.q_value.item())
        if now % config.target_network_frequency == 0:
            learner.update_target(config.tau)
