"""Metrics of a run: TensorBoard events under CleanRL's tags, and Weights & Biases."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from framering.errors import ConfigError
from framering.reporting.collectors import CollectorReport


@dataclasses.dataclass(frozen=True)
class Tracking:
    """Where Weights & Biases records a run.

    Attributes
    ----------
    project
        The project.
    entity
        The user or team; None: the user's default.
    """

    project: str
    entity: str | None = None


class Metrics:
    """Writes the events of a run.

    If they cannot be written any more (a full disk), it warns once and drops all later events, so
    that the run goes on.

    Parameters
    ----------
    folder
        The folder of the event file; None: no events, and no tracking.
    settings
        The run's settings, written as the text ``hyperparameters``.
    first_step
        The step at which a resumed run continues; it replaces older events from there on.
    tracking
        Where Weights & Biases records the run too; None: nowhere.
    warn
        Called with the warning.

    Raises
    ------
    ConfigError
        If tracking is wanted and wandb isn't installed, or refuses the run.
    """

    def __init__(
        self,
        folder: Path | None,
        settings: Mapping[str, Any],
        first_step: int = 0,
        tracking: Tracking | None = None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._warn = warn
        self._tracker: Any = None
        self._silence = _WriterThreadSilence()
        self._writer: Any = None
        if folder is None:
            return
        if tracking is not None:
            self._tracker = _start_tracking(folder, settings, tracking)
        with self._events_lost_on_error():
            self._writer = SummaryWriter(str(folder), purge_step=first_step or None)
        rows = "\n".join(f"|{key}|{value}|" for key, value in settings.items())
        self._write("add_text", "hyperparameters", f"|param|value|\n|-|-|\n{rows}")

    def log_episode(self, step: int, episodic_return: float, length: int) -> None:
        """Record a finished episode: its unclipped return, and its length in raw frames."""
        self._write("add_scalar", "charts/episodic_return", episodic_return, step)
        self._write("add_scalar", "charts/episodic_length", length, step)

    def log_update(self, step: int, loss: float, q_value: float, steps_per_second: int) -> None:
        """Record an update: its loss, and the mean value of the actions in its batch."""
        self._write("add_scalar", "losses/td_loss", loss, step)
        self._write("add_scalar", "losses/q_values", q_value, step)
        self._write("add_scalar", "charts/SPS", steps_per_second, step)

    def log_collectors(self, step: int, report: CollectorReport) -> None:
        """Record the state of the collectors."""
        for tag, value in report.scalars().items():
            self._write("add_scalar", tag, value, step)

    def log_evaluation(self, step: int, mean_return: float) -> None:
        """Record the mean return of an evaluation during training."""
        self._write("add_scalar", "eval/mean_return", mean_return, step)

    def log_final_evaluation(self, episodic_returns: list[float]) -> None:
        """Record the episodes of the evaluation after training."""
        for index, episodic_return in enumerate(episodic_returns):
            self._write("add_scalar", "eval/episodic_return", episodic_return, index)

    def log_video(self, path: Path) -> None:
        """Send a finished video to Weights & Biases."""
        if self._tracker is not None:
            import wandb

            self._tracker.log({"videos": wandb.Video(str(path), format="mp4")})

    def close(self) -> None:
        """Write what is buffered, and end the Weights & Biases run."""
        with self._events_lost_on_error():
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self._silence.close()
        if self._tracker is not None:
            from wandb.integration.tensorboard import unpatch

            self._tracker.finish()
            unpatch()

    def _write(self, method: str, *arguments: Any) -> None:
        with self._events_lost_on_error():
            if self._writer is not None:
                getattr(self._writer, method)(*arguments)

    @contextlib.contextmanager
    def _events_lost_on_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._warn(f"warning: no more events are written: {error}")
            writer, self._writer = self._writer, None
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.close()


class _WriterThreadSilence:
    """Keeps Python from printing the traceback of an error in TensorBoard's writer thread.

    The next call of the writer raises the same error.
    """

    def __init__(self) -> None:
        self._usual_hook = threading.excepthook
        threading.excepthook = self._hook

    def close(self) -> None:
        """Restore the usual hook."""
        if threading.excepthook == self._hook:
            threading.excepthook = self._usual_hook

    def _hook(self, arguments: threading.ExceptHookArgs) -> None:
        from tensorboard.summary.writer import event_file_writer

        if type(arguments.thread).__module__ != event_file_writer.__name__:
            self._usual_hook(arguments)


def _start_tracking(folder: Path, settings: Mapping[str, Any], tracking: Tracking) -> Any:
    """Start a Weights & Biases run that copies what is written to TensorBoard in a folder."""
    try:
        import wandb
        from wandb.integration.tensorboard import patch, unpatch
    except ImportError:
        raise ConfigError(
            "--track: expected the package wandb, got none; "
            "install it: pip install 'framering[wandb]'"
        ) from None
    patch(root_logdir=str(folder))
    try:
        return wandb.init(
            project=tracking.project,
            entity=tracking.entity,
            config=dict(settings),
            name=folder.name,
            save_code=True,
        )
    except wandb.errors.Error as error:
        unpatch()
        raise ConfigError(
            f"--track: expected a run of Weights & Biases, got: {error} "
            "To record without an account, set WANDB_MODE=offline"
        ) from error
