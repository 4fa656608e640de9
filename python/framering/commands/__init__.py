"""The commands of ``framering``: one function each, which imports only what it needs."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from framering.arguments import parse, preset_name
from framering.commands.play import EvalConfig, PlayConfig, eval_command, play_command
from framering.commands.plot import PlotConfig, plot_command
from framering.commands.profile import (
    PreprocessingProfileConfig,
    ProfileConfig,
    ReplayProfileConfig,
    profile_command,
)
from framering.config import MAX_INTEGER, TrainConfig
from framering.errors import INTERRUPTED, ConfigError
from framering.presets import preset

__all__ = [
    "COMMANDS",
    "INTERRUPTED",
    "BenchConfig",
    "EvalConfig",
    "PlayConfig",
    "PlotConfig",
    "PreprocessingProfileConfig",
    "ProfileConfig",
    "ReplayProfileConfig",
    "StudyConfig",
    "TrainConfig",
]

Command = Callable[[Sequence[str]], None]

# What a setting is where no flag gave it, beside --resume.
_ABSENT: dict[str, Any] = {
    "total_timesteps": -MAX_INTEGER,
    "collectors": -MAX_INTEGER,
    "ray_address": "\0",
}


def train_command(arguments: Sequence[str]) -> None:
    """Train a Q-network on an Atari game, or on any Gymnasium environment."""
    start = preset(preset_name(arguments))
    config = parse(TrainConfig, "train", train_command.__doc__, arguments, start)
    changes = _changes(config, start, arguments) if config.resume else {}
    from framering.training.process import tune_process

    tune_process(config)  # before torch is loaded
    from framering.training.loop import train

    if train(config, **changes).interrupted:
        raise SystemExit(INTERRUPTED)


def _changes(config: TrainConfig, start: TrainConfig, arguments: Sequence[str]) -> dict[str, Any]:
    """Return the settings that flags change in a resumed run; refuse all other flags beside it."""
    parsed = parse(TrainConfig, "train", None, arguments, dataclasses.replace(start, **_ABSENT))
    given = {name: getattr(parsed, name) for name in _ABSENT}
    if config != dataclasses.replace(
        start, resume=config.resume, **{name: getattr(config, name) for name in _ABSENT}
    ):
        raise ConfigError(
            "--resume: expected no other flag beside it than --total-timesteps, --collectors and "
            "--ray-address, got some; a resumed run keeps its settings: leave them out"
        )
    return {name: value for name, value in given.items() if value != _ABSENT[name]}


@dataclasses.dataclass(kw_only=True)
class StudyConfig:
    """Settings of ``framering study``."""

    preset: str
    """the preset that all runs train with; flags of train after -- override its settings"""
    games: tuple[str, ...]
    """names of Atari games, such as Breakout Pong"""
    seeds: tuple[int, ...] = (1, 2, 3)
    """the seeds of each game's runs"""
    jobs: int = 1
    """runs at a time; each takes one core"""
    checkpoint_every: int = 10_000
    """environment steps between the checkpoints that an interrupted run goes on from"""
    out: Path = Path("study")
    """the folder of its runs, its table, its report and its curves"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        for name in ("games", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ConfigError(f"--{name}: expected one or more, each once, got {values}")
        if self.jobs < 1:
            raise ConfigError(f"--jobs: expected 1 or more, got {self.jobs}")
        if self.checkpoint_every < 1:
            raise ConfigError(
                f"--checkpoint-every: expected 1 or more, got {self.checkpoint_every}"
            )


def study_command(arguments: Sequence[str]) -> None:
    """Train a preset on several games with several seeds; report it beside published scores."""
    words = list(arguments)
    split = words.index("--") if "--" in words else len(words)
    study_words, train_words = words[:split], words[split + 1 :]
    config = parse(StudyConfig, "study", study_command.__doc__, study_words)
    config.check()
    # Each run has a core of its own. Nobody looks at the videos of so many.
    own = ["--torch-threads", "1", "--num-workers", "0", "--save-model", "--eval-videos", "0"]
    own += ["--checkpoint-every", str(config.checkpoint_every)]
    train_arguments = ["--preset", config.preset, *own, *train_words]
    trained = parse(TrainConfig, "train", None, train_arguments, preset(config.preset))
    trained.check()
    _check_games(config.games)
    from framering.studies.report import draw_curves, write_report
    from framering.studies.runs import Study, run_study

    study = Study(
        config.out,
        config.preset,
        config.games,
        config.seeds,
        trained.total_timesteps,
        train_arguments,
    )
    run_study(study, config.jobs, lambda line: print(line, flush=True))
    evaluations = study.evaluations()
    draw_curves(config.out / "curves.png", config.preset, evaluations)
    report = write_report(
        config.out / "report.md", config.preset, evaluations, study.training_returns()
    )
    print(report, end="")


def _check_games(games: Sequence[str]) -> None:
    """Raise ConfigError for a name that is no Atari game's."""
    from framering.training.task import make_task_spec

    try:
        for game in games:
            make_task_spec(f"{game}NoFrameskip-v4")
    except ConfigError as error:
        raise ConfigError(f"--games: expected names such as Breakout: {error}") from None


@dataclasses.dataclass(kw_only=True)
class BenchConfig:
    """Settings of ``framering bench``."""

    only: tuple[str, ...] = ()
    """names of the benchmarks to run; all by default"""


def bench_command(arguments: Sequence[str]) -> None:
    """Run the comparisons with other libraries (in a checkout, with the bench extra)."""
    config = parse(BenchConfig, "bench", bench_command.__doc__, arguments)
    from framering.bench import describe, find_benchmarks, run_benchmarks

    found = find_benchmarks()
    if unknown := set(config.only) - set(found):
        raise ConfigError(f"--only: expected any of {', '.join(found)}, got {min(unknown)!r}")
    chosen = [found[name] for name in config.only or found]
    print(describe(chosen, shutil.get_terminal_size().columns), flush=True)
    if run_benchmarks(chosen, lambda line: print(line, flush=True)):
        raise SystemExit(1)


COMMANDS: dict[str, Command] = {
    "train": train_command,
    "eval": eval_command,
    "play": play_command,
    "plot": plot_command,
    "study": study_command,
    "bench": bench_command,
    "profile": profile_command,
}
