"""Running the comparisons in ``benchmarks/``: pytest-benchmark suites, and scripts."""

import subprocess
import sys
from pathlib import Path

from framering.errors import ConfigError

# Of an editable install: python/framering/benchmarking.py lies beside benchmarks/.
_FOLDER = Path(__file__).parents[2] / "benchmarks"


def find_benchmarks(folder: Path = _FOLDER) -> dict[str, list[str]]:
    """Return the command of each benchmark: ``test_bench_NAME.py`` or ``compare_NAME.py``.

    Raises
    ------
    ConfigError
        If there are none: a wheel doesn't have them, a checkout does.
    """
    commands = {}
    for file in sorted(folder.glob("*.py")):
        if file.stem.startswith("test_bench_"):
            suite = [sys.executable, "-m", "pytest", "--benchmark-only", str(file)]
            commands[file.stem.removeprefix("test_bench_")] = suite
        elif file.stem.startswith("compare_"):
            commands[file.stem.removeprefix("compare_")] = [sys.executable, str(file)]
    if not commands:
        raise ConfigError(
            "the benchmarks are part of the source: in a checkout of framering, run "
            "pip install -c constraints.txt -e '.[bench]' and try again"
        )
    return commands


def run_benchmarks(commands: list[list[str]], folder: Path = _FOLDER) -> int:
    """Run commands one after the other; return how many failed."""
    codes = [
        subprocess.run(command, cwd=folder.parent, check=False).returncode for command in commands
    ]
    return sum(code != 0 for code in codes)
