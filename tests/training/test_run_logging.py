import dataclasses
import json
import os
import time

import pytest

from framering import TrainConfig
from framering.errors import ConfigError
from framering.training.run_logging import make_run_folder, make_run_logger

CONFIG = TrainConfig(env_id="ALE/Pong-v5", exp_name="a:b", seed=3)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_name_has_environment_experiment_seed_and_second(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1234.5)

    folders = [str(make_run_folder(CONFIG)) for _ in range(3)]

    assert folders == [f"runs/ALE-Pong-v5__a-b__3__{second}" for second in (1234, 1235, 1236)]


def test_runs_may_be_a_link_to_a_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.symlink("elsewhere", "runs")

    assert (tmp_path / "elsewhere" / make_run_folder(CONFIG).name).is_dir()


@pytest.mark.parametrize("kind", ["dangling link", "file", "link to itself"])
def test_runs_that_is_no_folder_is_refused(kind):
    if kind == "file":
        with open("runs", "w"):
            pass
    else:
        os.symlink("nowhere" if kind == "dangling link" else "runs", "runs")

    with pytest.raises(ConfigError, match="runs: expected a folder that can be written, got"):
        make_run_folder(CONFIG)


def test_runs_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "runs").mkdir(mode=0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may write everywhere
    try:
        with pytest.raises(
            ConfigError,
            match="runs: expected a folder that can be written, got 'Permission denied'",
        ):
            make_run_folder(CONFIG)
    finally:
        os.seteuid(user)


def test_a_name_that_is_too_long_for_a_folder_is_refused():
    with pytest.raises(ConfigError, match="--exp-name: expected a shorter name, got 300"):
        make_run_folder(TrainConfig(exp_name="x" * 300))


def test_the_folder_has_the_settings_before_the_first_step():
    run = make_run_logger(CONFIG)

    assert json.loads((run.folder / "settings.json").read_text()) == dataclasses.asdict(CONFIG)
    run.close()


def test_settings_that_cannot_be_written_are_a_warning(monkeypatch, capsys):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("framering.training.run_logging.write_settings", full)

    make_run_logger(CONFIG).close()

    assert "warning: the run's settings are not saved: [Errno 28]" in capsys.readouterr().out
