"""Vector environments to compare, and emulation alone, an upper bound for all of them.

All take the same preprocessing (no-op starts, FIRE, four frames a step, gray maximum, 84x84, stacks
of four, clipped rewards, whole games) and the same random actions. Each is called with a number of
steps that all its games make, and closed at the end.
"""

import contextlib
import itertools
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol

import ale_py
import gymnasium
import numpy as np
from ale_py import roms
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

from framering import AtariVectorEnv, TrainConfig, train, tune_process
from framering.cores import usable_cores

gymnasium.register_envs(ale_py)
CORES = usable_cores()


class Contender(Protocol):
    """A set of games that can be stepped."""

    def __call__(self, steps: int) -> None:
        """Step all games the given number of times."""

    def close(self) -> None:
        """Release what the games hold."""


class VectorSteps:
    """Steps any vector environment."""

    def __init__(self, envs: Any, num_envs: int) -> None:
        self._envs = envs
        draws = np.random.default_rng(1)
        num_actions = envs.single_action_space.n if hasattr(envs, "single_action_space") else 4
        self._actions = itertools.cycle(draws.integers(num_actions, size=(1000, num_envs)))
        envs.reset()

    def __call__(self, steps: int) -> None:
        for actions in itertools.islice(self._actions, steps):
            self._envs.step(actions)

    def close(self) -> None:
        self._envs.close()


class AsyncSteps:
    """Steps any asynchronous vector environment: half of its games are received at a time.

    No game is running between two calls.
    """

    def __init__(self, envs: Any, num_envs: int) -> None:
        self._envs = envs
        self._batch_size = batch_size_of(num_envs)
        self._batches = num_envs // self._batch_size
        draws = np.random.default_rng(1)
        num_actions = envs.single_action_space.n if hasattr(envs, "single_action_space") else 4
        shape = (1000, self._batch_size)
        self._actions = itertools.cycle(draws.integers(num_actions, size=shape))
        envs.async_reset()
        self._idle = self._receive_all()

    def __call__(self, steps: int) -> None:
        for env_id in self._idle:
            self._envs.send(next(self._actions), env_id)
        for _ in range((steps - 1) * self._batches):
            *_, infos = self._envs.recv()
            self._envs.send(next(self._actions), infos["env_id"])
        self._idle = self._receive_all()

    def _receive_all(self) -> list[Any]:
        return [np.array(self._envs.recv()[-1]["env_id"]) for _ in range(self._batches)]

    def close(self) -> None:
        self._envs.close()


class SingleSteps:
    """Steps Gymnasium's single environment, and resets it when an episode ends."""

    def __init__(self, game: str) -> None:
        env = AtariPreprocessing(gymnasium.make(f"{game}NoFrameskip-v4"))
        self._env: Any = FrameStackObservation(env, 4)
        draws = np.random.default_rng(1)
        self._actions = itertools.cycle(draws.integers(self._env.action_space.n, size=1000))
        self._env.reset()

    def __call__(self, steps: int) -> None:
        for action in itertools.islice(self._actions, steps):
            *_, terminated, truncated, _ = self._env.step(action)
            if terminated or truncated:
                self._env.reset()

    def close(self) -> None:
        self._env.close()


class TrainingLoop:
    """The loop of ``framering train`` before its first update, in a process of its own.

    In the asynchronous mode, games that were started at the end of a call finish after it.
    """

    def __init__(self, game: str, num_envs: int, *, async_envs: bool) -> None:
        self._num_envs = num_envs
        self._connection, there = multiprocessing.Pipe()
        config = TrainConfig(
            env_id=f"{game}NoFrameskip-v4",
            num_envs=num_envs,
            async_envs=async_envs,
            terminal_on_life_loss=False,
            start_e=1.0,
            end_e=1.0,
            learning_starts=10**9,
            total_timesteps=10**9,
            buffer_size=20_000,
        )
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=collect, args=(config, there))
        self._process.start()

    def __call__(self, steps: int) -> None:
        self._connection.send(steps * self._num_envs)
        self._connection.recv()

    def close(self) -> None:
        self._connection.send(0)
        self._process.join()


