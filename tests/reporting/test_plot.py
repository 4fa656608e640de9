import csv

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from framering import cli
from framering.errors import ConfigError
from framering.reporting.plot import moving_average, read_curve


@pytest.fixture
def run(tmp_path):
    writer = SummaryWriter(str(tmp_path / "runs" / "name"))
    for step in range(20_000):
        writer.add_scalar("charts/episodic_return", step / 2, step)
    writer.close()
    return tmp_path / "runs" / "name"


def test_every_point_is_read(run):
    steps, values = read_curve(run, "charts/episodic_return")

    np.testing.assert_array_equal(steps, np.arange(20_000))
    np.testing.assert_array_equal(values, np.arange(20_000) / 2)


def test_an_unknown_tag_is_named(run):
    with pytest.raises(
        ConfigError, match=r"--tag: expected one of .*\(charts/episodic_return\), got 'charts/SPS'"
    ):
        read_curve(run, "charts/SPS")


def test_a_folder_without_events_is_named(tmp_path):
    with pytest.raises(ConfigError, match="--runs: expected a folder with TensorBoard events, got"):
        read_curve(tmp_path, "charts/SPS")


@pytest.mark.parametrize("window", [1, 3, 7, 100])
def test_moving_average_is_the_mean_of_the_last_values(window):
    values = np.random.default_rng(0).normal(size=50)

    expected = [values[max(0, end - window) : end].mean() for end in range(1, 51)]

    np.testing.assert_allclose(moving_average(values, window), expected)


def test_the_command_writes_png_and_csv(run, tmp_path, capsys):
    cli.main(["plot", "--runs", str(run), "--out", str(tmp_path / "curves" / "pong-v1.0")])

    png, table = tmp_path / "curves" / "pong-v1.0.png", tmp_path / "curves" / "pong-v1.0.csv"
    assert capsys.readouterr().out.split() == [str(png), str(table)]
    assert png.read_bytes().startswith(b"\x89PNG")
    with table.open() as file:
        rows = list(csv.reader(file))
    assert rows[:2] == [["run", "step", "charts/episodic_return"], ["name", "0", "0.0"]]
    assert len(rows) == 20_001
