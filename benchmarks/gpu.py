"""What framering does on a GPU: are results right, and how fast is each part.

    python benchmarks/gpu.py

takes some five minutes on a machine with one CUDA device, in a checkout with the test extra, and
writes gpu.md to the folder of results. ``--device cpu --seconds 2`` tries the program itself.
"""

import argparse
import contextlib
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete

import cleanrl_loop
from framering import ReplayBuffer, TrainConfig, train
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions, make_network
from framering.profiling.in_turns import in_turns
from machine import conditions

ROOT = Path(__file__).parent.parent
ACTIONS = 6
BATCH = 32
ROUNDS = 9
CALLS = 50
HEADS = ("dqn", "c51", "qr-dqn", "iqn")
COMPILED = ("dqn",)  # torch.compile takes half a minute for each


def make_learner(device: torch.device, head: str = "dqn", **options: Any) -> Learner:
    torch.manual_seed(1)
    network = make_network((4, 84, 84), ACTIONS, NetworkOptions(head=head))
    return Learner(network, learning_rate=1e-4, gamma=0.99, device=device, **options)


def batch_on(device: torch.device) -> SimpleNamespace:
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (BATCH, 5, 84, 84), dtype=torch.uint8, generator=generator)
    return SimpleNamespace(
        observations=frames[:, :4].contiguous().to(device),
        next_observations=frames[:, 1:].contiguous().to(device),
        actions=torch.randint(0, ACTIONS, (BATCH, 1), generator=generator).to(device),
        rewards=torch.randn(BATCH, 1, generator=generator).sign().to(device),
        dones=(torch.rand(BATCH, 1, generator=generator) < 0.1).float().to(device),
        discounts=None,
    )


def cuda_tests(device: torch.device) -> list[str]:
    """Run the tests that need a device."""
    if device.type != "cuda":
        return ["not run: no CUDA device"]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "--no-header", "-rfE", "-n", "8"]
    command += ["--show-capture=no", "tests/dqn", "tests/replay", "tests/training"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    return ["```", *done.stdout.strip().splitlines()[-10:], "```"]


def differences(device: torch.device) -> list[str]:
    """Compare an update with the CPU's, for each head that draws no random numbers."""
    rows = ["| head | loss on the CPU | on the device | largest difference of a weight |"]
    rows.append("|---|---:|---:|---:|")
    for head in HEADS[:3]:
        learners = [make_learner(one, head) for one in (torch.device("cpu"), device)]
        losses = [
            learner.update(batch_on(learner.device)).loss.item()  # type: ignore[arg-type]
            for learner in learners
        ]
        pairs = zip(*(learner.q_network.parameters() for learner in learners), strict=True)
        largest = max((ours.cpu() - theirs.cpu()).abs().max().item() for ours, theirs in pairs)
        rows.append(f"| {head} | {losses[0]:.6f} | {losses[1]:.6f} | {largest:.2e} |")
    return rows


def mean_time(call: Callable[[], object], device: torch.device) -> Callable[[], float]:
    """Return a block of calls, whose mean time includes the device's work for all of them."""

    def block() -> float:
        begin = time.perf_counter()
        for _ in range(CALLS):
            call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return 1e6 * (time.perf_counter() - begin) / CALLS

    return block


def table(calls: dict[str, Callable[[], object]], device: torch.device, unit: str) -> list[str]:
    """Time calls in turns."""
    blocks = {name: mean_time(call, device) for name, call in calls.items()}
    times = in_turns(blocks, ROUNDS)
    first = times.names[0]
    rows = [f"| | {unit} | / {first} |", "|---|---:|---:|"]
    for name in times.names:
        ratio = times.ratio(name, first)
        rows.append(
            f"| {name} | {times.of(name).median / 1000:.3f} | "
            f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) |"
        )
    return rows


def updates(device: torch.device) -> list[str]:
    batch = batch_on(device)
    rows: list[str] = []
    for head in HEADS:
        kinds: dict[str, dict[str, Any]] = {"plain": {}}
        if head in COMPILED:
            kinds["compiled"] = {"compiled": True}
        if device.type == "cuda":
            kinds |= {f"{name}, captured": {**kinds[name], "captured": True} for name in kinds}
            kinds["plain, captured, bfloat16"] = {"captured": True, "bfloat16": True}
        made = {name: make_learner(device, head, **options) for name, options in kinds.items()}
        calls = {name: functools.partial(one.update, batch) for name, one in made.items()}
        for call in calls.values():
            for _ in range(5):
                call()
        rows += [f"{head}:", "", *table(calls, device, "ms an update"), ""]
    return rows


def acting(device: torch.device) -> list[str]:
    rows: list[str] = []
    for games in (1, 8, 32):
        observations = np.zeros((games, 4, 84, 84), np.uint8)
        kinds = {"plain": {}, "captured": {"captured": True}}
        made = {
            name: make_learner(device, **options)
            for name, options in kinds.items()
            if name == "plain" or device.type == "cuda"
        }
        calls = {
            name: functools.partial(one.greedy_actions, observations) for name, one in made.items()
        }
        for call in calls.values():
            for _ in range(5):
                call()
        rows += [f"{games} observations:", "", *table(calls, device, "ms"), ""]
    return rows