def collect(config: TrainConfig, connection: "Connection[int, int]") -> None:
    """Take the numbers of steps that the connection receives in a training loop, until it is 0."""
    end = 0

    def on_step(step: int) -> None:
        nonlocal end
        if step >= end:
            if end:
                connection.send(step)
            steps = connection.recv()
            if not steps:
                sys.exit()
            end = step + steps

    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        os.chdir(folder)
        with contextlib.redirect_stdout(nowhere):
            tune_process(config)
            train(config, on_step)


class BareEmulation:
    """Steps one bare emulator per core, each with its share of the steps.

    They act, four frames a step, and start new games, and nothing else: no screen is looked at,
    nobody waits for anybody, and a game begins without no-ops.
    """

    def __init__(self, game: str, num_envs: int) -> None:
        self._num_envs = num_envs
        context = multiprocessing.get_context("spawn")
        self._connections, self._workers = [], []
        for _ in range(min(CORES, num_envs)):
            here, there = context.Pipe()
            worker = context.Process(target=emulate, args=(game, there), daemon=True)
            worker.start()
            self._connections.append(here)
            self._workers.append(worker)

    def __call__(self, steps: int) -> None:
        for connection in self._connections:
            connection.send(steps * self._num_envs // len(self._connections))
        for connection in self._connections:
            connection.recv()

    def close(self) -> None:
        for connection in self._connections:
            connection.send(0)
        for worker in self._workers:
            worker.join()


def emulate(game: str, connection: "Connection[int, int]") -> None:
    """Emulate the numbers of steps that the connection receives, until it receives 0."""
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


def batch_size_of(num_envs: int) -> int:
    """Return how many games are received at a time, a divisor of their number."""
    return max(num_envs // 2, 1)


def framering(game: str, num_envs: int, num_workers: int | None = None) -> Contender:
    return VectorSteps(make_framering(game, num_envs, num_workers), num_envs)


def framering_async(game: str, num_envs: int, num_workers: int | None = None) -> Contender:
    envs = make_framering(game, num_envs, num_workers, batch_size=batch_size_of(num_envs))
    return AsyncSteps(envs, num_envs)


def make_framering(
    game: str, num_envs: int, num_workers: int | None, batch_size: int | None = None
) -> AtariVectorEnv:
    return AtariVectorEnv(
        f"{game}NoFrameskip-v4",
        num_envs,
        num_workers,
        batch_size=batch_size,
        order="gymnasium",
        terminal_on_life_loss=False,
    )


def ale(game: str, num_envs: int) -> Contender:
    threads = min(CORES, num_envs)
    envs = ale_py.AtariVectorEnv(game.lower(), num_envs=num_envs, num_threads=threads)
    return VectorSteps(envs, num_envs)


def envpool(game: str, num_envs: int) -> Contender:
    return VectorSteps(make_envpool(game, num_envs, num_envs), num_envs)


def envpool_async(game: str, num_envs: int) -> Contender:
    return AsyncSteps(make_envpool(game, num_envs, batch_size_of(num_envs)), num_envs)


def make_envpool(game: str, num_envs: int, batch_size: int) -> Any:
    import envpool

    return envpool.make_gymnasium(
        f"{game}-v5",
        num_envs=num_envs,
        batch_size=batch_size,
        num_threads=min(CORES, num_envs),
        reward_clip=True,
    )


def gymnasium_single(game: str, num_envs: int) -> Contender:
    assert num_envs == 1
    return SingleSteps(game)


def training(game: str, num_envs: int) -> Contender:
    return TrainingLoop(game, num_envs, async_envs=False)


def training_async(game: str, num_envs: int) -> Contender:
    return TrainingLoop(game, num_envs, async_envs=True)


Make = Callable[[str, int], Contender]
EMULATION = "emulation alone"
ASYNC = "framering, asynchronous"
TRAINING = ["framering train", "framering train --async-envs"]
MAKERS: dict[str, Make] = {
    EMULATION: BareEmulation,
    "framering": framering,
    ASYNC: framering_async,
    TRAINING[0]: training,
    TRAINING[1]: training_async,
    "ALE's AtariVectorEnv": ale,
    "EnvPool": envpool,
    "EnvPool, asynchronous": envpool_async,
    "Gymnasium, one environment": gymnasium_single,
}
