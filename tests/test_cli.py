import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import framering
from framering import cli
from framering._core import system_calls
from framering.dqn.network import VectorQNetwork
from framering.dqn.weights import save_weights
from framering.errors import ConfigError, RunError
from framering.presets import PRESETS
from framering.training import preflight
from framering.vector.pool import WorkerError

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refuse(arguments, capsys):
    """Run a command that must end with exit status 2; return the one line that it wrote."""
    with pytest.raises(SystemExit) as exited:
        cli.main(arguments)
    written = capsys.readouterr()
    assert exited.value.code == 2
    assert written.out == ""
    assert written.err.count("\n") == 1
    return written.err


def status_of(arguments):
    try:
        cli.main(arguments)
    except SystemExit as exited:
        return exited.code
    return 0


def recorded(configs, interrupted=False):
    """A replacement of `train` that only appends its settings to a list."""

    def train(config, **more):
        configs.append(config)
        return SimpleNamespace(interrupted=interrupted)

    return train


CARTPOLE = ["--env-id", "CartPole-v1"]
MODEL = ["--model", "m", *CARTPOLE]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["fly"],
            "command: expected one of train, eval, play, plot, study, bench, profile, got 'fly'",
        ),
        (["train", "--num-envs", "many"], "--num-envs: expected INT, got 'many'"),
        (["train", "--num-env", "3"], "did you mean --num-envs?"),
        (["train", "--batch-size", "64", "--learning-starts", "10"], "--batch-size: expected"),
        (["train", "--env-id", "Pendulum-v1"], "DQN needs Discrete actions"),
        (["train", "--env-id", "PongNoFrameskp-v4"], "PongNoFrameskip-v4"),
        (["train", "--env-id", ".x:CartPole-v1"], "--env-id"),
        (["train", "--screen-size", "200", "--buffer-size", "1000"], "--screen-size"),
        (["train", "--seed", "99999999999999999999"], "--seed: expected at most"),
        (["train", "--torch-threads", "1000000"], "--torch-threads: expected at most 1024"),
        (["train", "--learning-rate", "inf"], "--learning-rate: expected above 0 and at most 1"),
        (["train", "--device", "tpu"], "--device: expected one of 'auto', 'cpu', 'cuda'"),
        (
            ["train", "--preset", "x"],
            f"--preset: expected one of {', '.join(PRESETS)}, got 'x'",
        ),
        (
            ["train", "--preset"],
            f"--preset: expected one of {', '.join(PRESETS)}, got ''",
        ),
        (["train", "--resume", "runs/one", "--seed", "2"], "--resume: expected no other flag"),
        (
            ["train", "--resume", "x", "--total-timesteps", "9", "--gamma", "0.5"],
            "--resume: expected no other flag beside it than --total-timesteps",
        ),
        (["train", "--resume", "x", "--total-timesteps", "9"], "--resume x: expected a checkpoint"),
        (["eval", "--model", "nothing", *CARTPOLE], "nothing"),
        (["eval", "--model", ".", *CARTPOLE], "."),
        (["eval", "--model", os.devnull, *CARTPOLE], os.devnull),
        (["eval", *CARTPOLE], "--model: expected a value, got none"),
        (["eval"], "--model, --env-id: expected a value, got none"),
        (["play", "--model", "m"], "--env-id: expected a value, got none"),
        (["eval", "runs/one"], "runs/one: expected the folder of a run"),
        (["eval", *MODEL, "--episodes", "0"], "--episodes: expected 1 or more, got 0"),
        (["eval", *MODEL, "--epsilon", "2"], "--epsilon: expected between 0 and 1, got 2.0"),
        (["eval", *MODEL, "--epsilon", "nan"], "--epsilon: expected between 0 and 1, got nan"),
        (["eval", *MODEL, "--seed", "-1"], "--seed: expected between 0 and"),
        (["eval", *MODEL, "--screen-size", "0"], "--screen-size: expected 1 or more, got 0"),
        (["eval", "--model", "m", "--env-id", "ALE/Pong-v5", "--screen-size", "200"], "--screen"),
        (["play", *MODEL, "--fps", "1e-300"], "--fps: expected between 0.1 and 1000, got 1e-300"),
        (["play", *MODEL, "--fps", "nan"], "--fps: expected between 0.1 and 1000, got nan"),
        (["profile", "--total-timesteps", "1"], "--total-timesteps: expected more than"),
        (["profile", "--resume", "runs/one"], "--resume: expected none in a profile"),
        (["profile", "--collectors", "2"], "--collectors: expected 0 in a profile, got 2"),
        (["profile", "--save-model"], "--save-model: expected none in a profile"),
        (["study", "--preset", "pong", "--games", "/"], "--games: expected names such as Breakout"),
        (["study", "--preset", "pong", "--games", "Pnog"], "--games: expected names such as"),
        (["profile", "fly"], "profile: expected replay, preprocessing or settings of train"),
        (["profile", "--json", "no/file"], "--json: expected a file that can be written"),
        (["profile", "--trace", "."], "--trace: expected a file that can be written"),
        (["profile", "replay", "--env-id", "CartPole-v1"], "--env-id: expected the id of an Atari"),
        (["profile", "replay", "--batch-size", "0"], "--batch-size: expected 1 to"),
        (["profile", "replay", "--transitions", "9"], "--transitions: expected 1000 to"),
        (["profile", "replay", "--json", "no/file"], "--json: expected a file that can be"),
        (["profile", "preprocessing", "--env-id", "x"], "--env-id: expected the id of an Atari"),
        (["profile", "preprocessing", "--steps", "1"], "--steps: expected 10 to"),
        (["profile", "preprocessing", "--seed", "1"], "--seed"),
        (["plot"], "--runs: expected one or more folders"),
        (["plot", "x"], "--runs: expected a folder with TensorBoard events"),
        (["plot", "--runs"], "--runs: expected one or more folders"),
        (["plot", "--runs", "x", "--out", "."], "--out: expected a file name, got '.'"),
        (["plot", "--runs", "x", "--window", "0"], "--window: expected 1 or more, got 0"),
        (["plot", "--runs", os.devnull], "--runs: expected a folder with TensorBoard events"),
        (["plot", "--runs", "x" * 5000], "--runs: expected a folder with TensorBoard events"),
    ],
)
def test_wrong_arguments_get_one_line_and_exit_status_2(arguments, message, capsys, empty_folder):
    assert message in refuse(arguments, capsys)
    assert list(empty_folder.iterdir()) == []


