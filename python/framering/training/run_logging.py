"""The folder and the logger of a run, from its settings."""

import dataclasses
import errno
import time
from pathlib import Path

from rich.console import Console

from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.reporting.episodes import GatheredEpisodes
from framering.reporting.metrics import Tracking
from framering.reporting.run_logger import RunLogger
from framering.training.checkpoint import Checkpoint
from framering.training.ranks import Ranks
from framering.training.run_settings import write_settings

_RUNS = Path("runs")
_ONE_RANK = Ranks()


def make_run_folder(config: TrainConfig, runs: Path = _RUNS) -> Path:
    """Make ``{runs}/{env_id}__{exp_name}__{seed}__{time}``, at the next second that is free.

    Raises
    ------
    ConfigError
        If the folder cannot be made.
    """
    try:
        runs.mkdir(exist_ok=True)
    except OSError as error:
        raise _unusable(runs, error) from None
    started = int(time.time())
    while True:
        name = f"{config.env_id}__{config.exp_name}__{config.seed}__{started}"
        folder = runs / name.replace("/", "-").replace(":", "-")
        try:
            folder.mkdir()
        except FileExistsError:
            started += 1
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise ConfigError(
                    f"--exp-name: expected a shorter name, got {len(config.exp_name)} characters; "
                    f"the name of the run's folder would have {len(folder.name)}"
                ) from None
            raise _unusable(runs, error) from None
        else:
            return folder


def make_run_logger(
    config: TrainConfig,
    checkpoint: Checkpoint | None = None,
    console: Console | None = None,
    *,
    runs: Path = _RUNS,
    ranks: Ranks = _ONE_RANK,
) -> RunLogger:
    """Make the logger of a new run in a new folder, or of a run that a checkpoint continues.

    The first rank reports the episodes of all ranks; the others report nothing.

    The folder gets the run's settings; where they can't be written, that is a warning.

    Raises
    ------
    ConfigError
        If the folder cannot be made.
    """
    folder = checkpoint.run if checkpoint else ranks.first(lambda: make_run_folder(config, runs))
    tracking = Tracking(config.wandb_project_name, config.wandb_entity) if config.track else None
    run = RunLogger(
        folder,
        dataclasses.asdict(config),
        total_timesteps=config.total_timesteps,
        first_step=checkpoint.state["step"] if checkpoint else 0,
        videos=Path("videos") / folder.name if config.capture_video and ranks.is_first else None,
        tracking=tracking,
        console=console,
        episodes=GatheredEpisodes(ranks.gather, ranks.is_first) if ranks.size > 1 else None,
        quiet=not ranks.is_first,
    )
    try:
        if ranks.is_first:
            write_settings(folder, config)
    except OSError as error:
        run.log_message(f"warning: the run's settings are not saved: {error}")
    return run


def _unusable(runs: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{runs}: expected a folder that can be written, got '{error.strerror}'; "
        "start framering in another folder, or move this one"
    )
