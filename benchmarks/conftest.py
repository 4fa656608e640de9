"""Prints the medians of all benchmarks, and rates and ratios of images, as wide as the terminal.

A benchmark that sets ``extra_info["pixels"]`` (of its source images) gets a line: nanoseconds a
pixel, how many times as fast as its group's reference (the benchmark that sets
``extra_info["reference"]``), and how its time compares with copying ``extra_info["bytes"]`` at the
bandwidth that this machine shows in this run.
"""

import shutil
import statistics
import textwrap
import time

import numpy as np

MIB = 1 << 20
# A pair of Atari screens, which fits into the caches, and a size that exceeds every cache.
IN_CACHE, IN_MEMORY = 2 * 210 * 160, 256 * MIB


def copy_bandwidth(size):
    """Return the bytes per second that one thread copies: the best of several runs over 256 MiB."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    rounds = max(1, 256 * MIB // size)

    def seconds():
        start = time.perf_counter()
        for _ in range(rounds):
            np.copyto(target, source)
        return time.perf_counter() - start

    return size * rounds / min(seconds() for _ in range(5))


def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    entries = [b for b in session.benchmarks if b.stats.data] if session else []
    if config.getoption("benchmark_quiet"):
        others = [b for b in entries if "pixels" not in b.extra_info]
        width = shutil.get_terminal_size().columns
        terminalreporter.write_line("\n".join(medians(others, width)))
    summarise_images(terminalreporter, [b for b in entries if "pixels" in b.extra_info])


def medians(entries, width):
    """Yield lines with each benchmark's median and its ratio to the fastest of its group."""
    for group in dict.fromkeys(b.group for b in entries):
        members = [b for b in entries if b.group == group]
        fastest = min(b.stats.median for b in members)
        yield ""
        yield from textwrap.wrap(f"{group or 'benchmarks'}:", width)
        for each in members:
            figures = f"{each.stats.median * 1e6:12,.1f} us {each.stats.median / fastest:7.2f} x"
            room = max(width - len(figures) - 2, 10)
            name = each.name.removeprefix("test_")
            name = name if len(name) <= room else f"{name[: room - 1]}…"
            yield f"  {name:{room}}{figures}"


def summarise_images(terminalreporter, entries):
    if not entries:
        return
    write = terminalreporter.write_line
    bandwidth = {"warm": copy_bandwidth(IN_CACHE), "cold": copy_bandwidth(IN_MEMORY)}
    terminalreporter.section("images")
    write(
        "copy bandwidth of one thread: "
        f"{bandwidth['warm'] / 1e9:.1f} GB/s in cache, {bandwidth['cold'] / 1e9:.1f} GB/s in memory"
    )
    for group in dict.fromkeys(b.group for b in entries):
        write("")
        write(f"{group}:")
        members = [b for b in entries if b.group == group]
        references = [b.stats.median for b in members if b.extra_info.get("reference")]
        for benchmark in members:
            write(line(benchmark, references, bandwidth))
    for label in ("with the past", "with no past"):
        ratios = speedups(entries, label)
        if ratios:
            write("")
            write(
                f"{label}, median over {len(ratios)} games: {statistics.median(ratios):.1f} times"
                f" as fast (from {min(ratios):.1f} to {max(ratios):.1f})"
            )


def line(benchmark, references, bandwidth):
    info, median = benchmark.extra_info, benchmark.stats.median
    text = f"  {info['label']:<26} {median * 1e6:9.2f} us"
    text += f" {median * 1e9 / info['pixels']:8.4f} ns/pixel"
    if references:
        text += f" {references[0] / median:6.1f} x the reference's speed"
    limit = info["bytes"] / bandwidth[info.get("caches", "warm")]
    return text + f" {median / limit:6.1f} x the time to copy {info['bytes']} bytes"


def speedups(entries, label):
    """Of each game's warm group, how many times as fast as the reference the labelled one is."""
    ratios = []
    for benchmark in entries:
        if benchmark.extra_info["label"] != label or benchmark.extra_info["caches"] != "warm":
            continue
        if benchmark.extra_info.get("order") != "gymnasium":
            continue
        reference = next(
            b for b in entries if b.group == benchmark.group and b.extra_info.get("reference")
        )
        ratios.append(reference.stats.median / benchmark.stats.median)
    return ratios