def test_a_profile_leaves_the_run_that_resume_names_alone(capsys, tmp_path):
    (tmp_path / "runs" / "one" / "checkpoints" / "000000000100").mkdir(parents=True)

    refuse(["profile", "--resume", "runs/one"], capsys)

    assert [path.name for path in tmp_path.rglob("*")] == [
        "runs",
        "one",
        "checkpoints",
        "000000000100",
    ]


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ConfigError("--seed: expected X,\n  got Y"), 2, "framering: --seed: expected X, got Y\n"),
        (RunError("no \x1b game"), 1, "framering: no \\x1b game\n"),
        (WorkerError("workers keep dying"), 1, "framering: workers keep dying\n"),
        (OSError(28, "No space left"), 1, "framering: [Errno 28] No space left\n"),
        (MemoryError("17 GB"), 1, "framering: there is not enough memory: 17 GB\n"),
        (
            torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20.00 MiB."),
            1,
            "framering: the device has not enough memory; use --device cpu: CUDA out of memory. "
            "Tried to allocate 20.00 MiB.\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_an_error_of_a_run_gets_one_line_and_its_exit_status(
    error, status, line, monkeypatch, capsys
):
    def train(config):
        raise error

    monkeypatch.setattr("framering.training.loop.train", train)

    with pytest.raises(SystemExit) as exited:
        cli.main(["train"])

    assert exited.value.code == status
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize(("interrupted", "status"), [(True, 130), (False, 0)])
def test_a_run_that_was_interrupted_and_saved_ends_with_status_130(
    interrupted, status, monkeypatch, capsys
):
    monkeypatch.setattr("framering.training.loop.train", recorded([], interrupted))

    assert status_of(["train"]) == status
    assert capsys.readouterr() == ("", "")


