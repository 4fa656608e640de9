"""What each part of the algorithm costs: milliseconds of an update and of an action, in turns.

    python benchmarks/update_costs.py
    python benchmarks/update_costs.py --rounds 5 --parts dqn c51

times gradient steps on one batch of 32 with each part alone, as ``framering train`` makes them
without ``--compile``, and writes update_costs.md to the folder of results.
"""

import argparse
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from framering import TrainConfig, tune_process
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions, make_network
from framering.profiling.in_turns import Times, in_turns, repeated
from machine import conditions

FOLDER = Path(__file__).parent / "results"
ACTIONS = 6


class Part(NamedTuple):
    """Settings of the network and of the learner."""

    network: Mapping[str, Any] = MappingProxyType({})
    learner: Mapping[str, Any] = MappingProxyType({})


PARTS = {
    "dqn": Part(),
    "double": Part(learner={"double": True}),
    "dueling": Part({"dueling": True}),
    "munchausen": Part(learner={"munchausen": True}),
    "augment": Part(learner={"augment": True}),
    "noisy": Part({"noisy": True}),
    "layer-norm": Part({"layer_norm": True}),
    "c51": Part({"head": "c51"}),
    "qr-dqn": Part({"head": "qr-dqn"}),
    "iqn": Part({"head": "iqn"}),
    "rainbow": Part({"head": "c51", "dueling": True, "noisy": True}, {"double": True}),
    "nips": Part({"architecture": "nips"}),
    "data-efficient": Part({"architecture": "data-efficient"}),
    "impala": Part({"architecture": "impala"}),
}


class Batch(NamedTuple):
    """A batch of 32 transitions of Atari's shape, and one observation to act on."""

    observations: torch.Tensor
    next_observations: torch.Tensor
    actions: torch.Tensor
    rewards: torch.Tensor
    dones: torch.Tensor
    discounts: None
    observation: NDArray[np.uint8]


def make_batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (32, 5, 84, 84), dtype=torch.uint8, generator=generator)
    return Batch(
        frames[:, :4],
        frames[:, 1:],
        torch.randint(0, ACTIONS, (32, 1), generator=generator),
        torch.randn(32, 1, generator=generator).sign(),
        (torch.rand(32, 1, generator=generator) < 0.1).float(),
        None,
        frames[:1, :4].numpy(),
    )


def make_learner(part: Part) -> Learner:
    torch.manual_seed(1)
    network = make_network((4, 84, 84), ACTIONS, NetworkOptions(**part.network))
    device = torch.device("cpu")
    return Learner(network, learning_rate=1e-4, gamma=0.99, device=device, **part.learner)


def report(updates: Times, actions: Times, rounds: int) -> str:
    lines = [
        "# What each part of the algorithm costs",
        "",
        f"{conditions(['framering', 'torch'])}, "
        f"{torch.get_num_threads()} threads of torch; a batch of 32, {ACTIONS} actions, float32; "
        f"medians of {rounds} rounds in turns, ratios to plain DQN of each round, with the lowest "
        "and the highest. Written by `python benchmarks/update_costs.py`.",
        "",
        "| part | ms an update | / dqn | ms a greedy action | / dqn |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in updates.names:
        cells = [name]
        for times in (updates, actions):
            ratio = times.ratio(name, "dqn")
            cells += [
                f"{times.of(name).median / 1000:.2f}",
                f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS, metavar="PART")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of results")
    arguments = parser.parse_args()
    tune_process(TrainConfig())  # as framering train does
    batch = make_batch()
    names = list(dict.fromkeys(["dqn", *arguments.parts]))
    learners = {name: make_learner(PARTS[name]) for name in names}
    updates = in_turns(
        {
            name: repeated(functools.partial(learner.update, batch), 10)
            for name, learner in learners.items()
        },
        arguments.rounds,
    )
    actions = in_turns(
        {
            name: repeated(functools.partial(learner.greedy_actions, batch.observation), 30)
            for name, learner in learners.items()
        },
        arguments.rounds,
    )
    text = report(updates, actions, arguments.rounds)
    (arguments.output / "update_costs.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
