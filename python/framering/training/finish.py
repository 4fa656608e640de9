"""The end of a run: what it saves, evaluates, uploads and returns."""

import dataclasses
from pathlib import Path

from torch import nn

from framering.config import TrainConfig
from framering.dqn.weights import save_weights
from framering.reporting.hub import upload
from framering.reporting.run_logger import RunLogger
from framering.reporting.video import GameRecorder, why_no_videos
from framering.training.components import Components
from framering.training.environments import TaskSpec, why_no_pictures
from framering.training.evaluate import evaluate, summarize
from framering.training.resume import save_run

_EVALUATION_EPISODES = 10


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


def play(
    config: TrainConfig, task: TaskSpec, network: nn.Module, videos: Path | None = None
) -> list[float]:
    """Play the games of an evaluation; training's random streams are left alone."""
    camera = GameRecorder(videos, lambda game: game < _EVALUATION_EPISODES) if videos else None
    return evaluate(
        network,
        task,
        episodes=_EVALUATION_EPISODES,
        epsilon=config.end_e,
        seed=config.seed,
        camera=camera,
    )


def checkpoint(run: RunLogger, config: TrainConfig, components: Components, step: int) -> None:
    """Save the run's state; where that fails, say so: the run goes on."""
    try:
        run.say(f"checkpoint in {save_run(run.folder, config, components, step)}")
    except (OSError, RuntimeError) as error:
        run.say(f"warning: no checkpoint at step {step:,}: {error}")


def finish(
    run: RunLogger,
    config: TrainConfig,
    task: TaskSpec,
    components: Components,
    steps: int,
    interrupted: bool,
) -> TrainResult:
    """Save, evaluate and upload what the settings ask for, and say where things are.

    An interrupted run saves its model and its state, but doesn't keep its user waiting for an
    evaluation.
    """
    network = components.learner.q_network
    run.progress.close()
    if interrupted:
        run.say(f"interrupted at step {steps:,}")
        if config.checkpoint_every:
            checkpoint(run, config, components, steps)
            run.say(f"go on with: framering train --resume {run.folder}")
    returns: list[float] = []
    videos: Path | None = None
    if config.save_model:
        save_weights(network, run.model_path)
        run.say(f"model saved to {run.model_path}")
        if not interrupted:
            no_videos = why_no_videos() or why_no_pictures(task)
            videos = None if no_videos else Path("videos") / f"{run.name}-eval"
            returns = play(config, task, network, videos)
            run.metrics.evaluation(returns)
            run.say(f"evaluation: {summarize(returns)}")
            run.say(f"no videos: {no_videos}" if no_videos else f"videos in {videos}")
    run.say(f"events in {run.folder} (tensorboard --logdir runs)")
    run.close()
    if returns and config.upload_model:
        run.say(f"uploaded to {upload(config, run.folder, run.model_path, returns, videos)}")
    model_path = run.model_path if config.save_model else None
    return TrainResult(run.folder, network, steps, interrupted, model_path, returns)
