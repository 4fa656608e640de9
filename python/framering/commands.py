"""The commands of ``framering``: one function each, which imports only what it needs."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framering.arguments import parse, preset_name
from framering.config import MAX_INTEGER, TrainConfig
from framering.errors import ConfigError
from framering.presets import preset

if TYPE_CHECKING:
    from framering.training.evaluate import Viewer

Command = Callable[[Sequence[str]], None]

INTERRUPTED = 130  # the exit status, as that of a shell's command that Ctrl-C ends
_MIN_FPS, _MAX_FPS = 0.1, 1000.0


def train_command(arguments: Sequence[str]) -> None:
    """Train a Q-network on an Atari game, or on any Gymnasium environment."""
    start = preset(preset_name(arguments))
    config = parse(TrainConfig, "train", train_command.__doc__, arguments, start)
    if config.resume and config != dataclasses.replace(start, resume=config.resume):
        raise ConfigError(
            "--resume: expected no other flag beside it, got some; "
            "a resumed run keeps its settings: leave them out"
        )
    from framering.training.process import tune_process

    tune_process(config)  # before torch is loaded
    from framering.training.loop import train

    if train(config).interrupted:
        raise SystemExit(INTERRUPTED)


@dataclasses.dataclass(kw_only=True)
class EvalConfig:
    """Settings of ``framering eval`` and ``framering play``."""

    model: Path
    """weights that framering or CleanRL saved"""
    env_id: str
    """the Gymnasium id of the environment"""
    episodes: int = 10
    """episodes to play"""
    screen_size: int = 84
    """height and width of the frames that the model was trained with, in pixels"""
    epsilon: float = 0.01
    """probability of a random action"""
    seed: int = 1
    """seed of the environment and of the policy"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        if self.episodes < 1:
            raise ConfigError(f"--episodes: expected 1 or more, got {self.episodes}")
        if self.screen_size < 1:
            raise ConfigError(f"--screen-size: expected 1 or more, got {self.screen_size}")
        if not 0 <= self.epsilon <= 1:
            raise ConfigError(f"--epsilon: expected between 0 and 1, got {self.epsilon}")
        if not 0 <= self.seed <= MAX_INTEGER:
            raise ConfigError(f"--seed: expected between 0 and {MAX_INTEGER}, got {self.seed}")


def eval_command(arguments: Sequence[str]) -> None:
    """Play episodes with a trained model; print mean, standard deviation, min and max return."""
    config = parse(EvalConfig, "eval", eval_command.__doc__, arguments)
    config.check()
    _play_episodes(config, None)


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
    from framering.training.task import make_task_spec, why_no_pictures

    if config.videos and (reason := why_no_videos()):
        raise ConfigError(f"--videos: {reason}")
    if reason := why_no_pictures(make_task_spec(config.env_id)):
        raise ConfigError(f"--env-id: expected an environment with images, but {reason}")
    _play_episodes(config, lambda: _make_viewer(config))
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


def _play_episodes(config: EvalConfig, make_viewer: "Callable[[], Viewer] | None") -> None:
    from framering.dqn.weights import load_network
    from framering.reporting.summary import summarize
    from framering.training.evaluate import evaluate
    from framering.training.task import make_task_spec

    task = make_task_spec(config.env_id, config.screen_size)
    network = load_network(config.model, task.observation_space.shape, int(task.action_space.n))
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


@dataclasses.dataclass(kw_only=True)
class PlotConfig:
    """Settings of ``framering plot``."""

    runs: tuple[Path, ...]
    """folders of runs: runs/NAME …"""
    tag: str = "charts/episodic_return"
    """the TensorBoard tag to plot"""
    window: int = 100
    """points in the moving average"""
    out: Path = Path("curve")
    """the files to write, without their endings: out.png and out.csv"""

    def check(self) -> None:
        """Raise ConfigError for a setting that cannot work."""
        if not self.runs:
            raise ConfigError("--runs: expected one or more folders runs/NAME, got none")
        if self.window < 1:
            raise ConfigError(f"--window: expected 1 or more, got {self.window}")
        if self.out.name in ("", ".."):
            raise ConfigError(
                f"--out: expected a file name, got {str(self.out)!r}; "
                "its endings .png and .csv are added"
            )


