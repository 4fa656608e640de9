import csv
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from framering import cli

TAG = "charts/episodic_return"


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """Two runs with episodes, and one that ended before its first."""
    monkeypatch.chdir(tmp_path)
    for name, tag in (("one", TAG), ("two", TAG), ("short", "charts/SPS")):
        with SummaryWriter(str(tmp_path / "runs" / name)) as writer:
            writer.add_scalar(tag, 1.0, 1)


def plotted():
    with Path("curve.csv").open() as file:
        return [row[0] for row in csv.reader(file)][1:]


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs/one", "runs/two"],
        ["--runs", "runs/one", "runs/two"],
        ["runs/one", "--runs", "runs/two"],
    ],
)
def test_folders_of_runs_are_plotted_with_or_without_the_flag(arguments):
    cli.main(["plot", *arguments])

    assert plotted() == ["one", "two"]


def test_a_run_without_the_tag_is_a_warning(capsys):
    cli.main(["plot", "runs/one", "runs/short", "runs/two"])

    assert plotted() == ["one", "two"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: --tag: expected one of runs/short's (charts/SPS), got")


def test_the_tag_in_no_run_is_an_error(capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(["plot", "runs/short", "runs/short"])

    assert exited.value.code == 2
    assert capsys.readouterr().err.startswith("framering: --tag: expected one of runs/short's")
    assert not Path("curve.png").exists()
