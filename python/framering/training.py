"""Deep Q-learning (Mnih et al. 2015), in the order of operations of CleanRL's ``dqn_atari.py``."""

import dataclasses
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from torch import nn

from framering.assembly import describe, make_learner, make_replay, seed_torch
from framering.config import TrainConfig
from framering.environments import Task, look_up, make_training_environments, why_no_pictures
from framering.evaluate import evaluate, summarize
from framering.exploration import EpsilonGreedy, linear_schedule
from framering.hub import upload
from framering.interruption import StopSignals
from framering.learner import Learner
from framering.network import save_weights
from framering.preflight import check_run
from framering.replay import ReplayBufferSamples
from framering.run import Run
from framering.video import GameRecorder, why_no_videos

_EVALUATION_EPISODES = 10
_REPORT_FREQUENCY = 100


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """What a run leaves.

    Attributes
    ----------
    folder
        ``runs/{name}``, with the events and the model.
    q_network
        The trained network.
    steps
        Environment steps taken.
    interrupted
        Whether Ctrl-C or SIGTERM ended the run.
    model_path
        The saved weights, if ``save_model`` was set.
    evaluation
        Returns of the evaluation's games, if there was one.
    """

    folder: Path
    q_network: nn.Module
    steps: int
    interrupted: bool
    model_path: Path | None
    evaluation: list[float]


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
    task = look_up(config.env_id)
    check_run(config, task)
    seed_torch(config)
    replay = make_replay(config, task)
    envs = make_training_environments(config, task, replay)
    learner = make_learner(config, task)
    exploration = EpsilonGreedy(int(task.action_space.n), config.num_envs, config.seed)

    with closing(Run(config)) as run, closing(envs), StopSignals() as stop:
        run.say(f"{run.folder}: {describe(config, task, learner.device)}")
        observations, infos = envs.reset(seed=config.seed)
        step = 0
        while step < config.total_timesteps and not stop.requested:
            epsilon = linear_schedule(
                config.start_e,
                config.end_e,
                config.exploration_fraction * config.total_timesteps,
                step,
            )
            actions = exploration.actions(observations, epsilon, learner.greedy_actions)
            if config.pipelined:
                window = replay.window()
                envs.send(actions)
                learn(config, run, learner, partial(replay.sample, window=window), step)
                observations, _, _, _, infos = envs.recv()
            else:
                observations, _, _, _, infos = envs.step(actions)
                learn(config, run, learner, replay.sample, step)
            run.stepped(step, epsilon, envs, infos)
            step += config.num_envs
            on_step(step)
        return finish(run, config, task, learner, step, stop.requested)


def learn(
    config: TrainConfig,
    run: Run,
    learner: Learner,
    sample: Callable[[int], ReplayBufferSamples],
    step: int,
) -> None:
    """Make the updates that are due in the steps of all environments from a step on."""
    for now in range(max(step, config.learning_starts + 1), step + config.num_envs):
        if now % config.train_frequency == 0:
            loss, q_value = learner.update(sample(config.batch_size))
            if now % _REPORT_FREQUENCY == 0:
                run.updated(now, loss.item(), q_value.item())
        if now % config.target_network_frequency == 0:
            learner.update_target(config.tau)


def finish(
    run: Run, config: TrainConfig, task: Task, learner: Learner, steps: int, interrupted: bool
) -> TrainResult:
    """Save, evaluate and upload what the settings ask for, and say where things are.

    An interrupted run saves its model, but doesn't keep its user waiting for an evaluation.
    """
    run.progress.close()
    if interrupted:
        run.say(f"interrupted at step {steps:,}")
    returns: list[float] = []
    if config.save_model:
        save_weights(learner.q_network, run.model_path)
        run.say(f"model saved to {run.model_path}")
    if config.save_model and not interrupted:
        no_videos = why_no_videos() or why_no_pictures(task)
        videos = None if no_videos else Path("videos") / f"{run.name}-eval"
        returns = evaluate(
            learner.q_network,
            task,
            episodes=_EVALUATION_EPISODES,
            epsilon=config.end_e,
            seed=config.seed,
            camera=GameRecorder(videos, lambda game: game < _EVALUATION_EPISODES)
            if videos
            else None,
        )
        run.metrics.evaluation(returns)
        run.say(f"evaluation: {summarize(returns)}")
        run.say(f"no videos: {no_videos}" if no_videos else f"videos in {videos}")
    run.say(f"events in {run.folder} (tensorboard --logdir runs)")
    run.close()
    if returns and config.upload_model:
        run.say(f"uploaded to {upload(config, run.folder, run.model_path, returns, videos)}")
    model_path = run.model_path if config.save_model else None
    return TrainResult(run.folder, learner.q_network, steps, interrupted, model_path, returns)
