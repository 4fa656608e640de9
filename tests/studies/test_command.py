import pytest

from framering import cli
from framering.studies.table import read_table

QUICK = [
    *("--total-timesteps", "200", "--learning-starts", "100", "--buffer-size", "300"),
    *("--eval-episodes", "1", "--screen-size", "36", "--end-e", "1", "--device", "cpu"),
]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.filterwarnings("ignore")  # rliable's dependencies have their own
def test_writes_a_table_curves_and_a_report(capsys, tmp_path):
    pytest.importorskip("rliable")

    cli.main(["study", "--preset", "cleanrl", "--games", "Pong", "--seeds", "1", "--", *QUICK])

    (row,) = read_table(tmp_path / "study" / "evaluations.csv")
    assert (row.game, row.seed, row.step) == ("Pong", 1, 200)
    assert (tmp_path / "study" / "curves.png").exists()
    assert not (tmp_path / "study" / "videos").exists()
    shown = capsys.readouterr().out
    assert f"| Pong | 1 | {row.mean_return:g} (" in shown
    assert (tmp_path / "study" / "report.md").read_text() in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--preset"),
        (["--preset", "cleanrl", "--games"], "--games"),
        (["--preset", "none", "--games", "Pong"], "--preset: expected one of"),
        (["--preset", "cleanrl", "--games", "Pong", "Pong"], "--games: expected one or more, each"),
        (["--preset", "cleanrl", "--games", "Pong", "--jobs", "0"], "--jobs: expected 1 or more"),
        (["--preset", "cleanrl", "--games", "Pong", "--", "--gamma", "2"], "--gamma: expected"),
        (["--preset", "cleanrl", "--games", "Pong", "--", "--nothing"], "flags: expected others"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_status_2(arguments, message, capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        cli.main(["study", *arguments])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
