import sys

import pytest

from framering import cli
from framering.bench import find_benchmarks, run_benchmarks
from framering.errors import ConfigError


def test_suites_and_scripts_are_found_by_their_names(tmp_path):
    for name in ("test_bench_ring.py", "compare_peer.py", "peer_loop.py"):
        (tmp_path / name).touch()

    assert find_benchmarks(tmp_path) == {
        "peer": [sys.executable, str(tmp_path / "compare_peer.py")],
        "ring": [
            sys.executable,
            "-m",
            "pytest",
            "--benchmark-only",
            str(tmp_path / "test_bench_ring.py"),
        ],
    }


def test_without_a_checkout_it_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"pip install -c constraints.txt -e '\.\[bench\]'"):
        find_benchmarks(tmp_path)


def test_failures_are_counted_and_dont_stop_the_rest(tmp_path):
    passes = [sys.executable, "-c", "open('ran', 'a').write('x')"]
    fails = [sys.executable, "-c", "raise SystemExit(3)"]

    assert run_benchmarks([fails, passes, fails, passes], tmp_path / "benchmarks") == 2
    assert (tmp_path / "ran").read_text() == "xx"


def test_an_unknown_benchmark_gets_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(["bench", "--only", "weather"])

    assert exited.value.code == 2
    assert "there is no benchmark weather; expected" in capsys.readouterr().err
