"""A gradient step and a greedy action beside CleanRL's: ``framering bench --only train``."""

import copy

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from torch.nn import functional

import cleanrl_loop
from framering import QNetwork
from framering.dqn.learner import Learner, greedy_actions
from framering.replay.buffer import ReplayBuffer

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 30, "arguments": []}


@pytest.fixture(scope="module")
def batch():
    replay = ReplayBuffer(1000, Box(0, 255, (4, 84, 84), np.uint8), Discrete(4), "cpu", seed=1)
    stack = np.random.default_rng(1).integers(0, 256, (1, 4, 84, 84), np.uint8)
    for step in range(200):
        following = np.concatenate([stack[:, 1:], np.roll(stack[:, -1:], step, axis=3)], axis=1)
        replay.add(stack, following, np.array([step % 4]), np.ones(1), np.zeros(1, bool), [{}])
        stack = following
    return replay.sample(32)


def cleanrl_update(batch):
    network = cleanrl_loop.QNetwork(4)
    target = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def update():
        with torch.no_grad():
            best, _ = target(batch.next_observations).max(dim=1)
            goal = batch.rewards.flatten() + 0.99 * best * (1 - batch.dones.flatten())
        values = network(batch.observations).gather(1, batch.actions).squeeze()
        loss = functional.mse_loss(goal, values)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return update


def our_update(batch, compiled):
    learner = Learner(
        QNetwork(4), learning_rate=1e-4, gamma=0.99, device=torch.device("cpu"), compiled=compiled
    )
    return lambda: learner.update(batch)


@pytest.mark.benchmark(group="update of 32")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler has its own
@pytest.mark.parametrize("library", ["cleanrl", "framering", "framering compiled"])
def test_time_of_a_gradient_step(benchmark, batch, library):
    update = (
        cleanrl_update(batch) if library == "cleanrl" else our_update(batch, "compiled" in library)
    )
    update()
    benchmark.pedantic(update, rounds=40, warmup_rounds=3)


@pytest.mark.benchmark(group="greedy action")
@pytest.mark.parametrize("library", ["cleanrl", "framering"])
def test_time_of_a_greedy_action(benchmark, library):
    observations = np.random.default_rng(1).integers(0, 256, (1, 4, 84, 84), np.uint8)
    if library == "framering":
        network = QNetwork(4).to(memory_format=torch.channels_last)
        benchmark(greedy_actions, network, observations)
    else:
        network = cleanrl_loop.QNetwork(4)
        benchmark(lambda: torch.argmax(network(torch.Tensor(observations)), dim=1).cpu().numpy())
