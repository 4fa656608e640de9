"""Times of add, sample(32) and prioritized sample and update, by the number of transitions.

    python benchmarks/replay_scaling.py

writes results/replay_scaling.csv and .png. They are of a random play of Breakout. The gather's
a million raw frames take 7.1 GB.
"""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from bare_gather import BareGather
from recorded_games import breakout
from replay_contenders import FRAMERING, PRIORITIZED, fill, make

SIZES = [10_000, 50_000, 200_000, 1_000_000]
BATCH, ROUNDS = 32, 500
FOLDER = Path(__file__).parent / "results"


def microseconds(
    call: Callable[..., object], prepare: Callable[[], tuple[Any, ...]] = tuple
) -> tuple[float, float]:
    """Time a call many times, with new arguments each time; return median and 90th percentile."""
    times = []
    for _ in range(ROUNDS):
        arguments = prepare()
        begin = time.perf_counter()
        call(*arguments)
        times.append(1e6 * (time.perf_counter() - begin))
    return float(np.median(times)), float(np.percentile(times, 90))


def filled(contender: str, transitions: int) -> Any:
    """Make a buffer that has been filled more than once."""
    buffer = make(contender, transitions)
    fill(buffer, breakout().play(), transitions + transitions // 10)
    return buffer


def uniform_times(transitions: int) -> dict[str, tuple[float, float]]:
    """Measure the uniform buffer."""
    buffer = filled(FRAMERING, transitions)
    following = breakout().play()
    return {
        "add": microseconds(buffer.add, lambda: next(following)),
        "sample(32)": microseconds(buffer.sample, lambda: (BATCH,)),
    }


def prioritized_times(transitions: int) -> dict[str, tuple[float, float]]:
    """Measure sampling from a prioritized buffer and updating its priorities."""
    buffer = filled(PRIORITIZED, transitions)
    priorities = np.random.default_rng(1).random(BATCH)

    def sample_and_update() -> None:
        buffer.update_priorities(buffer.sample(BATCH).indices, priorities)

    return {"prioritized sample(32) and update": microseconds(sample_and_update)}


def bare_times(transitions: int) -> dict[str, tuple[float, float]]:
    """Measure the gather alone."""
    bare = BareGather(transitions, BATCH, 84 * 84, 4)
    return {"bare memcpy gather of 32": microseconds(bare)}


def main() -> None:
    """Measure all sizes, and write the table and the plot."""
    rows = [
        (size, name, round(median, 2), round(high, 2))
        for size in SIZES
        for measure in (uniform_times, prioritized_times, bare_times)
        for name, (median, high) in measure(size).items()
    ]
    FOLDER.mkdir(exist_ok=True)
    with open(FOLDER / "replay_scaling.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("transitions", "operation", "median_us", "p90_us"))
        writer.writerows(rows)
    for name in dict.fromkeys(row[1] for row in rows):
        points = [(row[0], row[2]) for row in rows if row[1] == name]
        plt.plot(*zip(*points, strict=True), "o-", label=name)
    plt.xscale("log")
    plt.yscale("log")
    plt.xlabel("transitions of 4×84×84")
    plt.ylabel("microseconds (median)")
    plt.legend()
    plt.grid(alpha=0.3)
    plt.tight_layout()
    plt.savefig(FOLDER / "replay_scaling.png", dpi=110)


if __name__ == "__main__":
    main()
