import json

import pytest
import torch

from framering import cli
from framering.config import TrainConfig
from framering.dqn.network import VectorQNetwork, make_network
from framering.dqn.weights import save_weights
from framering.training import evaluate
from framering.training.run_settings import write_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(empty_folder):
    """The folder of a run on CartPole, with its model and its settings."""
    folder = empty_folder / "runs" / "one"
    folder.mkdir(parents=True)
    torch.manual_seed(1)
    save_weights(VectorQNetwork(2, (4,)), folder / "experiment.cleanrl_model")
    write_settings(folder, TrainConfig(env_id="CartPole-v1", exp_name="experiment"))
    return folder


def refusal(arguments, capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(arguments)
    assert exited.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_eval_of_a_run_is_that_of_its_model_on_its_environment(run, capsys):
    flags = ["--model", str(run / "experiment.cleanrl_model"), "--env-id", "CartPole-v1"]

    cli.main(["eval", "runs/one", "--episodes", "3"])
    of_the_run = capsys.readouterr().out
    cli.main(["eval", *flags, "--episodes", "3"])

    assert of_the_run.count("episode ") == 3
    assert of_the_run == capsys.readouterr().out


def test_flags_override_the_run(run, capsys):
    torch.manual_seed(2)
    save_weights(VectorQNetwork(2, (4,)), run.parent / "other")
    (run / "experiment.cleanrl_model").unlink()

    cli.main(["eval", "runs/one", "--model", "runs/other", "--episodes", "1"])

    assert "episode 1" in capsys.readouterr().out


def test_a_model_and_an_environment_need_nothing_of_the_run(run, capsys):
    (run / "settings.json").unlink()
    flags = ["--model", str(run / "experiment.cleanrl_model"), "--env-id", "CartPole-v1"]

    cli.main(["eval", "runs/one", *flags, "--episodes", "1"])

    assert "episode 1" in capsys.readouterr().out


def test_a_run_knows_its_screen_size_and_its_options_of_atari(empty_folder, monkeypatch):
    config = TrainConfig(
        env_id="PongNoFrameskip-v4",
        screen_size=60,
        network="nips",
        terminal_on_life_loss=False,
        repeat_action_probability=0.25,
    )
    save_weights(make_network((4, 60, 60), 6), empty_folder / "dqn_atari.cleanrl_model")
    write_settings(empty_folder, config)
    played = []

    def play(network, task, **options):
        played.append(task)
        return [1.0]

    monkeypatch.setattr(evaluate, "evaluate", play)

    cli.main(["play", str(empty_folder)])
    cli.main(["eval", str(empty_folder)])

    for task in played:
        assert task.env_id == "PongNoFrameskip-v4"
        assert task.observation_space.shape == (4, 60, 60)
        assert (task.terminal_on_life_loss, task.repeat_action_probability) == (False, 0.25)
    assert len(played) == 2


@pytest.mark.parametrize("command", ["eval", "play"])
def test_a_run_of_an_older_version_says_which_flags_to_give(command, run, capsys):
    (run / "settings.json").unlink()

    error = refusal([command, "runs/one"], capsys)

    assert "runs/one/settings.json: expected the settings of the run, got no such file" in error
    assert error.endswith("give --model and --env-id\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '"text"',
        "{",
        "[" * 100_000,
        "\xff",
        json.dumps({"env_id": 3}),
        json.dumps({"env_id": "CartPole-v1"}),
    ],
)
def test_settings_that_are_none_are_named(text, run, capsys):
    (run / "settings.json").write_text(text, encoding="latin-1")

    error = refusal(["eval", "runs/one"], capsys)

    assert "settings.json: expected the settings of the run, got" in error


@pytest.mark.parametrize("value", [True, 84.0, "84", None, []])
def test_a_setting_of_another_type_is_named(value, run, capsys):
    saved = json.loads((run / "settings.json").read_text())
    (run / "settings.json").write_text(json.dumps({**saved, "screen_size": value}))

    assert f"got screen_size {value!r}" in refusal(["eval", "runs/one"], capsys)


def test_a_run_without_a_model_says_how_to_get_one(run, capsys):
    (run / "experiment.cleanrl_model").unlink()

    error = refusal(["eval", "runs/one"], capsys)

    assert "runs/one/experiment.cleanrl_model: expected the run's model, got none" in error
    assert "--save-model" in error


@pytest.mark.parametrize("folder", ["runs/two", "x" * 5000, "runs/one/settings.json"])
def test_a_folder_that_is_none_is_named(folder, run, capsys):
    assert "expected the folder of a run, such as runs/NAME" in refusal(["eval", folder], capsys)
