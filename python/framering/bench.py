"""Runs the comparisons in ``benchmarks/``: pytest-benchmark suites, and scripts."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from framering.errors import ConfigError

# Of an editable install: python/framering/bench.py is in the checkout that has benchmarks/.
_CHECKOUT = Path(__file__).resolve().parents[2]


def find_benchmarks(checkout: Path = _CHECKOUT) -> dict[str, list[str]]:
    """Return the command of each benchmark: ``test_bench_NAME.py`` or ``compare_NAME.py``.

    Raises
    ------
    ConfigError
        If there is no checkout of framering (a wheel has no benchmarks), or pytest-benchmark is
        not installed.
    """
    if not (checkout / "csrc" / "ring").is_dir():
        raise ConfigError(
            "bench: expected a checkout of framering, got an installed wheel; the benchmarks are "
            "part of the source: in a checkout, run pip install -c constraints.txt -e '.[bench]'"
        )
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise ConfigError(
            "bench: expected the package pytest-benchmark, got none; "
            "install it: pip install -c constraints.txt -e '.[bench]'"
        )
    commands = {}
    for file in sorted((checkout / "benchmarks").glob("*.py")):
        if file.stem.startswith("test_bench_"):
            suite = [sys.executable, "-m", "pytest", "--benchmark-only", str(file)]
            commands[file.stem.removeprefix("test_bench_")] = suite
        elif file.stem.startswith("compare_"):
            commands[file.stem.removeprefix("compare_")] = [sys.executable, str(file)]
    return commands


def run_benchmarks(commands: list[list[str]], checkout: Path = _CHECKOUT) -> int:
    """Run commands one after the other; return how many failed."""
    codes = [subprocess.run(command, cwd=checkout, check=False).returncode for command in commands]
    return sum(code != 0 for code in codes)