def test_another_runtime_error_keeps_its_traceback(monkeypatch):
    def train(config):
        raise RuntimeError("a fault of framering")

    monkeypatch.setattr("framering.training.loop.train", train)

    with pytest.raises(RuntimeError, match="a fault of framering"):
        cli.main(["train"])


def test_tracking_without_an_account_gets_one_line_and_exit_status_2(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("WANDB_")
    }
    command = [sys.executable, "-m", "framering", "train", "--track", "--env-id", "CartPole-v1"]
    settings = ["--device", "cpu", "--buffer-size", "200", "--total-timesteps", "100"]

    run = subprocess.run(
        [*command, *settings, "--learning-starts", "32"],
        env={**environment, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    line = run.stderr.splitlines()[-1]  # an editable install may report its build before it
    assert line.startswith("framering: --track: expected a run of Weights & Biases")
    assert line.endswith("WANDB_MODE=offline")


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    def train(config):
        raise IndexError

    monkeypatch.setattr("framering.training.loop.train", train)

    with pytest.raises(IndexError):
        cli.main(["train"])


@pytest.mark.parametrize(
    ("arguments", "redirection", "status"),
    [
        ("train --help", "| head -1", 1),
        ("--help", "| true", 1),
        ("--help", ">&-", 0),
        ("train --help", ">/dev/full", 1),
    ],
)
def test_standard_output_that_is_closed_or_full_gives_at_most_one_line(
    arguments, redirection, status
):
    command = f"({sys.executable} -m framering {arguments}; echo $? >&3) {redirection}"
    done = subprocess.run(
        ["bash", "-c", f"{{ {command} ; }} 3>status"], capture_output=True, text=True, check=False
    )

    assert done.stderr.count("\n") == (redirection == ">/dev/full")
    with open("status") as file:
        assert int(file.read()) in (status, 0)


def test_a_buffer_larger_than_memory_gets_one_line_and_exit_status_2(monkeypatch, capsys):
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)

    refused = refuse(["train", "--buffer-size", str(10**11)], capsys)
    assert "needs 3200.0 GB of memory and 1.0 GB are free" in refused


def test_a_memory_limit_that_holds_no_stack_gets_one_line_and_exit_status_2(capsys):
    refused = refuse(["train", "--buffer-size", "1000", "--buffer-memory", "1000"], capsys)

    assert "memory_limit: expected at least" in refused


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"preset": "cleanrl", "num_envs": 1, "compile": False, "pipeline": None}),
        (["--preset", "fast"], {"preset": "fast", "num_envs": 8, "compile": True}),
        (["--preset=fast", "--num-envs", "4"], {"preset": "fast", "num_envs": 4}),
        (["--gamma", "0.9", "--preset", "pong"], {"gamma": 0.9, "n_step": 3}),
        (["--pipeline"], {"pipeline": True}),
        (["--no-pipeline", "--num-envs", "8"], {"pipeline": False}),
    ],
)
def test_settings_override_their_preset(monkeypatch, arguments, expected):
    given = []
    monkeypatch.setattr("framering.training.loop.train", recorded(given))

    cli.main(["train", *arguments])

    assert {name: getattr(given[0], name) for name in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "extension"),
    [
        ([], {}),
        (["--total-timesteps", "500"], {"total_timesteps": 500}),
        (["--total-timesteps=10000000"], {"total_timesteps": 10_000_000}),
        (["--total_timesteps", "-1"], {"total_timesteps": -1}),
        (["--collectors", "3"], {"collectors": 3}),
        (["--collectors", "0"], {"collectors": 0}),
        (
            ["--ray-address", "auto", "--total-timesteps", "500"],
            {"ray_address": "auto", "total_timesteps": 500},
        ),
    ],
)
def test_some_flags_beside_resume_change_the_run(arguments, extension, monkeypatch):
    given = []

    def train(config, **more):
        given.append((config.resume, more))
        return SimpleNamespace(interrupted=False)

    monkeypatch.setattr("framering.training.loop.train", train)

    cli.main(["train", "--resume", "runs/one", *arguments])

    assert given == [("runs/one", extension)]


