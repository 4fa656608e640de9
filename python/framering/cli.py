"""The command ``framering``: one sub-command a function, each importing only what it needs."""

import contextlib
import dataclasses
import io
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.training.process import tune_process

if TYPE_CHECKING:
    from framering.training.evaluate import Viewer

Settings = TypeVar("Settings")
Command = Callable[[Sequence[str]], None]


def train_command(arguments: Sequence[str]) -> None:
    """Train a Q-network on an Atari game, or on any environment of Gymnasium's."""
    from framering.presets import preset, preset_in

    start = preset(preset_in(arguments))
    config = parse(TrainConfig, "train", arguments, train_command, start)
    if config.resume and config != dataclasses.replace(start, resume=config.resume):
        raise ConfigError("--resume takes its settings from the run that it goes on with, alone")
    tune_process(config)
    from framering.training.loop import train

    train(config)


@dataclasses.dataclass(kw_only=True)
class EvalConfig:
    """Settings of ``framering eval`` and ``framering play``."""

    model: Path
    """weights that framering or CleanRL saved"""
    env_id: str
    """the Gymnasium id of the environment"""
    episodes: int = 10
    """games to play"""
    screen_size: int = 84
    """pixels of a side of the frames that the model was trained with"""
    epsilon: float = 0.01
    """probability of a random action"""
    seed: int = 1
    """seed of the environment and of the policy"""

    def check(self) -> None:
        """Raise ConfigError for a setting that can't work."""
        if self.episodes < 1:
            raise ConfigError(f"--episodes must be 1 or more; got {self.episodes}")
        if self.screen_size < 1:
            raise ConfigError(f"--screen-size must be 1 or more; got {self.screen_size}")
        if not 0 <= self.epsilon <= 1:
            raise ConfigError(f"--epsilon must be between 0 and 1; got {self.epsilon}")


def eval_command(arguments: Sequence[str]) -> None:
    """Play games with a trained model; print mean, standard deviation, min and max of returns."""
    config = parse(EvalConfig, "eval", arguments, eval_command)
    _play_games(config, None)


@dataclasses.dataclass(kw_only=True)
class PlayConfig(EvalConfig):
    """Settings of ``framering play``."""

    episodes: int = 1
    """games to play"""
    fps: float = 15.0
    """pictures a second"""
    videos: Path | None = None
    """a folder to record the games into, as mp4 files, instead of showing them"""

    def check(self) -> None:
        """Raise ConfigError for a setting that can't work."""
        super().check()
        if not self.fps > 0:
            raise ConfigError(f"--fps must be above 0; got {self.fps}")


def play_command(arguments: Sequence[str]) -> None:
    """Show a trained model's games in the terminal, or record them as videos."""
    config = parse(PlayConfig, "play", arguments, play_command)
    config.check()
    from rich.console import Console

    from framering.reporting.terminal import TerminalScreen
    from framering.reporting.video import GameRecorder, why_no_videos
    from framering.training.task import make_task_spec, why_no_pictures

    reason = why_no_videos() if config.videos else None
    if reason := reason or why_no_pictures(make_task_spec(config.env_id)):
        raise ConfigError(f"there is nothing to see: {reason}")
    if config.videos:
        _play_games(config, GameRecorder(config.videos, lambda game: game < config.episodes))
        print(f"videos in {config.videos}")
    else:
        _play_games(config, TerminalScreen(Console(), config.fps))


