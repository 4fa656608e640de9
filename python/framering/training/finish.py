"""The end of a run: saving, evaluating and uploading its model."""

import dataclasses
import shlex
import statistics
from functools import partial
from pathlib import Path

from framering.config import TrainConfig
from framering.dqn.network import ValueNetwork
from framering.dqn.weights import save_weights
from framering.errors import RunError
from framering.presets import train_command_line
from framering.reporting.hub import TrainedModel, upload
from framering.reporting.run_logger import RunLogger
from framering.reporting.summary import summarize
from framering.reporting.video import why_no_videos
from framering.training.components import Components
from framering.training.evaluate import evaluate_run, evaluation_epsilon
from framering.training.resume import save_run
from framering.training.run_settings import model_name
from framering.training.task import TaskSpec, why_no_pictures


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """Results of a run.

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
    q_network: ValueNetwork
    steps: int
    interrupted: bool
    model_path: Path | None
    evaluation: list[float]


def checkpoint_or_warn(
    run: RunLogger, config: TrainConfig, components: Components, step: int
) -> None:
    """Write a checkpoint; where that fails, print a warning: the run can go on."""
    try:
        with run.activity("saving"):
            folder = save_run(run.folder, config, components, step)
        run.log_message(f"checkpoint in {folder}")
    except (OSError, RuntimeError) as error:
        run.log_message(f"warning: no checkpoint at step {step:,}: {error}")


def finish(
    run: RunLogger,
    config: TrainConfig,
    task: TaskSpec,
    components: Components,
    steps: int,
    interrupted: bool,
) -> TrainResult:
    """Save, evaluate and upload the model as the settings say, and print the paths of all files.

    An interrupted run saves its model and a checkpoint, and ends without an evaluation.

    Raises
    ------
    RunError
        If the model can't be saved.
    """
    network, ranks = components.learner.q_network, components.ranks
    run.progress.close()
    if interrupted:
        run.log_message(f"interrupted at step {steps:,}")
    run.log_summary(steps)
    if interrupted and config.checkpoint_every:
        checkpoint_or_warn(run, config, components, steps)
        folder = shlex.quote(str(run.folder))
        run.log_message(f"resume with: {ranks.command} train --resume {folder}")
    returns = ranks.first(partial(_finish_model, run, config, task, network, steps, interrupted))
    saved = run.folder / model_name(config.exp_name) if config.save_model else None
    return TrainResult(run.folder, network, steps, interrupted, saved, returns)


def _finish_model(
    run: RunLogger,
    config: TrainConfig,
    task: TaskSpec,
    network: ValueNetwork,
    steps: int,
    interrupted: bool,
) -> list[float]:
    """Save, evaluate and upload the model as the settings say; return the evaluation's returns."""
    model_path = run.folder / model_name(config.exp_name)
    returns: list[float] = []
    videos: Path | None = None
    folder = shlex.quote(str(run.folder))
    if config.save_model:
        _save_model(network, model_path, run)
        if not interrupted:
            videos = _video_folder(run, task) if config.eval_videos else None
            returns = evaluate_run(config, task, network, run, videos)
            run.metrics.log_final_evaluation(returns)
            run.metrics.log_evaluation(steps, statistics.fmean(returns))
            run.log_message(f"evaluation: {summarize(returns)}")
            if videos is not None:
                run.log_message(f"videos in {videos}")
    run.log_message(f"events in {run.folder} (tensorboard --logdir runs)")
    for command in ["play", "plot"] if config.save_model else ["plot"]:
        run.log_message(f"next: framering {command} {folder}")
    run.close()
    if returns and config.upload_model:
        model = TrainedModel(
            env_id=config.env_id,
            exp_name=config.exp_name,
            seed=config.seed,
            run_folder=run.folder,
            path=model_path,
            returns=returns,
            epsilon=evaluation_epsilon(config),
            videos=videos,
            settings=dataclasses.asdict(config),
            command=train_command_line(config),
        )
        run.log_message(f"uploaded to {upload(model, config.hf_entity)}")
    return returns


def _save_model(network: ValueNetwork, path: Path, run: RunLogger) -> None:
    try:
        with run.activity("saving"):
            save_weights(network, path)
    except OSError as error:
        raise RunError(f"the model could not be saved to {path}: {error}") from error
    run.log_message(f"model saved to {path}")


def _video_folder(run: RunLogger, task: TaskSpec) -> Path | None:
    """Return the folder for the evaluation's videos, or None where none can be recorded."""
    if reason := why_no_videos() or why_no_pictures(task):
        run.log_message(f"no videos: {reason}")
        return None
    return Path("videos") / f"{run.folder.name}-eval"
