"""Runs the comparisons in ``benchmarks/``: pytest-benchmark suites, and scripts."""

import ast
import dataclasses
import importlib.util
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from framering.errors import ConfigError

# Of an editable install: python/framering/bench.py is in the checkout that has benchmarks/.
_CHECKOUT = Path(__file__).resolve().parents[2]

# Where a suite's summary replaces pytest-benchmark's table, which no terminal is wide enough for.
_PYTEST = ["-m", "pytest", "-q", "--no-header", "--benchmark-only", "--benchmark-quiet"]


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """A comparison with other libraries.

    Attributes
    ----------
    name
        ``NAME`` of ``test_bench_NAME.py`` or ``compare_NAME.py``.
    title
        The first sentence of its file.
    seconds
        How long it takes, roughly, on two cores.
    command
        What runs it.
    """

    name: str
    title: str
    seconds: int
    command: list[str]


def find_benchmarks(checkout: Path = _CHECKOUT) -> dict[str, Benchmark]:
    """Return the benchmarks, by name.

    A file says in ``BENCH = {"seconds": 60, "arguments": [...]}`` how long it takes with which
    arguments.

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
    benchmarks = {}
    for prefix, before in (("test_bench_", _PYTEST), ("compare_", [])):
        for file in (checkout / "benchmarks").glob(f"{prefix}*.py"):
            name = file.stem.removeprefix(prefix)
            title, bench = _read(file)
            command = [sys.executable, *before, str(file), *bench["arguments"]]
            benchmarks[name] = Benchmark(name, title, bench["seconds"], command)
    return dict(sorted(benchmarks.items()))


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the first sentence of a file, and its BENCH, without importing it."""
    tree = ast.parse(file.read_text())
    title = (ast.get_docstring(tree) or file.stem).split("\n\n")[0].replace("\n", " ")
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BENCH":
            return title, ast.literal_eval(node.value)
    raise ValueError(f"{file}: expected BENCH = {{'seconds': …, 'arguments': […]}}, got none")


def describe(benchmarks: Sequence[Benchmark], width: int) -> str:
    """Return a list of benchmarks with their durations, in lines of at most ``width``."""
    names = max(len(each.name) for each in benchmarks)
    number = "1 comparison" if len(benchmarks) == 1 else f"{len(benchmarks)} comparisons"
    lines = [f"{number}, about {duration(benchmarks)}:"]
    for each in benchmarks:
        head = f"  {each.name:{names}}  {duration([each]):>7}  "
        lines += textwrap.wrap(
            each.title,
            max(width, len(head) + 20),
            initial_indent=head,
            subsequent_indent=" " * len(head),
        )
    return "\n".join(lines)


def duration(benchmarks: Sequence[Benchmark]) -> str:
    """Return how long benchmarks take together, such as "40 s" or "3 min"."""
    seconds = sum(each.seconds for each in benchmarks)
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def run_benchmarks(
    benchmarks: Sequence[Benchmark],
    report: Callable[[str], None] = print,
    checkout: Path = _CHECKOUT,
) -> int:
    """Run benchmarks one after the other; return how many failed.

    Parameters
    ----------
    benchmarks
        What to run.
    report
        Called with a line before and after each.
    checkout
        The folder to run them in.
    """
    failed = 0
    for number, each in enumerate(benchmarks):
        left = duration(benchmarks[number:])
        report(f"\n[{number + 1}/{len(benchmarks)}] {each.name}, {duration([each])}; {left} left")
        begin = time.perf_counter()
        code = subprocess.run(each.command, cwd=checkout, check=False).returncode
        took = time.perf_counter() - begin
        outcome = f"failed with exit status {code}" if code else "done"
        report(f"{each.name}: {outcome} after {took:.0f} s")
        failed += code != 0
    return failed
