"""The commands that play a trained model: ``framering eval`` and ``framering play``."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from framering.arguments import parse
from framering.config import MAX_INTEGER, TrainConfig
from framering.errors import ConfigError

if TYPE_CHECKING:
    from framering.training.evaluate import Viewer
    from framering.training.task import TaskSpec

_MIN_FPS, _MAX_FPS = 0.1, 1000.0


@dataclasses.dataclass(kw_only=True)
class EvalConfig:
    """Settings of ``framering eval`` and ``framering play``."""

    run: Annotated[Positional[Path | None], arg(metavar="[RUN]")] = None
    """the folder of a run, runs/NAME: its model, on its environment"""
    model: Path | None = None
    """weights that framering or CleanRL saved; None: those of the run"""
    env_id: str | None = None
    """the Gymnasium id of the environment; None: that of the run"""
    episodes: int = 10
    """episodes to play"""
    screen_size: int | None = None
    """height and width of the frames that the model was trained with, in pixels; None: those of
    the run, or 84 without one"""
    epsilon: float = 0.01
    """probability of a random action"""
    seed: int = 1
    """seed of the environment and of the policy"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        if self.run is None:
            missing = [f for f, v in (("--model", self.model), ("--env-id", self.env_id)) if not v]
            if missing:
                raise ConfigError(
                    f"{', '.join(missing)}: expected a value, got none; "
                    "the folder of a run, runs/NAME, has both"
                )
        if self.episodes < 1:
            raise ConfigError(f"--episodes: expected 1 or more, got {self.episodes}")
        if self.screen_size is not None and self.screen_size < 1:
            raise ConfigError(f"--screen-size: expected 1 or more, got {self.screen_size}")
        if not 0 <= self.epsilon <= 1:
            raise ConfigError(f"--epsilon: expected between 0 and 1, got {self.epsilon}")
        if not 0 <= self.seed <= MAX_INTEGER:
            raise ConfigError(f"--seed: expected between 0 and {MAX_INTEGER}, got {self.seed}")


def eval_command(arguments: Sequence[str]) -> None:
    """Play episodes with a trained model; print mean, standard deviation, min and max return."""
    config = parse(EvalConfig, "eval", eval_command.__doc__, arguments)
    config.check()
    model, task = _model_and_task(config)
    _play_episodes(config, model, task, None)


@dataclasses.dataclass(kw_only=True)
class PlayConfig(EvalConfig):
    """Settings of ``framering play``."""

    episodes: int = 1
    """episodes to play"""
    fps: float = 15.0
    """images a second"""
    videos: Path | None = None
    """record the episodes into this folder, as mp4 files, instead of showing them"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        super().check()
        if not _MIN_FPS <= self.fps <= _MAX_FPS:
            raise ConfigError(
                f"--fps: expected between {_MIN_FPS:g} and {_MAX_FPS:g}, got {self.fps}"
            )


def play_command(arguments: Sequence[str]) -> None:
    """Show episodes of a trained model in the terminal, or record them as videos."""
    config = parse(PlayConfig, "play", play_command.__doc__, arguments)
    config.check()
    from framering.reporting.video import why_no_videos
    from framering.training.task import why_no_pictures

    if config.videos and (reason := why_no_videos()):
        raise ConfigError(f"--videos: {reason}")
    model, task = _model_and_task(config)
    if reason := why_no_pictures(task):
        raise ConfigError(f"--env-id: expected an environment with images, but {reason}")
    _play_episodes(config, model, task, lambda: _make_viewer(config))
    if config.videos:
        print(f"videos in {config.videos}")


def _make_viewer(config: PlayConfig) -> "Viewer":
    from rich.console import Console

    from framering.reporting.terminal import TerminalScreen
    from framering.reporting.video import GameRecorder

    if not config.videos:
        return TerminalScreen(Console(), config.fps)
    try:
        return GameRecorder(config.videos, lambda episode: episode < config.episodes)
    except OSError as error:
        raise ConfigError(
            f"--videos: expected a folder that can be written, got {config.videos}: "
            f"{error.strerror}"
        ) from None


def _model_and_task(config: EvalConfig) -> "tuple[Path, TaskSpec]":
    """Return the weights and the task that flags name, or else those of the run."""
    from framering.training.run_settings import find_model, read_settings
    from framering.training.task import make_task_spec, task_of

    model, env_id, run = config.model, config.env_id, config.run
    if run is None or (model and env_id):
        assert model is not None  # `check` has seen to it
        assert env_id is not None
        return model, make_task_spec(env_id, config.screen_size or TrainConfig.screen_size)
    saved = read_settings(run)
    size = config.screen_size or saved.screen_size
    if env_id is not None:
        return model or find_model(run, saved), make_task_spec(env_id, size)
    task = task_of(dataclasses.replace(saved, screen_size=size))
    return model or find_model(run, saved), task


def _play_episodes(
    config: EvalConfig, model: Path, task: "TaskSpec", make_viewer: "Callable[[], Viewer] | None"
) -> None:
    from framering.dqn.weights import load_network
    from framering.reporting.summary import summarize
    from framering.training.evaluate import evaluate

    network = load_network(model, task.observation_space.shape, int(task.action_space.n))
    returns = evaluate(
        network,
        task,
        episodes=config.episodes,
        epsilon=config.epsilon,
        seed=config.seed,
        viewer=make_viewer() if make_viewer else None,
        on_episode=lambda episode, value: print(f"episode {episode}: return {value:g}", flush=True),
    )
    print(summarize(returns))
