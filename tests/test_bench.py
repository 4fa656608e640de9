import sys

import pytest

from framering import cli
from framering.bench import find_benchmarks, run_benchmarks
from framering.errors import ConfigError


def test_suites_and_scripts_are_found_by_their_names(tmp_path):
    (tmp_path / "csrc" / "ring").mkdir(parents=True)
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for name in ("test_bench_ring.py", "compare_peer.py", "peer_loop.py"):
        (folder / name).touch()

    assert find_benchmarks(tmp_path) == {
        "peer": [sys.executable, str(folder / "compare_peer.py")],
        "ring": [
            sys.executable,
            "-m",
            "pytest",
            "--benchmark-only",
            str(folder / "test_bench_ring.py"),
        ],
    }


def test_a_wheel_beside_the_benchmarks_of_another_project_needs_a_checkout(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "compare_others.py").touch()

    with pytest.raises(ConfigError, match=r"checkout, run pip install .* -e '\.\[bench\]'"):
        find_benchmarks(tmp_path)


def test_without_pytest_benchmark_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(ConfigError, match=r"pytest-benchmark, got none; install it"):
        find_benchmarks()


def test_failures_are_counted_and_dont_stop_the_rest(tmp_path):
    passes = [sys.executable, "-c", "open('ran', 'a').write('x')"]
    fails = [sys.executable, "-c", "raise SystemExit(3)"]

    assert run_benchmarks([fails, passes, fails, passes], tmp_path) == 2
    assert (tmp_path / "ran").read_text() == "xx"


def test_an_unknown_benchmark_gets_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(["bench", "--only", "weather"])

    assert exited.value.code == 2
    assert "--only: expected any of cleanrl, " in capsys.readouterr().err
