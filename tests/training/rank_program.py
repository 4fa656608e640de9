"""Programs that the tests of ranks run in several processes: ``rank_program.py NAME JSON``."""

import json
import os
import runpy
import signal
import sys
from collections import namedtuple
from pathlib import Path

import torch

from framering import TrainConfig, train
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions, make_network
from framering.training.launch import current_ranks

Batch = namedtuple(
    "Batch", "observations actions next_observations dones rewards discounts weights"
)
ROWS = 8
# Learners by name: options of the network and of the learner, and fields of the batches.
LEARNERS = {
    "dqn": ({}, {}, ()),
    "images": ({}, {}, ()),
    "huber": ({"huber": True}, {}, ()),
    "double": ({}, {"double": True}, ()),
    "munchausen": ({}, {"munchausen": True}, ()),
    "c51": ({"head": "c51", "dueling": True}, {}, ()),
    "qr-dqn": ({"head": "qr-dqn", "n_quantiles": 11}, {}, ()),
    "prioritized": ({}, {}, ("weights",)),
    "n-step": ({}, {}, ("discounts",)),
    "clipped": ({}, {"max_grad_norm": 0.05}, ()),
    "compiled": ({}, {"compiled": True}, ()),
}


def batches(name, number=6):
    """Yield batches of ROWS transitions, the same in each process."""
    generator = torch.Generator().manual_seed(1)
    fields = LEARNERS[name][2]
    shape = (2, 36, 36) if name == "images" else (6,)

    def column():
        return torch.rand(ROWS, 1, generator=generator)

    for _ in range(number):
        observations, following = (torch.randn(ROWS, *shape, generator=generator) for _ in "ab")
        discounts, weights = column(), column()
        yield Batch(
            observations,
            torch.randint(3, (ROWS, 1), generator=generator),
            following,
            (column() < 0.2).float(),
            5 * column(),
            discounts if "discounts" in fields else None,
            weights if "weights" in fields else None,
        )


def make_learner(name, average_gradients=None):
    network, options, _ = LEARNERS[name]
    torch.manual_seed(3)
    shape = (2, 36, 36) if name == "images" else (6,)
    return Learner(
        make_network(shape, 3, NetworkOptions(**network)),
        learning_rate=1e-2,
        adam_eps=1e-3,  # a smaller one makes much of the rounding of small gradients
        gamma=0.9,
        device=torch.device("cpu"),
        average_gradients=average_gradients,
        **options,
    )


def updated(name, average_gradients=None, rows=slice(None)):
    """Return a learner's state after some updates with these rows of each batch."""
    learner = make_learner(name, average_gradients)
    for number, whole in enumerate(batches(name)):
        learner.update(rows_of(whole, rows))
        if number == 2:
            learner.update_target(0.5)
    return learner.state_dict()


def rows_of(batch, rows):
    return Batch(*(None if part is None else part[rows] for part in batch))


def resume_learner(folder):
    """Save the states of a learner that was updated, and of one that went on halfway."""
    with current_ranks() as ranks:
        rows = slice(2 * ranks.rank, 2 * ranks.rank + 2)
        shares = [rows_of(whole, rows) for whole in batches("images")]
        whole, stopped, resumed = (
            make_learner("images", ranks.average_gradients) for _ in range(3)
        )
        for share in shares:
            whole.update(share)
        for share in shares[:3]:
            stopped.update(share)
        resumed.load_state_dict(stopped.state_dict())
        for share in shares[3:]:
            resumed.update(share)
        for name, learner in {"whole": whole, "resumed": resumed}.items():
            torch.save(learner.q_network.state_dict(), Path(folder) / f"{name}-{ranks.rank}.pt")


def update_learners(folder):
    """Save the state of each learner that has had this rank's half of each batch."""
    with current_ranks() as ranks:
        half = ROWS // ranks.size
        rows = slice(ranks.rank * half, (ranks.rank + 1) * half)
        for name in LEARNERS:
            state = updated(name, ranks.average_gradients, rows)
            torch.save(state, Path(folder) / f"{name}-{ranks.rank}.pt")


def train_ranks(config, name="", at=0, rank=1, number=signal.SIGTERM, total=None, imported=None):
    """Train; after a step, send a signal to a rank. Save each rank's weights."""
    own_rank = int(os.environ["RANK"])
    if imported:
        runpy.run_path(imported)

    def on_step(steps):
        if steps == at and own_rank == rank:
            os.kill(os.getpid(), number)

    result = train(TrainConfig(**config), on_step, total_timesteps=total)
    saved = {
        "weights": result.q_network.state_dict(),
        "steps": result.steps,
        "interrupted": result.interrupted,
        "evaluation": result.evaluation,
        "folder": str(result.folder),
    }
    torch.save(saved, f"{name}-{own_rank}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    programs = (update_learners, resume_learner, train_ranks)
    {program.__name__: program for program in programs}[sys.argv[1]](**json.loads(sys.argv[2]))