def _play_games(config: EvalConfig, viewer: "Viewer | None") -> None:
    config.check()
    from framering.dqn.weights import load_network
    from framering.training.evaluate import evaluate, summarize
    from framering.training.task import make_task_spec

    task = make_task_spec(config.env_id, config.screen_size)
    network = load_network(config.model, task.observation_space.shape, int(task.action_space.n))
    returns = evaluate(
        network,
        task,
        episodes=config.episodes,
        epsilon=config.epsilon,
        seed=config.seed,
        viewer=viewer,
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
    """where to write, without the ending: out.png and out.csv"""


def plot_command(arguments: Sequence[str]) -> None:
    """Plot a curve of one run or of several, as PNG and as CSV."""
    config = parse(PlotConfig, "plot", arguments, plot_command)
    if config.window < 1:
        raise ConfigError(f"--window must be 1 or more; got {config.window}")
    from framering.reporting.plot import read_curve, write_csv, write_png

    curves = [read_curve(run, config.tag) for run in config.runs]
    config.out.parent.mkdir(parents=True, exist_ok=True)
    png, table = (config.out.with_name(config.out.name + end) for end in (".png", ".csv"))
    write_png(png, config.runs, curves, config.tag, config.window)
    write_csv(table, config.runs, curves, config.tag)
    print(f"{png}\n{table}")


@dataclasses.dataclass(kw_only=True)
class BenchConfig:
    """Settings of ``framering bench``."""

    only: tuple[str, ...] = ()
    """names of the benchmarks to run; all by default"""


def bench_command(arguments: Sequence[str]) -> None:
    """Run the comparisons with other libraries (in a checkout, with the bench extra)."""
    config = parse(BenchConfig, "bench", arguments, bench_command)
    from framering.bench import find_benchmarks, run_benchmarks

    commands = find_benchmarks()
    if unknown := set(config.only) - set(commands):
        raise ConfigError(f"there is no benchmark {min(unknown)}; expected {', '.join(commands)}")
    if run_benchmarks([commands[name] for name in config.only or commands]):
        raise SystemExit(1)


@dataclasses.dataclass(kw_only=True)
class ProfileConfig(TrainConfig):
    """Settings of ``framering profile``: those of a short run through all three phases."""

    total_timesteps: int = 4000
    """environment steps of the whole run"""
    buffer_size: int = 20_000
    """the capacity of the replay memory, in transitions"""
    learning_starts: int = 2000
    """environment steps before the first update"""


def profile_command(arguments: Sequence[str]) -> None:
    """Show where the time of a short training run goes (takes train's settings)."""
    from framering.presets import preset, preset_in

    start = preset(preset_in(arguments))
    short = {name: getattr(ProfileConfig, name) for name in vars(ProfileConfig)["__annotations__"]}
    default = ProfileConfig(**{**dataclasses.asdict(start), **short})
    config = parse(ProfileConfig, "profile", arguments, profile_command, default)
    tune_process(config)
    from rich.console import Console

    from framering.training.profiling import profile, report

    report(*profile(config), Console())


COMMANDS: dict[str, Command] = {
    "train": train_command,
    "eval": eval_command,
    "play": play_command,
    "plot": plot_command,
    "bench": bench_command,
    "profile": profile_command,
}


# A setting that may be left open isn't a flag to tyro; here it is one all the same.
_FLAGS = {"--pipeline": ["--pipeline", "True"], "--no-pipeline": ["--pipeline", "False"]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``framering``; wrong arguments end it with one line and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    name, *rest = arguments
    try:
        if name not in COMMANDS:
            raise ConfigError(f"there is no command {name!r}; expected {', '.join(COMMANDS)}")
        COMMANDS[name](rest)
    except ConfigError as error:
        print(f"framering: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None


def usage() -> str:
    """Return the list of commands."""
    rows = "\n".join(f"  {name:8} {command.__doc__}" for name, command in COMMANDS.items())
    return f"usage: framering COMMAND [--help | settings]\n\ncommands:\n{rows}"


def parse(
    kind: type[Settings],
    name: str,
    arguments: Sequence[str],
    command: Command,
    default: Settings | None = None,
) -> Settings:
    """Parse a command's settings; raise ConfigError with one line where that fails."""
    import tyro

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            settings: Settings = tyro.cli(
                kind,
                prog=f"framering {name}",
                description=command.__doc__,
                args=[word for argument in arguments for word in _FLAGS.get(argument, [argument])],
                default=default if default is not None else tyro.MISSING_NONPROP,
            )
            return settings
    except SystemExit as error:
        if error.code in (0, None):
            raise
        raise ConfigError(_one_line(complaint.getvalue(), name)) from None


def _one_line(box: str, name: str) -> str:
    """Take the words out of the box that tyro draws around a message."""
    rows = [row.strip(" │") for row in box.splitlines() if not re.match(r"\s*[╭╰]", row)]
    words = [row for row in rows if row and not re.fullmatch("─+", row)]
    told = [row for row in words if not row.startswith("For full helptext")]
    return f"{'; '.join(told)}; see framering {name} --help"
