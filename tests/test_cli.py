import os
import subprocess
import sys

import pytest
import torch

from framering import cli
from framering.dqn.network import VectorQNetwork
from framering.dqn.weights import save_weights
from framering.presets import PRESETS, preset
from framering.training import preflight


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refuse(arguments, capsys):
    """Run a command that must end with exit code 2; return the one line that it wrote."""
    with pytest.raises(SystemExit) as exited:
        cli.main(arguments)
    written = capsys.readouterr()
    assert exited.value.code == 2
    assert written.out == ""
    assert written.err.count("\n") == 1
    return written.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "there is no command 'fly'; expected train, eval"),
        (["train", "--num-envs", "many"], "--num-envs"),
        (["train", "--num-env", "3"], "Unrecognized options: --num-env"),
        (["train", "--batch-size", "64", "--learning-starts", "10"], "--batch-size 64 is larger"),
        (["train", "--env-id", "Pendulum-v1"], "DQN needs Discrete actions"),
        (["train", "--env-id", "PongNoFrameskp-v4"], "PongNoFrameskip-v4"),
        (["train", "--device", "tpu"], "--device"),
        (["train", "--preset", "atlantis"], "--preset atlantis is unknown; expected cleanrl, fast"),
        (["eval", "--model", "nothing", "--env-id", "CartPole-v1"], "there is no model at nothing"),
        (["eval", "--env-id", "CartPole-v1"], "--model"),
        (["eval", "--model", "m", "--env-id", "CartPole-v1", "--episodes", "0"], "--episodes"),
        (["eval", "--model", "m", "--env-id", "CartPole-v1", "--epsilon", "2"], "--epsilon"),
        (["eval", "--model", "m", "--env-id", "Pong", "--screen-size", "0"], "--screen-size"),
    ],
)
def test_wrong_arguments_get_one_line_and_exit_code_2(arguments, message, capsys, empty_folder):
    assert message in refuse(arguments, capsys)
    assert list(empty_folder.iterdir()) == []


def test_a_buffer_larger_than_memory_gets_one_line_and_exit_code_2(monkeypatch, capsys):
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)

    assert "needs 7.1 GB of memory and 1.0 GB are free" in refuse(["train"], capsys)


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
    monkeypatch.setattr("framering.training.loop.train", given.append)

    cli.main(["train", *arguments])

    assert {name: getattr(given[0], name) for name in expected} == expected


def test_a_profile_takes_a_preset_but_stays_short(monkeypatch):
    given = []

    def profile(config):
        given.append(config)
        return ()

    monkeypatch.setattr("framering.training.profiling.profile", profile)
    monkeypatch.setattr("framering.training.profiling.report", lambda console: None)

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
    def note(config):
        seen.append(os.environ.get("GOMP_SPINCOUNT"))
        return [()]

    seen = []
    monkeypatch.setattr(os, "environ", {**os.environ})
    os.environ.pop("GOMP_SPINCOUNT", None)
    monkeypatch.setattr("framering.training.loop.train", note)
    monkeypatch.setattr("framering.training.profiling.profile", note)
    monkeypatch.setattr("framering.training.profiling.report", lambda *_: None)

    cli.main([command, *arguments])

    assert seen == [spins]


def test_what_the_user_says_of_torchs_threads_stays(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    monkeypatch.setattr("framering.training.loop.train", lambda config: None)

    cli.main(["train", "--num-envs", "2"])

    assert os.environ["GOMP_SPINCOUNT"] == "7"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_passes_its_checks(name):
    preset(name).check()


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


def test_help_needs_no_torch():
    program = "import sys; from framering.cli import main; main(['--help']); print([*sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    ).stdout

    assert "'torch'" not in output
