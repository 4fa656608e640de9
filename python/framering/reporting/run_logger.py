"""One run's folder, and everything that it reports."""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from framering.config import TrainConfig
from framering.reporting.metrics import Metrics
from framering.reporting.progress import ProgressLine
from framering.reporting.video import GameRecorder
from framering.training.checkpoint import Checkpoint
from framering.training.evaluate import summarize


class RunLogger:
    """Reports a training run: events, progress line, videos of games.

    Parameters
    ----------
    config
        The run's settings. The run is named as in CleanRL, and lives in ``runs/{name}``.
    saved
        The checkpoint of a run that goes on.
    console
        Where people read of it; standard output by default.
    """

    def __init__(
        self,
        config: TrainConfig,
        saved: Checkpoint | None = None,
        console: Console | None = None,
    ) -> None:
        self.console = console or Console()
        step: int = saved.state["step"] if saved else 0
        self.folder = saved.folder.parent.parent if saved else _new_folder(config)
        self.name = self.folder.name
        self.model_path = self.folder / f"{config.exp_name}.cleanrl_model"
        self.metrics = Metrics(self.folder, config, step)
        self.progress = ProgressLine(config.total_timesteps, step, self.console)
        self.recorder: GameRecorder | None = None
        if config.capture_video:
            self.recorder = GameRecorder(Path("videos") / self.name, finished=self.metrics.video)
        self._started = time.monotonic()
        self._first_step = step
        self._closed = False

    def say(self, message: str) -> None:
        """Print a line that isn't progress."""
        self.console.print(message, soft_wrap=True, highlight=False)

    def stepped(self, step: int, epsilon: float, envs: Any, infos: dict[str, Any]) -> None:
        """Take note of a step of all environments and of the games that it ended."""
        if "_episode" in infos:
            for index in np.flatnonzero(infos["_episode"]):
                episodic_return = float(infos["episode"]["r"][index])
                length = int(infos["episode"]["l"][index])
                self.metrics.episode(step, episodic_return, length)
                self.progress.episode(episodic_return, length)
        if self.recorder is not None:
            self.recorder.capture(envs, infos)
        self.progress.step(step, epsilon)

    def updated(self, step: int, loss: float, q_value: float) -> None:
        """Take note of an update."""
        steps_per_second = int((step - self._first_step) / (time.monotonic() - self._started))
        self.metrics.update(step, loss, q_value, steps_per_second)
        self.progress.update(loss, q_value)

    def evaluated(self, step: int, returns: list[float]) -> None:
        """Take note of an evaluation between two steps."""
        self.metrics.mean_evaluation(step, statistics.fmean(returns))
        self.say(f"step {step:,}: evaluation {summarize(returns)}")

    def close(self) -> None:
        """Finish the files and leave the terminal as it was; once is enough."""
        if self._closed:
            return
        self._closed = True
        self.progress.close()
        if self.recorder is not None:
            self.recorder.close()
        self.metrics.close()


def _new_folder(config: TrainConfig) -> Path:
    """Make ``runs/{env_id}__{exp_name}__{seed}__{time}``, at the next second that is free."""
    started = int(time.time())
    while True:
        name = f"{config.env_id}__{config.exp_name}__{config.seed}__{started}"
        folder = Path("runs") / name.replace("/", "-").replace(":", "-")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            started += 1
        else:
            return folder