def plot_command(arguments: Sequence[str]) -> None:
    """Plot a curve of one or several runs, as PNG and as CSV."""
    config = parse(PlotConfig, "plot", plot_command.__doc__, arguments)
    config.check()
    from framering.reporting.plot import read_curve, write_csv, write_png

    curves = [read_curve(run, config.tag) for run in config.runs]
    png, table = (config.out.with_name(config.out.name + end) for end in (".png", ".csv"))
    try:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        write_png(png, config.runs, curves, config.tag, config.window)
        write_csv(table, config.runs, curves, config.tag)
    except OSError as error:
        raise ConfigError(
            f"--out: expected files that can be written, got {config.out}: {error.strerror}"
        ) from None
    print(f"{png}\n{table}")


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
    # Each run has a core of its own.
    own = ["--torch-threads", "1", "--num-workers", "0", "--save-model"]
    own += ["--checkpoint-every", str(config.checkpoint_every)]
    train_arguments = ["--preset", config.preset, *own, *train_words]
    trained = parse(TrainConfig, "train", None, train_arguments, preset(config.preset))
    trained.check()
    from framering.studies.report import draw_curves, write_report
    from framering.studies.runs import Study, run_study
    from framering.studies.table import write_table

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
    write_table(config.out / "evaluations.csv", evaluations)
    draw_curves(config.out / "curves.png", config.preset, evaluations)
    print(write_report(config.out / "report.md", config.preset, evaluations), end="")


@dataclasses.dataclass(kw_only=True)
class BenchConfig:
    """Settings of ``framering bench``."""

    only: tuple[str, ...] = ()
    """names of the benchmarks to run; all by default"""


def bench_command(arguments: Sequence[str]) -> None:
    """Run the comparisons with other libraries (in a checkout, with the bench extra)."""
    config = parse(BenchConfig, "bench", bench_command.__doc__, arguments)
    from framering.bench import find_benchmarks, run_benchmarks

    commands = find_benchmarks()
    if unknown := set(config.only) - set(commands):
        raise ConfigError(f"--only: expected any of {', '.join(commands)}, got {min(unknown)!r}")
    if run_benchmarks([commands[name] for name in config.only or commands]):
        raise SystemExit(1)


@dataclasses.dataclass(kw_only=True)
class ProfileConfig(TrainConfig):
    """Settings of ``framering profile``: those of a short run through all phases of training."""

    total_timesteps: int = 4000
    """environment steps of the whole run"""
    buffer_size: int = 20_000
    """the capacity of the replay buffer, in transitions"""
    learning_starts: int = 2000
    """environment steps before the first update"""
    save_model: bool = False
    """not available: a profile saves no model"""
    upload_model: bool = False
    """not available: a profile saves no model"""
    resume: str = ""
    """not available: a profile is a run of its own"""


def profile_command(arguments: Sequence[str]) -> None:
    """Show where the time of a short training run goes (it has train's settings)."""
    start = preset(preset_name(arguments))
    short = {name: getattr(ProfileConfig, name) for name in vars(ProfileConfig)["__annotations__"]}
    default = ProfileConfig(**{**dataclasses.asdict(start), **short})
    config = parse(ProfileConfig, "profile", profile_command.__doc__, arguments, default)
    from framering.training.process import tune_process

    tune_process(config)  # before torch is loaded
    from rich.console import Console

    from framering.training.profiling import profile, report

    report(*profile(config), Console())


COMMANDS: dict[str, Command] = {
    "train": train_command,
    "eval": eval_command,
    "play": play_command,
    "plot": plot_command,
    "study": study_command,
    "bench": bench_command,
    "profile": profile_command,
}
