import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from framering.errors import ConfigError, RunError
from framering.studies.runs import Study, run_study
from framering.studies.table import MeanReturn, read_table, training_returns_of, write_table

QUICK = [
    *("--total-timesteps", "300", "--learning-starts", "100", "--buffer-size", "500"),
    *("--eval-episodes", "1", "--screen-size", "36", "--network", "nips", "--end-e", "1"),
    *("--torch-threads", "1", "--num-workers", "0", "--save-model", "--device", "cpu"),
]


def study(folder, *arguments, games=("Pong",), seeds=(1, 2), steps=300):
    return Study(folder, "quick", games, seeds, steps, [*QUICK, *arguments])


def test_runs_each_game_with_each_seed_and_nothing_twice(tmp_path):
    lines = []
    run_study(study(tmp_path), 2, lines.append)

    again = []
    run_study(study(tmp_path, seeds=(1, 2, 3)), 2, again.append)

    evaluations = study(tmp_path, seeds=(1, 2, 3)).evaluations()
    assert [(one.seed, one.step) for one in evaluations] == [(1, 300), (2, 300), (3, 300)]
    assert sum("begins" in line for line in lines) == 2
    assert sum("finished before" in line for line in again) == 2
    assert sum("begins" in line for line in again) == 1


def test_a_run_in_the_table_alone_is_not_run_again_and_stays_there(tmp_path):
    made_elsewhere = [MeanReturn("Pong", 1, 300, -20.5), MeanReturn("Boxing", 1, 300, 1.5)]
    unfinished = MeanReturn("Pong", 2, 200, -21.0)
    write_table(tmp_path / "evaluations.csv", [*made_elsewhere, unfinished])
    training = [MeanReturn("Pong", 1, 250_000, -20.0)]
    write_table(tmp_path / "training.csv", training)
    lines = []

    run_study(study(tmp_path), 1, lines.append)

    assert [line.split(";")[0] for line in lines[:2]] == [
        "Pong, seed 1: finished before",
        "Pong, seed 2: begins",
    ]
    rows = read_table(tmp_path / "evaluations.csv")
    assert rows[:2] == made_elsewhere[::-1]
    assert [(one.seed, one.step) for one in rows[2:]] == [(2, 300)]
    assert read_table(tmp_path / "training.csv") == training


def test_a_table_that_is_none_ends_a_study_before_its_first_run(tmp_path):
    (tmp_path / "evaluations.csv").write_text("nothing\n1\n")

    with pytest.raises(ConfigError, match=r"expected a table with the columns game, seed"):
        run_study(study(tmp_path), 1, lambda line: None)

    assert not (tmp_path / "runs").exists()


def test_a_failed_run_is_reported_after_the_others_have_ended(tmp_path):
    with pytest.raises(RunError, match=r"NoSuchGame, seed 1: exit status 2: .*not a registered"):
        run_study(study(tmp_path, games=("NoSuchGame", "Pong"), seeds=(1,)), 1, lambda line: None)

    assert [one.game for one in study(tmp_path, seeds=(1,)).evaluations()] == ["Pong"]


def works_in(process, folder):
    """Whether a process, by its folder in /proc, has a working folder."""
    try:
        return (process / "cwd").resolve() == folder.resolve()
    except OSError:  # it has ended, or belongs to another user
        return False


INTERRUPTED = """
import signal, sys
from pathlib import Path
from tests.studies.test_runs import study
from framering.studies.runs import run_study

if "background" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
long = ["--total-timesteps", "100000", "--checkpoint-every", "100"]
run_study(study(Path(sys.argv[1]), *long, seeds=(1, 2, 3), steps=100000), 1, print)
"""


def begin(folder, *words):
    """Begin the study above in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(folder), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=os.getcwd(),
    )


def runs_in(folder):
    return [process for process in Path("/proc").glob("[0-9]*") if works_in(process, folder)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_study_leaves_no_process_and_resumes(tmp_path, number, wait_until):
    process = begin(tmp_path)
    wait_until(lambda: list(tmp_path.glob("runs/*/checkpoints/0*")))
    process.send_signal(number)
    shown, _ = process.communicate(timeout=60)

    assert [line.split(b";")[0] for line in shown.splitlines()] == [b"Pong, seed 1: begins"]
    (run,) = study(tmp_path, seeds=(1,)).planned()
    assert "--resume" in run.command()
    assert not runs_in(tmp_path)


# In a shell's background, where SIGINT is ignored.
def test_an_interrupted_study_ends_a_run_that_has_just_begun(tmp_path, wait_until):
    process = begin(tmp_path, "background")
    wait_until(lambda: runs_in(tmp_path))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert not (tmp_path / "runs").exists()
    assert not runs_in(tmp_path)


def test_the_returns_of_training_are_means_over_the_games_that_ended(tmp_path):
    with SummaryWriter(str(tmp_path)) as events:
        for step, value in ((1, 1.0), (250_000, 3.0), (250_001, 5.0), (749_000, 7.0)):
            events.add_scalar("charts/episodic_return", value, step)

    returns = training_returns_of(tmp_path, "Pong", 1, steps=750_000)

    assert returns == [
        MeanReturn("Pong", 1, 250_000, 2.0),
        MeanReturn("Pong", 1, 500_000, 5.0),
        MeanReturn("Pong", 1, 750_000, 7.0),
    ]
    assert training_returns_of(tmp_path, "Pong", 1, steps=749_999) == returns[:2]


def test_a_table_comes_back_as_it_was(tmp_path):
    rows = [MeanReturn("Pong", 1, 100, -20.5), MeanReturn("Boxing", 2, 5, 3.25)]

    write_table(tmp_path / "table.csv", rows)

    assert read_table(tmp_path / "table.csv") == rows
