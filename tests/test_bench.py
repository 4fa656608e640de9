import importlib.util
import sys
from types import SimpleNamespace

import pytest

from framering import cli
from framering.bench import Benchmark, describe, find_benchmarks, run_benchmarks
from framering.errors import ConfigError

BENCH = 'BENCH = {"seconds": 30, "arguments": ["--rounds", "1"]}'


@pytest.fixture
def checkout(tmp_path):
    """A checkout with two benchmarks, and a file that is none."""
    (tmp_path / "csrc" / "ring").mkdir(parents=True)
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for name in ("test_bench_ring.py", "compare_peer.py"):
        (folder / name).write_text(f'"""What it\ncompares.\n\nMore."""\n{BENCH}')
    (folder / "peer_loop.py").touch()
    return tmp_path


def test_suites_and_scripts_are_found_by_their_names(checkout):
    found = find_benchmarks(checkout)

    assert list(found) == ["peer", "ring"]
    script, suite = (
        str(checkout / "benchmarks" / name) for name in ("compare_peer.py", "test_bench_ring.py")
    )
    assert found["peer"] == Benchmark(
        "peer", "What it compares.", 30, [sys.executable, script, "--rounds", "1"]
    )
    assert found["ring"].command[-3:] == [suite, "--rounds", "1"]
    assert "--benchmark-only" in found["ring"].command


def test_a_benchmark_without_its_duration_is_refused(checkout):
    (checkout / "benchmarks" / "compare_other.py").touch()

    with pytest.raises(ValueError, match=r"compare_other\.py: expected BENCH"):
        find_benchmarks(checkout)


def test_no_benchmark_takes_over_three_minutes():
    found = find_benchmarks()

    assert len(found) >= 8
    assert {name: each.seconds for name, each in found.items() if each.seconds > 180} == {}


def test_the_list_has_durations_and_fits_the_terminal():
    benchmarks = [
        Benchmark("one", "compares " * 20, 50, []),
        Benchmark("another", "compares", 100, []),
    ]
    lines = describe(benchmarks, 60).splitlines()

    assert lines[0] == "2 comparisons, about 2 min:"
    assert lines[1].startswith("  one         50 s  compares")
    assert lines[-1] == "  another    100 s  compares"
    assert max(map(len, lines)) <= 60


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
    passes = Benchmark("a", "", 1, [sys.executable, "-c", "open('ran', 'a').write('x')"])
    fails = Benchmark("b", "", 1, [sys.executable, "-c", "raise SystemExit(3)"])
    lines = []

    assert run_benchmarks([fails, passes, fails, passes], lines.append, tmp_path) == 2
    assert (tmp_path / "ran").read_text() == "xx"
    assert "failed with exit status 3" in lines[1]


def test_progress_is_reported_with_the_time_left(tmp_path):
    each = Benchmark("ring", "", 100, [sys.executable, "-c", ""])
    lines = []
    run_benchmarks([each, each], lines.append, tmp_path)

    assert lines[0] == "\n[1/2] ring, 100 s; 3 min left"
    assert lines[1].startswith("ring: done after 0 s")
    assert lines[2] == "\n[2/2] ring, 100 s; 100 s left"


def test_the_command_lists_what_it_runs_before_it_runs_it(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    listed = []
    monkeypatch.setattr(
        "framering.bench.run_benchmarks", lambda *_: listed.append(capsys.readouterr().out) or 0
    )
    cli.main(["bench", "--only", "train"])

    assert listed[0].startswith("1 comparison, about ")
    assert max(map(len, listed[0].splitlines())) <= 80


def test_medians_fit_the_terminal():
    spec = importlib.util.spec_from_file_location("summaries", "benchmarks/conftest.py")
    summaries = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(summaries)
    entries = [
        SimpleNamespace(group="g", name=f"test_{name}", stats=SimpleNamespace(median=median))
        for name, median in (("one", 2e-6), ("two" * 50, 5e-6))
    ]
    lines = list(summaries.medians(entries, 60))

    assert lines[1] == "g:"
    assert lines[2].split() == ["one", "2.0", "us", "1.00", "x"]
    assert lines[3].endswith("5.0 us    2.50 x")
    assert max(map(len, lines)) <= 60


def test_an_unknown_benchmark_gets_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as exited:
        cli.main(["bench", "--only", "weather"])

    assert exited.value.code == 2
    assert "--only: expected any of cleanrl, " in capsys.readouterr().err
