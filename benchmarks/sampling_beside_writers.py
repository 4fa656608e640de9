"""Batches of 32 sampled while a worker writes at full speed, compared with the ring at rest.

The worker has a core of its own, and the sampler another: this is what sampling beside writers
costs where a core is free for it.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from framering import AtariVectorEnv, ReplayBuffer

GAMES, BATCH, STEPS = 8, 32, 300


class Sampling(NamedTuple):
    """Median batches per second, and the number of draws that a writer had overrun."""

    still: float
    while_writing: float
    ratio: float
    draws: int
    overruns: int


def sampling_beside_writers(game: str, rounds: int) -> Sampling:
    """Measure sampling during STEPS steps a round, and as many batches of the ring at rest."""
    observations = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    draws = np.random.default_rng(0)
    # 500 transitions per game are so few that the writer laps the ring many times.
    replay = ReplayBuffer(
        500 * GAMES,
        observations,
        gymnasium.spaces.Discrete(4),
        "cpu",
        n_envs=GAMES,
        seed=0,
        shared=True,
    )
    envs = AtariVectorEnv(
        f"{game}NoFrameskip-v4", GAMES, 1, replay=replay, autoreset_mode="SameStep"
    )
    sampler: Any = replay._sampler

    def seconds_of(samples: int) -> list[float]:
        times = []
        for _ in range(samples):
            begin = time.perf_counter()
            replay.sample(BATCH)
            times.append(time.perf_counter() - begin)
        return times

    def while_stepping(sample: Callable[[int], list[float]]) -> list[float]:
        times: list[float] = []
        for _ in range(STEPS):
            before = replay.ring.published().sum()
            envs.send(draws.integers(4, size=GAMES))
            while replay.ring.published().sum() < before + GAMES:
                times += sample(4)
            envs.recv()
        return times

    with closing(envs):
        envs.reset(seed=0)
        for _ in range(600):
            envs.step(draws.integers(4, size=GAMES))
        seconds_of(100)
        pairs = []
        number = 0
        before = sampler.overruns
        for _ in range(rounds):
            writing = while_stepping(seconds_of)
            number += len(writing) * BATCH
            still = seconds_of(len(writing))
            pairs.append((1 / statistics.mean(still), 1 / statistics.mean(writing)))
        return Sampling(
            still=statistics.median(still for still, _ in pairs),
            while_writing=statistics.median(writing for _, writing in pairs),
            ratio=statistics.median(writing / still for still, writing in pairs),
            draws=number,
            overruns=sampler.overruns - before,
        )
