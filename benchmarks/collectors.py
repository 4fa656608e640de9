"""What collectors on Ray cost: beside the same processes without Ray, and part by part.

    python benchmarks/collectors.py
    python benchmarks/collectors.py --collectors 2 --seconds 30 --rounds 5

Collectors play without a learner that learns, in turns with as many processes that play the same
games with the same network and send nothing. Then each part of a collector's work is timed alone.
Writes collectors.md to the folder of results.
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from framering import TrainConfig
from framering.dqn.learner import Learner
from framering.integrations.ray import RaySession
from framering.replay.buffer import ReplayBuffer
from framering.training.collectors.collector import Collector
from framering.training.collectors.environments import CollectedEnvironments, collector_settings
from framering.training.collectors.lanes import ChunkWriter
from framering.training.collectors.messages import CollectorSettings, Request, Weights
from framering.training.components import make_learner, make_replay, network_options
from framering.training.task import TaskSpec, make_task_spec
from machine import conditions

FOLDER = Path(__file__).parent / "results"
EPSILON = 0.1
MACHINE_CORES = 16
_PARTS = ("act", "emulate, preprocess, encode", "read_chunk", "ray.put", "ray.get", "write_chunk")


class OnRay:
    """Collectors on Ray, whose chunks are written into a replay buffer."""

    def __init__(self, config: TrainConfig, task: TaskSpec, learner: Learner) -> None:
        self._learner = learner
        self._epsilons = np.full(config.collectors, EPSILON)
        replay = make_replay(config, task)
        self._envs = CollectedEnvironments(config, task, network_options(config), replay)

    def __call__(self, seconds: float) -> float:
        """Collect for some seconds; return the steps that arrived in a second.

        Nothing is under way at the beginning, nor at the end: the others run alone, too.
        """
        begin, steps = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            steps += self._envs.collect(self._learner, self._epsilons)["steps"]
        rate = steps / (time.monotonic() - begin)
        while self._envs._pool.receive(60.0) is not None:
            pass
        return rate

    def close(self) -> None:
        self._envs.close()


class WithoutRay:
    """Processes that play the same games with the same network, and send only their counts."""

    def __init__(self, settings: CollectorSettings, weights: Weights, number: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes, self._processes = [], []
        for index in range(number):
            pipe, other = context.Pipe()
            process = context.Process(target=_play, args=(settings, weights, index, other))
            process.start()
            self._pipes.append(pipe)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()

    def __call__(self, seconds: float) -> float:
        """Play for some seconds; return the steps per second of all."""
        for pipe in self._pipes:
            pipe.send(seconds)
        return sum(pipe.recv() for pipe in self._pipes)

    def close(self) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join()


def _play(settings: CollectorSettings, weights: Weights, index: int, pipe: Connection) -> None:
    collector = Collector(settings, index)
    collector.collect(weights, Request(0, 0, 0, EPSILON))
    pipe.send("ready")
    while (seconds := pipe.recv()) is not None:
        begin, steps = time.monotonic(), 0
        while time.monotonic() < begin + seconds:
            collector._play(EPSILON)
            steps += settings.steps * settings.num_envs
        pipe.send(steps / (time.monotonic() - begin))


Result = TypeVar("Result")


class Parts(NamedTuple):
    """Microseconds of each part of a step in each round, and the sizes of what is sent."""

    microseconds: dict[str, list[float]]
    bytes_per_step: float
    weight_bytes: int
    weights_microseconds: float


def measure_parts(
    settings: CollectorSettings, replay: ReplayBuffer, learner: Learner, rounds: int
) -> Parts:
    """Time each part of a collector's work in this process, one chunk after the other."""
    import ray

    collector = Collector(settings, 0)
    writer = ChunkWriter(replay, settings.num_envs)
    weights = learner.acting_weights()
    times: dict[str, list[float]] = {part: [] for part in _PARTS}
    steps = settings.steps * settings.num_envs
    sizes, puts = [], []
    acting = Stopwatch(collector._greedy_actions)
    collector._greedy_actions = acting  # type: ignore[method-assign]
    for sequence in range(rounds):
        request = Request(0, sequence, 0, EPSILON)
        reading = Stopwatch(collector._chunks)
        collector._chunks = reading  # type: ignore[method-assign]
        acting.seconds = 0.0
        whole, chunks = timed(lambda request=request: collector.collect(weights, request))
        collector._chunks = reading.call
        put, stored = timed(lambda chunks=chunks: ray.put(chunks))
        got, arrived = timed(lambda stored=stored: ray.get(stored))
        wrote, _ = timed(lambda request=request, arrived=arrived: writer.write(0, request, arrived))
        rest = whole - acting.seconds - reading.seconds
        spent = (acting.seconds, rest, reading.seconds, put, got, wrote)
        if sequence:  # the first one loads weights and begins the games
            for part, seconds in zip(_PARTS, spent, strict=True):
                times[part].append(1e6 * seconds / steps)
            sizes.append(chunks.data.nbytes / steps)
        puts.append(timed(lambda: ray.put(learner.acting_weights()))[0])
    weight_bytes = sum(array.nbytes for array in weights.values())
    return Parts(times, statistics.mean(sizes), weight_bytes, 1e6 * statistics.median(puts))