def test_a_profile_takes_a_preset_but_stays_short(monkeypatch):
    given = []

    def profile(config, keep_spans):
        given.append(config)
        return SimpleNamespace(interrupted=False)

    monkeypatch.setattr("framering.training.profiling.profile", profile)
    monkeypatch.setattr("framering.training.profiling.report", lambda *_: None)

    cli.main(["profile", "--preset", "pong", "--seed", "3"])

    (config,) = given
    assert (config.num_envs, config.n_step, config.seed) == (8, 3, 3)
    assert (config.total_timesteps, config.learning_starts) == (4000, 2000)


@pytest.mark.parametrize(
    ("arguments", "spins"),
    [
        ([], None),
        (["--num-envs", "8"], "10000"),
        (["--num-envs", "8", "--num-workers", "0"], None),
        (["--preset", "fast"], "10000"),
        (["--num-workers", "1"], "10000"),
        (["--resume", "runs/one"], "10000"),
    ],
)
@pytest.mark.parametrize("command", ["train", "profile"])
def test_torchs_threads_yield_their_cores_to_processes_that_emulate(
    monkeypatch, command, arguments, spins
):
    def record(config, **options):
        seen.append(os.environ.get("GOMP_SPINCOUNT"))
        return SimpleNamespace(interrupted=False)

    seen = []
    monkeypatch.setattr(os, "environ", {**os.environ})
    os.environ.pop("GOMP_SPINCOUNT", None)
    monkeypatch.setattr("framering.training.loop.train", record)
    monkeypatch.setattr("framering.training.profiling.profile", record)
    monkeypatch.setattr("framering.training.profiling.report", lambda *_: None)

    cli.main([command, *arguments])

    assert seen == [spins]


def test_the_users_spin_count_stays(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    monkeypatch.setattr("framering.training.loop.train", recorded([]))

    cli.main(["train", "--num-envs", "2"])

    assert os.environ["GOMP_SPINCOUNT"] == "7"


def test_eval_prints_each_return_and_their_statistics(tmp_path, capsys):
    torch.manual_seed(1)
    save_weights(VectorQNetwork(2, (4,)), tmp_path / "model")

    cli.main(["eval", "--model", "model", "--env-id", "CartPole-v1", "--episodes", "3"])

    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["episode 1", "episode 2", "episode 3"]
    assert lines[3].startswith("mean ")
    assert "standard deviation" in lines[3]
    assert "min" in lines[3]
    assert "max" in lines[3]


def test_help_lists_every_command(capsys):
    cli.main(["--help"])

    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in cli.COMMANDS)


def test_the_version_is_shown_with_what_the_core_uses_and_torchs(capsys):
    cli.main(["--version"])

    path = framering.cpu_features()["path"]
    assert capsys.readouterr().out == (
        f"framering {framering.__version__}, CPU path {path}, {system_calls()} system calls, "
        f"torch {torch.__version__}\n"
    )


def test_the_installed_version_is_that_of_the_package():
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()
    assert importlib.metadata.version("framering") == framering.__version__


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_need_no_torch(argument):
    program = (
        f"import sys; from framering.cli import main; main(['{argument}']); print([*sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    ).stdout

    assert "'torch'" not in output
