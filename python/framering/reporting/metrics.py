"""What a run writes down: TensorBoard events under CleanRL's tags, and Weights & Biases."""

import dataclasses
from pathlib import Path
from typing import Any

from framering.config import TrainConfig
from framering.errors import ConfigError


class Metrics:
    """Writes a run's events.

    Parameters
    ----------
    folder
        Where the event file goes.
    config
        The run's settings, written as the text ``hyperparameters``.
    step
        The step from which a resumed run goes on; events from there on are replaced.
    """

    def __init__(self, folder: Path, config: TrainConfig, step: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._tracker = start_tracking(folder, config) if config.track else None
        self._writer: Any = SummaryWriter(str(folder), purge_step=step or None)
        rows = "\n".join(f"|{key}|{value}|" for key, value in vars(config).items())
        self._writer.add_text("hyperparameters", f"|param|value|\n|-|-|\n{rows}")

    def episode(self, step: int, episodic_return: float, length: int) -> None:
        """Record a finished game: its unclipped return, and its length in raw frames."""
        self._writer.add_scalar("charts/episodic_return", episodic_return, step)
        self._writer.add_scalar("charts/episodic_length", length, step)

    def update(self, step: int, loss: float, q_value: float, steps_per_second: int) -> None:
        """Record an update: its loss, and the mean value of the actions in its batch."""
        self._writer.add_scalar("losses/td_loss", loss, step)
        self._writer.add_scalar("losses/q_values", q_value, step)
        self._writer.add_scalar("charts/SPS", steps_per_second, step)

    def mean_evaluation(self, step: int, mean_return: float) -> None:
        """Record the mean return of an evaluation between two steps of training."""
        self._writer.add_scalar("eval/mean_return", mean_return, step)

    def evaluation(self, episodic_returns: list[float]) -> None:
        """Record the games of the final evaluation."""
        for index, episodic_return in enumerate(episodic_returns):
            self._writer.add_scalar("eval/episodic_return", episodic_return, index)

    def video(self, path: Path) -> None:
        """Send a finished video to the tracker."""
        if self._tracker is not None:
            import wandb

            self._tracker.log({"videos": wandb.Video(str(path), format="mp4")})

    def close(self) -> None:
        """Write what is buffered, and end the tracker's run."""
        self._writer.close()
        if self._tracker is not None:
            from wandb.integration.tensorboard import unpatch

            self._tracker.finish()
            unpatch()


def start_tracking(folder: Path, config: TrainConfig) -> Any:
    """Start a Weights & Biases run that takes over what is written to TensorBoard in a folder.

    Raises
    ------
    ConfigError
        If wandb isn't installed.
    """
    try:
        import wandb
        from wandb.integration.tensorboard import patch
    except ImportError:
        raise ConfigError("--track needs wandb: pip install 'framering[wandb]'") from None
    patch(root_logdir=str(folder))
    return wandb.init(
        project=config.wandb_project_name,
        entity=config.wandb_entity,
        config=dataclasses.asdict(config),
        name=folder.name,
        save_code=True,
    )
