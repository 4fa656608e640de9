"""AtariVectorEnv beside ALE's, EnvPool's and Gymnasium's, and beside emulation alone.

pytest benchmarks/test_bench_vector_env.py --benchmark-only

All take the same preprocessing (no-op starts, FIRE, four frames a step, gray maximum, 84x84, stacks
of four, clipped rewards, whole games) and the same random actions. A round is STEPS steps of every
game; the summary gives steps of single games a second.
"""

import itertools
import multiprocessing
import os

import ale_py
import gymnasium
import numpy as np
import pytest
from ale_py import roms
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

from framering import AtariVectorEnv

gymnasium.register_envs(ale_py)
CORES = len(os.sched_getaffinity(0))
STEPS = 100
ROUNDS = 12
GAMES = ["Breakout", "Pong"]
WHOLE_GAMES = {"order": "gymnasium", "terminal_on_life_loss": False}


def framering_envs(game, num_envs, num_workers=None):
    return AtariVectorEnv(f"{game}NoFrameskip-v4", num_envs, num_workers, **WHOLE_GAMES)


def ale_envs(game, num_envs):
    threads = min(CORES, num_envs)
    return ale_py.AtariVectorEnv(game.lower(), num_envs=num_envs, num_threads=threads)


def envpool_envs(game, num_envs):
    envpool = pytest.importorskip("envpool")
    threads = min(CORES, num_envs)
    return envpool.make_gymnasium(
        f"{game}-v5", num_envs=num_envs, num_threads=threads, reward_clip=True
    )


def gymnasium_env(game):
    env = AtariPreprocessing(gymnasium.make(f"{game}NoFrameskip-v4"))
    return FrameStackObservation(env, 4)


def gymnasium_async_envs(game, num_envs):
    return gymnasium.vector.AsyncVectorEnv([lambda: gymnasium_env(game)] * num_envs)


class VectorSteps:
    """Steps any vector environment with the same random actions."""

    def __init__(self, envs, num_envs, num_actions):
        self._envs = envs
        draws = np.random.default_rng(1)
        self._actions = itertools.cycle(draws.integers(num_actions, size=(1000, num_envs)))
        envs.reset()

    def __call__(self):
        for actions in itertools.islice(self._actions, STEPS):
            self._envs.step(actions)

    def close(self):
        self._envs.close()


class SingleSteps:
    """Steps Gymnasium's single environment, resetting it where its episodes end."""

    def __init__(self, game):
        self._env = gymnasium_env(game)
        draws = np.random.default_rng(1)
        self._actions = itertools.cycle(draws.integers(self._env.action_space.n, size=1000))
        self._env.reset()

    def __call__(self):
        for action in itertools.islice(self._actions, STEPS):
            *_, terminated, truncated, _ = self._env.step(action)
            if terminated or truncated:
                self._env.reset()

    def close(self):
        self._env.close()


def emulate(game, connection):
    """Act, four frames a step, and nothing else, for as many steps as the connection asks."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.loadROM(roms.get_rom_path(game.lower()))
    ale.reset_game()
    actions = ale.getMinimalActionSet()
    choices = itertools.cycle(np.random.default_rng(1).integers(len(actions), size=1000).tolist())
    while steps := connection.recv():
        for choice in itertools.islice(choices, steps):
            for _ in range(4):
                ale.act(actions[choice])
            if ale.game_over():
                ale.reset_game()
        connection.send(steps)


class BareEmulation:
    """As many bare emulators as can run at once, each with its share of the steps."""

    def __init__(self, game, num_envs):
        self._processes = min(CORES, num_envs)
        self._steps = STEPS * num_envs // self._processes
        context = multiprocessing.get_context("spawn")
        self._connections, self._workers = [], []
        for _ in range(self._processes):
            here, there = context.Pipe()
            worker = context.Process(target=emulate, args=(game, there), daemon=True)
            worker.start()
            self._connections.append(here)
            self._workers.append(worker)

    def __call__(self):
        for connection in self._connections:
            connection.send(self._steps)
        for connection in self._connections:
            connection.recv()

    def close(self):
        for connection in self._connections:
            connection.send(0)
        for worker in self._workers:
            worker.join()


def contender(who, game, num_envs):
    if who == "emulation alone":
        return BareEmulation(game, num_envs)
    if who == "gymnasium single":
        return SingleSteps(game)
    make = {
        "framering": framering_envs,
        "framering in process": lambda game, num_envs: framering_envs(game, num_envs, 0),
        "ALE vector": ale_envs,
        "EnvPool": envpool_envs,
        "gymnasium async": gymnasium_async_envs,
    }[who]
    num_actions = {"Breakout": 4, "Pong": 6}[game]
    return VectorSteps(make(game, num_envs), num_envs, num_actions)


def measure(benchmark, who, steps, num_envs):
    benchmark.extra_info.update(label=who, env_steps=STEPS * num_envs)
    try:
        benchmark.pedantic(steps, rounds=ROUNDS, warmup_rounds=1)
    finally:
        steps.close()


# NumPy deprecates what ALE does; Python warns of the forks of Gymnasium's vector environment.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "who", ["emulation alone", "framering", "ALE vector", "EnvPool", "gymnasium async"]
)
@pytest.mark.parametrize(
    "game",
    [pytest.param(g, marks=pytest.mark.benchmark(group=f"8 games of {g}")) for g in GAMES],
)
def test_eight_games(benchmark, game, who):
    measure(benchmark, who, contender(who, game, 8), 8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "who",
    ["emulation alone", "framering", "framering in process", "gymnasium single", "ALE vector"],
)
@pytest.mark.parametrize(
    "game",
    [pytest.param(g, marks=pytest.mark.benchmark(group=f"one game of {g}")) for g in GAMES],
)
def test_one_game(benchmark, game, who):
    measure(benchmark, who, contender(who, game, 1), 1)


@pytest.mark.parametrize("num_workers", range(CORES + 1))
@pytest.mark.parametrize("num_envs", [1, 2, 4, 8, 16, 32, 64])
@pytest.mark.benchmark(group="scaling, Breakout")
def test_scaling(benchmark, num_envs, num_workers):
    if num_workers > num_envs:
        pytest.skip("more workers than games")
    steps = VectorSteps(framering_envs("Breakout", num_envs, num_workers), num_envs, 4)
    benchmark.extra_info.update(
        label=f"{num_envs:2} games, {num_workers} workers", env_steps=20 * num_envs
    )

    def twenty():
        for actions in itertools.islice(steps._actions, 20):
            steps._envs.step(actions)

    try:
        benchmark.pedantic(twenty, rounds=8, warmup_rounds=1)
    finally:
        steps.close()
