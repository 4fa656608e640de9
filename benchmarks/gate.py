"""The ratios that must not grow: each measured in turns in this process, with a bound.

    python benchmarks/gate.py [--only NAME ...]

fails where a ratio is above its bound three times. The bounds are far above what a noisy machine
shows, so that only a change of the code meets them; the results have the exact ratios.
"""

import argparse
import copy
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ale_py
import cv2
import numpy as np
import torch
from ale_py import roms
from torch.nn import functional

import cleanrl_loop
from bare_gather import BareGather
from framering import AtariVectorEnv, QNetwork, resize_area
from framering.dqn.learner import Learner
from framering.profiling.in_turns import Block, in_turns, median_time, repeated
from recorded_games import SIDE, STACK, breakout
from replay_contenders import FRAMERING, fill, make
from update_costs import make_batch

TRIES = 3
OURS, BARE = "framering", "bare"


class Check(NamedTuple):
    """A ratio with its bound.

    Attributes
    ----------
    title
        What is compared with what.
    blocks
        Makes the blocks OURS and BARE.
    rounds
        Rounds of a measurement.
    usual
        The ratio on an idle machine.
    bound
        The highest ratio that passes.
    """

    title: str
    blocks: Callable[[], Mapping[str, Block]]
    rounds: int
    usual: float
    bound: float

    def measure(self, blocks: Mapping[str, Block]) -> float:
        """Return the median ratio over the rounds."""
        return in_turns(blocks, self.rounds).ratio(OURS, BARE).median


def gather() -> dict[str, Block]:
    transitions, batch = 20_000, 32
    buffer = make(FRAMERING, transitions)
    fill(buffer, breakout().play(), transitions)
    bare = BareGather(transitions, batch, SIDE * SIDE, STACK)
    return {OURS: repeated(lambda: buffer.sample(batch), 50), BARE: repeated(bare, 50)}


def shrink() -> dict[str, Block]:
    image = np.random.default_rng(0).integers(0, 256, (210, 160), np.uint8)
    ours, theirs = np.empty((84, 84), np.uint8), np.empty((84, 84), np.uint8)
    return {
        OURS: repeated(lambda: resize_area(image, (84, 84), out=ours), 200),
        BARE: repeated(
            lambda: cv2.resize(image, (84, 84), theirs, interpolation=cv2.INTER_AREA), 200
        ),
    }


def emulation() -> dict[str, Block]:
    """Eight games of Pong in this process: no core is needed but its own."""
    games, steps = 8, 15
    envs = AtariVectorEnv("PongNoFrameskip-v4", games, 0, order="gymnasium")
    envs.reset(seed=1)
    draws = np.random.default_rng(1)
    consoles = [console() for _ in range(games)]
    actions = consoles[0].getMinimalActionSet()

    def bare(choices: Any) -> None:
        for ale, choice in zip(consoles, choices, strict=True):
            for _ in range(4):
                ale.act(actions[choice])
            if ale.game_over():
                ale.reset_game()

    def block(call: Callable[..., object]) -> Block:
        return lambda: median_time(call, ((a,) for a in draws.integers(6, size=(steps, games))))

    return {OURS: block(envs.step), BARE: block(bare)}


def console() -> Any:
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.loadROM(roms.get_rom_path("pong"))
    ale.reset_game()
    return ale


def update() -> dict[str, Block]:
    """The update beside forward and backward passes and Adam of the plain network."""
    batch = make_batch()
    torch.manual_seed(1)
    learner = Learner(QNetwork(6), learning_rate=1e-4, gamma=0.99, device=torch.device("cpu"))
    network = cleanrl_loop.QNetwork(6)
    target = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    observations, following = batch.observations.contiguous(), batch.next_observations.contiguous()

    def bare() -> None:
        with torch.no_grad():
            goal = target(following).max(dim=1).values
        loss = functional.mse_loss(network(observations).max(dim=1).values, goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return {OURS: repeated(lambda: learner.update(batch), 3), BARE: repeated(bare, 3)}


CHECKS = {
    "gather": Check("sample(32) / a bare memcpy gather", gather, 9, 0.75, 2.0),
    "shrink": Check("resize to 84×84 / cv2.resize", shrink, 15, 0.15, 0.45),
    "emulation": Check("a step of AtariVectorEnv / bare emulation", emulation, 15, 1.05, 2.0),
    "update": Check("an update / the plain network's kernels", update, 7, 0.66, 1.5),
}


def passes(check: Check, report: Callable[[str], None]) -> bool:
    """Measure a ratio, again where it is above its bound; return whether the best is within."""
    blocks = check.blocks()
    best = float("inf")
    for _ in range(TRIES):
        best = min(best, check.measure(blocks))
        if best <= check.bound:
            break
    limits = f"usually {check.usual:.2f}, at most {check.bound:.2f}"
    verdict = "ok" if best <= check.bound else "TOO SLOW"
    report(f"{check.title}: {best:.2f} ({limits}) {verdict}")
    return best <= check.bound


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=list(CHECKS), choices=CHECKS, metavar="NAME")
    arguments = parser.parse_args()
    begin = time.perf_counter()
    torch.set_num_threads(1)
    results = [passes(CHECKS[name], print) for name in arguments.only]
    seconds = time.perf_counter() - begin
    print(f"{sum(results)} of {len(results)} within their bounds, in {seconds:.0f} s")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
