"""Sampling batches of 32 while every emulator writes flat out, beside sampling a still ring.

pytest benchmarks/test_bench_vector_sampling.py --benchmark-only

It tells something where a core is free for the sampler: the environments take all but one.
"""

import os
import threading

import gymnasium
import numpy as np
import pytest

from framering import AtariVectorEnv, ReplayBuffer

GAMES = 8
WORKERS = max(1, len(os.sched_getaffinity(0)) - 1)
BATCH = 32


@pytest.mark.benchmark(group=f"sample({BATCH}) beside {GAMES} games in {WORKERS} workers")
@pytest.mark.parametrize("emulators", ["still", "flat out"])
def test_sample_while_workers_write(benchmark, emulators):
    space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    actions = gymnasium.spaces.Discrete(4)
    replay = ReplayBuffer(20_000, space, actions, "cpu", n_envs=GAMES, seed=0, shared=True)
    envs = AtariVectorEnv(
        "BreakoutNoFrameskip-v4", GAMES, WORKERS, replay=replay, autoreset_mode="SameStep"
    )
    envs.reset(seed=0)
    draws = np.random.default_rng(0)
    for _ in range(300):
        envs.step(draws.integers(4, size=GAMES))
    stop = threading.Event()

    def step():
        while not stop.is_set():
            envs.step(draws.integers(4, size=GAMES))

    stepping = threading.Thread(target=step)
    if emulators == "flat out":
        stepping.start()
    try:
        benchmark.pedantic(replay.sample, (BATCH,), rounds=200, iterations=20, warmup_rounds=5)
    finally:
        stop.set()
        if stepping.ident is not None:
            stepping.join()
        envs.close()
