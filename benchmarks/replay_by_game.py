"""Bytes and times of framering's replay buffer, of Stable-Baselines3's and of sb3-extra-buffers.

    pip install -c constraints.txt -e '.[bench]'
    python benchmarks/replay_by_game.py
    python benchmarks/replay_by_game.py --games Breakout noise --transitions 20000 --rounds 3

plays games at random, records their frames once, plays the recordings into all the buffers, and
writes replay_by_game.md, .csv and .png to the folder of results. ``--policy Breakout=MODEL`` adds a
row for Breakout as a trained network plays it.
"""

import argparse
import functools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from recorded_games import NOISE, Source
from replay_contenders import FRAMERING, RECOMMENDED, SB3
from replay_measurements import Job, choose, record, resident_bytes, speed, try_settings
from replay_report import GameResult, Run, write_report

GAMES = [
    *("Breakout", "Pong", "SpaceInvaders", "Seaquest", "MsPacman", "BeamRider", "Qbert"),
    *("Enduro", "Riverraid", "Asterix", "MontezumaRevenge", "VideoPinball", "RoadRunner", "Krull"),
    NOISE,
]
Result = TypeVar("Result")
FOLDER = Path(__file__).parent / "results"
RECORDINGS = Path(tempfile.gettempdir()) / "framering-recorded-games"


def measure(job: Job) -> GameResult:
    """Measure one game: memory in processes side by side, times in one process alone."""
    trials = in_process(try_settings, job)
    choice = choose(trials)
    settings = list(dict.fromkeys((*choice, RECOMMENDED)))
    contenders = [FRAMERING, SB3, *settings]
    memory = side_by_side(
        [functools.partial(in_process, resident_bytes, job, contender) for contender in contenders]
    )
    return GameResult(
        job.source,
        dict(zip(contenders, memory, strict=True)),
        trials,
        choice,
        in_process(speed, job, settings),
    )


def in_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in a new process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(function, *arguments).result()


def side_by_side(calls: list[Callable[[], Result]]) -> list[Result]:
    """Make calls in threads, as many at a time as there are cores."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        return list(threads.map(lambda call: call(), calls))


def parsed_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--games", nargs="+", default=GAMES, choices=GAMES, metavar="GAME")
    parser.add_argument(
        "--policy", nargs="+", default=[], metavar="GAME=MODEL", type=trained_source
    )
    parser.add_argument("--transitions", type=int, default=200_000, help="in framering's buffers")
    parser.add_argument("--rounds", type=int, default=15, help="in which times are taken in turns")
    parser.add_argument("--cache", type=Path, default=RECORDINGS, help="folder of recordings")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of results")
    return parser.parse_args()


def trained_source(text: str) -> Source:
    game, _, model = text.partition("=")
    if not Path(model).is_file():
        raise argparse.ArgumentTypeError(
            f"expected GAME=MODEL with the file of a model, got {text}"
        )
    return Source(game, Path(model))


def main() -> None:
    arguments = parsed_arguments()
    sources = [Source(game) for game in arguments.games] + arguments.policy
    jobs = [
        Job(source, arguments.cache, arguments.transitions, arguments.rounds) for source in sources
    ]
    side_by_side([functools.partial(in_process, record, job) for job in jobs])
    results = []
    for job in jobs:
        begin = time.perf_counter()
        results.append(measure(job))
        print(f"{job.source.title}: measured in {time.perf_counter() - begin:.0f} s", flush=True)
    run = Run(results, arguments.transitions, arguments.rounds)
    print(write_report(run, arguments.output))


if __name__ == "__main__":
    main()