class Stopwatch:
    """A function that sums up the seconds of its calls."""

    def __init__(self, call: Callable[..., object]) -> None:
        self.call = call
        self.seconds = 0.0

    def __call__(self, *arguments: object) -> object:
        seconds, result = timed(lambda: self.call(*arguments))
        self.seconds += seconds
        return result


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def measure_rates(
    contenders: dict[str, Callable[[float], float]], seconds: float, rounds: int
) -> dict[str, list[float]]:
    """Return the steps per second of each contender in each round, in turns."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders.items())
    for _, contender in order:
        contender(min(seconds, 5.0))
    for _ in range(rounds):
        for name, contender in order:
            rates[name].append(contender(seconds))
        order.reverse()
    return rates


def report(config: TrainConfig, rates: dict[str, list[float]], parts: Parts, seconds: float) -> str:
    rounds = len(rates["Ray"])
    ratios = [one / other for one, other in zip(rates["Ray"], rates["none"], strict=True)]
    lines = [
        "# Collectors on Ray",
        "",
        f"{conditions(['framering', 'torch', 'ray'])}; {config.env_id}, {config.collectors} "
        f"collectors of {config.collector_envs} games, chunks of {config.collector_steps} steps of "
        f"each game, ε {EPSILON}, the network of 2015 on one thread each; nothing is learned "
        f"meanwhile. Medians of {rounds} rounds of {seconds:.0f} s in turns, with the lowest and "
        "the highest. Written by `python benchmarks/collectors.py`.",
        "",
        "| who plays | steps/s |",
        "|---|---:|",
        f"| {config.collectors} collectors on Ray, chunks written by this process | "
        f"{spread(rates['Ray'], ',.0f')} |",
        f"| as many processes without Ray, which send nothing | {spread(rates['none'], ',.0f')} |",
        f"| ratio | {spread(ratios, '.2f')} |",
        "",
        "The process that writes the chunks shares the cores with the collectors.",
        "",
        "## A step, part by part",
        "",
        f"Each part alone, in one process, one chunk after the other: microseconds of a step, of "
        f"{len(parts.microseconds['act'])} chunks.",
        "",
        "| part | where | µs a step |",
        "|---|---|---:|",
    ]
    where = dict.fromkeys(_PARTS, "collector") | dict.fromkeys(_PARTS[4:], "learner")
    for part, found in parts.microseconds.items():
        lines.append(f"| {part} | {where[part]} | {spread(found, '.1f')} |")
    lines += [
        "",
        f"A step takes {parts.bytes_per_step:,.0f} bytes in a chunk. The weights take "
        f"{parts.weight_bytes / 1e6:.1f} MB, and to copy and put them "
        f"{parts.weights_microseconds / 1000:.1f} ms.",
        "",
        *arithmetic(config, statistics.median(rates["Ray"]) / config.collectors, parts),
    ]
    return "\n".join(lines)


def arithmetic(config: TrainConfig, rate: float, parts: Parts) -> list[str]:
    """Return a table of what more collectors would take, if each costs what was measured."""
    medians = {part: statistics.median(found) for part, found in parts.microseconds.items()}
    write = medians["ray.get"] + medians["write_chunk"]
    chunk = parts.bytes_per_step * config.collector_envs * config.collector_steps
    lines = [
        "## More collectors: arithmetic, not measured",
        "",
        f"Each collector plays {rate:,.0f} steps/s on a core of its own, as above; a machine has "
        f"{MACHINE_CORES} cores; the weights are put once a second and go to each machine once; "
        f"two chunks of each collector wait in the object store.",
        "",
        "| collectors | steps/s | chunks to the learner | weights to the machines | cores that "
        "reading and writing chunks take of the learner | object store |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for number in (1, 16, 256, 1024):
        steps, machines = number * rate, -(-number // MACHINE_CORES)
        lines.append(
            f"| {number:,} | {steps:,.0f} | {steps * parts.bytes_per_step / 1e6:,.2f} MB/s | "
            f"{machines * parts.weight_bytes / 1e6:,.0f} MB/s | {steps * write / 1e6:.2f} | "
            f"{2 * number * chunk / 1e6:,.1f} MB |"
        )
    return [
        *lines,
        "",
        f"One process that does nothing else would read and write {1e6 / write:,.0f} steps/s: "
        f"those of {1e6 / write / rate:,.0f} collectors.",
        "",
    ]


def spread(values: list[float], form: str) -> str:
    low, middle, high = (
        format(value, form) for value in (min(values), statistics.median(values), max(values))
    )
    return f"{middle} ({low} to {high})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env-id", default="BreakoutNoFrameskip-v4")
    parser.add_argument("--collectors", type=int, default=2)
    parser.add_argument("--games", type=int, default=8, help="of each collector")
    parser.add_argument("--steps", type=int, default=TrainConfig.collector_steps)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of results")
    arguments = parser.parse_args()
    config = TrainConfig(
        env_id=arguments.env_id,
        collectors=arguments.collectors,
        collector_envs=arguments.games,
        collector_steps=arguments.steps,
        buffer_size=100_000,
        device="cpu",
    )
    task = make_task_spec(config.env_id)
    learner = make_learner(config, task)
    settings = collector_settings(config, network_options(config))
    with ExitStack() as stack:
        # The object store has room for the weights that are put in turn.
        stack.enter_context(closing(RaySession("", config.collectors, 500 << 20)))
        parts = measure_parts(settings, make_replay(config, task), learner, 10 * arguments.rounds)
        plain = WithoutRay(settings, learner.acting_weights(), config.collectors)
        stack.enter_context(closing(plain))
        on_ray = stack.enter_context(closing(OnRay(config, task, learner)))
        rates = measure_rates({"Ray": on_ray, "none": plain}, arguments.seconds, arguments.rounds)
    text = report(config, rates, parts, arguments.seconds)
    (arguments.output / "collectors.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
