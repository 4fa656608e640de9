"""Everything that a training run reports: events, progress, videos, messages."""

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from framering.reporting.collectors import CollectorReport
from framering.reporting.episodes import Episode, OwnEpisodes, finished_episodes
from framering.reporting.metrics import Metrics, Tracking
from framering.reporting.progress import ProgressLine
from framering.reporting.summary import summarize, summarize_training
from framering.reporting.video import GameRecorder

_COLLECTOR_SECONDS = 2.0


class RunLogger:
    """Reports a training run.

    Parameters
    ----------
    folder
        The run's folder, ``runs/{name}``; it exists.
    settings
        The run's settings, by name.
    total_timesteps
        Environment steps of the whole run.
    first_step
        The step at which a resumed run continues.
    videos
        The folder for videos of training episodes; None: no videos.
    tracking
        Where Weights & Biases records the run; None: nowhere.
    console
        Where messages and progress are printed; standard output by default.
    episodes
        The episodes to report after each step: those that finished in it, by default.
    quiet
        Print and write nothing: another process reports the run.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        total_timesteps: int,
        first_step: int = 0,
        videos: Path | None = None,
        tracking: Tracking | None = None,
        console: Console | None = None,
        episodes: OwnEpisodes | None = None,
        quiet: bool = False,
    ) -> None:
        self.console = Console(quiet=True, width=80) if quiet else console or Console()
        self.folder = folder
        events = None if quiet else folder
        self.metrics = Metrics(events, settings, first_step, tracking, self.log_message)
        self.progress = ProgressLine(total_timesteps, first_step, self.console)
        self.recorder: GameRecorder | None = None
        if videos is not None:
            self.recorder = GameRecorder(
                videos, finished=self.metrics.log_video, warn=self.log_message
            )
        self._started = time.monotonic()
        self._first_step = first_step
        self._episodes = episodes or OwnEpisodes()
        self._collectors_shown_at = 0.0
        self._report_collectors: Callable[[], CollectorReport] | None = None
        self._returns: list[float] = []
        self._closed = False

    def log_message(self, message: str) -> None:
        """Print a line beside the progress."""
        # A string would be read for markup and for emoji codes.
        self.console.print(Text(message), soft_wrap=True)

    def activity(self, name: str, parts: int = 0) -> AbstractContextManager[Callable[[int], None]]:
        """Context of what isn't stepping, such as saving; see `ProgressLine.activity`."""
        return self.progress.activity(name, parts)

    def log_step(
        self, step: int, epsilon: float, envs: Any, infos: dict[str, Any], taken: int
    ) -> None:
        """Report a step of environments, and the episodes that ended in it.

        ``step`` is the number of environment steps before it, ``taken`` the number in it.
        """
        finished = finished_episodes(step, infos)
        self._log_episodes(self._episodes.after_step(step, taken, finished))
        if self.recorder is not None:
            self.recorder.capture(envs, infos)
        self.progress.log_step(step + taken, epsilon)

    def log_update(self, step: int, loss: float, q_value: float) -> None:
        """Report an update."""
        steps_per_second = (step - self._first_step) / (time.monotonic() - self._started)
        self.metrics.log_update(step, loss, q_value, int(steps_per_second))
        self.progress.log_update(loss, q_value)

    def log_collectors(self, step: int, report: Callable[[], CollectorReport]) -> None:
        """Report the state of the collectors, every few seconds.

        ``report`` is only called when it is time, and for the summary.
        """
        self._report_collectors = report
        now = time.monotonic()
        if now - self._collectors_shown_at >= _COLLECTOR_SECONDS:
            self._collectors_shown_at = now
            state = report()
            self.metrics.log_collectors(step, state)
            self.progress.log_collectors(state.texts())

    def log_evaluation(self, step: int, returns: list[float]) -> None:
        """Report an evaluation during training."""
        self.metrics.log_evaluation(step, statistics.fmean(returns))
        self.log_message(f"step {step:,}: evaluation {summarize(returns)}")

    def log_summary(self, step: int) -> None:
        """Report the steps, the time and the returns of training, since it began or resumed."""
        self._log_episodes(self._episodes.rest())
        minutes = (time.monotonic() - self._started) / 60
        self.log_message(
            f"{step - self._first_step:,} steps in {minutes:.1f} minutes, "
            f"{summarize_training(self._returns)}"
        )
        if self._report_collectors is not None:
            self.log_message(", ".join(self._report_collectors().texts()))

    def _log_episodes(self, episodes: list[Episode]) -> None:
        for step, episodic_return, length in episodes:
            self._returns.append(episodic_return)
            self.metrics.log_episode(step, episodic_return, length)
            self.progress.log_episode(episodic_return, length)

    def close(self) -> None:
        """Finish the files and leave the terminal as it was; later calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self.progress.close()
        if self.recorder is not None:
            self.recorder.close()
        self.metrics.close()