def filled_replay(device: torch.device | str) -> ReplayBuffer:
    replay = ReplayBuffer(20_000, Box(0, 255, (4, 84, 84), np.uint8), Discrete(ACTIONS), device)
    rng = np.random.default_rng(1)
    stack = rng.integers(0, 256, (1, 4, 84, 84), np.uint8)
    for step in range(20_000):
        frame = np.roll(stack[:, -1:], 1 + step % 3, axis=3)
        following = np.concatenate([stack[:, 1:], frame], axis=1)
        replay.add(
            stack, following, np.array([step % ACTIONS]), np.ones(1), np.zeros(1, bool), [{}]
        )
        stack = following
    return replay


def transfers(device: torch.device) -> list[str]:
    """Time updates with batches that reach the device in different ways."""
    host, there = filled_replay("cpu"), filled_replay(device)
    captured = {"captured": True} if device.type == "cuda" else {}
    learner = make_learner(device, **captured)

    def pageable() -> None:
        parts = host.sample(BATCH)
        moved = (None if part is None else part.to(device) for part in parts)
        learner.update(type(parts)(*moved))

    calls = {
        "no transfer": functools.partial(learner.update, batch_on(device)),
        "pageable": pageable,
        "pinned": lambda: learner.update(there.sample(BATCH)),
    }
    for call in calls.values():
        for _ in range(5):
            call()
    return table(calls, device, "ms an update")


@contextlib.contextmanager
def utilisation(device: torch.device) -> Iterator[list[float]]:
    """Sample the share of time in which a kernel ran, four times a second, by nvidia-smi."""
    found: list[float] = []
    stop = threading.Event()
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]

    def sample() -> None:
        while device.type == "cuda" and not stop.wait(0.25):
            lines = subprocess.run(query, capture_output=True, text=True, check=False).stdout
            found.extend(float(line) for line in lines.split()[:1])

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


class EnoughError(Exception):
    """Ends a run that was measured for long enough."""


def steps_per_second(loop: Callable[..., object], config: TrainConfig, seconds: float) -> float:
    """Train; return the steps a second after the first updates."""
    marks: list[tuple[int, float]] = []

    def on_step(step: int) -> None:
        now = time.perf_counter()
        if step > config.learning_starts + 100 * config.num_envs:
            marks.append((step, now))
            if now - marks[0][1] > seconds:
                raise EnoughError

    with contextlib.suppress(EnoughError), contextlib.redirect_stdout(open(os.devnull, "w")):
        loop(config, on_step)
    (first, begin), (last, end) = marks[0], marks[-1]
    return (last - first) / (end - begin)


def whole_loops(device: torch.device, seconds: float) -> list[str]:
    kinds: list[tuple[str, Callable[..., object], int, dict[str, Any]]] = [
        ("CleanRL's", cleanrl_loop.train, 1, {}),
        ("framering, --no-capture", train, 1, {"capture": False}),
    ]
    for games in (1, 8, 16, 32, 64):
        kinds.append(("framering", train, games, {}))
        if games > 1:
            kinds.append(("framering, --async-envs", train, games, {"async_envs": True}))
    rows = [
        "| loop | games | steps a second | / CleanRL's | GPU busy |",
        "|---|---:|---:|---:|---:|",
    ]
    first = 0.0
    for name, loop, games, options in kinds:
        config = TrainConfig(
            env_id="BreakoutNoFrameskip-v4",
            device=device.type,  # type: ignore[arg-type]
            cuda=device.type == "cuda",
            num_envs=games,
            learning_starts=2_000,
            buffer_size=100_000,
            start_e=0.01,
            end_e=0.01,
            **options,
        )
        with utilisation(device) as busy:
            speed = steps_per_second(loop, config, seconds)
        first = first or speed
        shown = f"{statistics.fmean(busy):.0f} %" if busy else "–"
        rows.append(f"| {name} | {games} | {speed:,.0f} | {speed / first:.1f} | {shown} |")
    return rows


def report(device: torch.device, seconds: float, output: Path) -> str:
    """Measure everything; write the report anew after each part."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    cuda = f"CUDA {torch.version.cuda}" if device.type == "cuda" else "no CUDA"
    parts = {
        "Tests that need a device": lambda: cuda_tests(device),
        "The first update, beside the CPU's": lambda: differences(device),
        "An update of a batch on the device": lambda: updates(device),
        "Choosing actions": lambda: acting(device),
        "Batches from the replay buffer": lambda: transfers(device),
        "The whole loop, after exploration": lambda: whole_loops(device, seconds),
    }
    text = f"""# framering on a GPU

{name}, {cuda}; {conditions(["framering", "torch"])}.
Batches of {BATCH}; medians of {ROUNDS} rounds in turns of {CALLS} calls, and the ratios of each
round with the lowest and the highest; CleanRL's hyperparameters.
Written by `python benchmarks/gpu.py`.
"""
    for title, measure in parts.items():
        print(title, file=sys.stderr, flush=True)
        text += "\n".join(["", f"## {title}", "", *measure(), ""])
        output.write_text(text)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each whole loop")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("--device: expected a CUDA device that torch finds, got none")
    warnings.simplefilter("ignore")
    output = arguments.output.resolve() / "gpu.md"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # for runs/
        print(report(device, arguments.seconds, output))


if __name__ == "__main__":
    main()
