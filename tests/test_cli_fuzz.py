"""Every option of every command with values of every kind: an exit status, never a traceback."""

import dataclasses
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from framering import cli, commands
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.network import VectorQNetwork
from framering.dqn.weights import save_weights
from framering.training import evaluate, loop

SHORT = [
    "--env-id",
    "CartPole-v1",
    "--device",
    "cpu",
    "--buffer-size",
    "100",
    "--learning-starts",
    "32",
]
BASES = {
    "train": [*SHORT, "--total-timesteps", "40"],
    "profile": [*SHORT, "--total-timesteps", "40"],
    "eval": ["--model", "model", "--env-id", "CartPole-v1", "--episodes", "1"],
    "play": ["--model", "model", "--env-id", "CartPole-v1", "--episodes", "1"],
    "plot": ["--runs", "one"],
    "study": ["--preset", "pong", "--games", "Pong", "--out", "study"],
    "bench": [],
    "profile replay": [],
    "profile preprocessing": [],
}
SETTINGS = {
    "train": commands.TrainConfig,
    "profile": commands.ProfileConfig,
    "eval": commands.EvalConfig,
    "play": commands.PlayConfig,
    "plot": commands.PlotConfig,
    "study": commands.StudyConfig,
    "bench": commands.BenchConfig,
    "profile replay": commands.ReplayProfileConfig,
    "profile preprocessing": commands.PreprocessingProfileConfig,
}
POSITIONAL = {"run", "folders"}
NUMBERS = ["-1", "0", "0.5", "1e-300", "1e400", "nan", "inf", "-inf", str(2**62), str(10**30)]
TEXTS = ["", "None", "text", "é 🎮", "a\nb\x1b[1m", "$x_$", "\udcff", "x" * 5000, "9" * 5000]
PATHS = [".", "..", "/", "folder", "empty", "locked", "dangling", "empty/file", "-", "--", "a:b"]
# A profile has other defaults than a run, but the same options: two of them stand for all.
SAME_AS_TRAIN = {field.name for field in dataclasses.fields(commands.TrainConfig)}
SAME_AS_TRAIN -= {"total_timesteps", "resume"}
OPTIONS = [
    (command, field.name)
    for command, settings in SETTINGS.items()
    for field in dataclasses.fields(settings)
    if command != "profile" or field.name not in SAME_AS_TRAIN
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a model, a run, and files that no option can use."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("empty").touch()
    Path("locked").touch(mode=0o000)
    os.symlink("nowhere", "dangling")
    torch.manual_seed(1)
    save_weights(VectorQNetwork(2, (4,)), Path("model"))
    with SummaryWriter("one") as writer:
        writer.add_scalar("charts/episodic_return", 1.0, 1)


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    """Runs end after some steps whatever their settings, and wait for nothing."""

    def learn(config, run, components, step, *window):
        if step >= 60 * config.num_envs:
            raise KeyboardInterrupt
        usual(config, run, components, step, *window)

    class ShortPolicy(EpsilonGreedy):
        calls = 0

        def actions(self, *arguments):
            self.calls += 1
            if self.calls > 5:
                raise KeyboardInterrupt
            return super().actions(*arguments)

    usual = loop.learn
    monkeypatch.setattr(evaluate, "EpsilonGreedy", ShortPolicy)
    monkeypatch.setattr(loop, "learn", learn)
    monkeypatch.setattr("framering.reporting.terminal.draw", lambda *_: "image")
    monkeypatch.setattr("framering.reporting.terminal.time.sleep", lambda seconds: None)
    monkeypatch.setattr("framering.reporting.plot.write_png", lambda path, *_: path.touch())
    monkeypatch.setattr("framering.bench.run_benchmarks", lambda *_: 0)
    monkeypatch.setattr("framering.studies.runs._execute", lambda *_: "not run")
    measured = SimpleNamespace(report=lambda console: None, as_json=dict)
    for measurement in ("replay", "preprocessing"):
        monkeypatch.setattr(f"framering.profiling.{measurement}.measure", lambda *_: measured)


def status_of(arguments):
    try:
        cli.main(arguments)
    except SystemExit as exited:
        return exited.code
    return 0


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_a_value_of_any_kind_gives_an_exit_status_and_at_most_one_line(command, option, capsys):
    flag = "--" + option.replace("_", "-")
    values = [*NUMBERS, *TEXTS, *PATHS]
    given = [[flag], *([flag, value] for value in values)]
    if option in POSITIONAL:
        given = [[value] for value in values]
    if isinstance(getattr(SETTINGS[command], option, None), bool):
        given = [[f"{flag}={value}"] for value in values]  # alone, the flag is right
    for words in given:
        status = status_of([*command.split(), *BASES[command], *words])

        lines = capsys.readouterr().err.splitlines()
        assert status in (0, 1, 2, 130), words
        assert len(lines) == (status != 0), (words, lines)
