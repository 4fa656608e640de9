"""Workers killed at random moments, every transition checked against an emulator of its own."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from framering import AtariVectorEnv, ReplayBuffer
from framering.atari.emulator import AtariEmulator

GAMES = 4
WORKERS = 2
SECONDS = float(os.environ.get("FRAMERING_KILL_SECONDS", "15"))
# A slow machine gets more seconds for them.
KILLS = 5


class Shadow:
    """The same game in this process: what a lane must show, and every transition it may hold."""

    def __init__(self, envs: AtariVectorEnv) -> None:
        self._emulator = AtariEmulator(envs.settings)
        self._frame = np.empty(envs.settings.frame_shape, np.uint8)
        self.stack = np.empty(envs.single_observation_space.shape, np.uint8)
        self.transitions: set[int] = set()

    def reset(self, seed: int | None) -> None:
        self._emulator.reset(self._frame, seed)
        self.stack[:] = self._frame

    def step(self, action: int) -> tuple[float, bool]:
        before = self.stack.copy()
        step = self._emulator.step(action, self._frame)
        self.stack[:-1] = before[1:]
        self.stack[-1] = self._frame
        self.transitions.add(key(before, action, step.reward, step.terminated, self.stack))
        return step.reward, step.terminated or step.truncated


def key(obs: Any, action: int, reward: float, terminated: bool, next_obs: Any) -> int:
    return hash((obs.tobytes(), int(action), float(reward), bool(terminated), next_obs.tobytes()))


class Killer(threading.Thread):
    """Kills one worker after another, each at a random moment after the last one was replaced."""

    def __init__(self, victims: Callable[[], list[int]]) -> None:
        super().__init__()
        self.kills = 0
        self.done = threading.Event()
        self.stepped = threading.Event()
        self._victims = victims

    def goes_on(self, seconds: float) -> bool:
        """Whether there is more to see after so many seconds."""
        return seconds < SECONDS or (self.kills < KILLS and seconds < 10 * SECONDS)

    def run(self) -> None:
        draws = np.random.default_rng(0)
        while not self.done.wait(draws.uniform(0, 1)):
            try:
                os.kill(self._victims()[draws.integers(WORKERS)], signal.SIGKILL)
            except ProcessLookupError:
                # Dead, and not replaced yet: the game that was received came from its predecessor.
                continue
            self.kills += 1
            self.stepped.clear()
            self.stepped.wait(30)


def test_no_transition_is_wrong_however_workers_are_killed(worker_ids: Any) -> None:
    envs, replay = make()
    shadows = [Shadow(envs) for _ in range(GAMES)]
    draws = np.random.default_rng(0)
    observations, _ = envs.reset(seed=0)
    for lane, shadow in enumerate(shadows):
        shadow.reset(lane)
        np.testing.assert_array_equal(observations[lane], shadow.stack)
    killer = Killer(lambda: worker_ids(envs))
    killer.start()
    start = time.monotonic()
    restarts = sampled = steps = 0
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            while killer.goes_on(time.monotonic() - start):
                actions = draws.integers(4, size=GAMES)
                observations, rewards, *_, infos = envs.step(actions)
                killer.stepped.set()
                steps += 1
                restarted = infos.get("worker_restarted", np.zeros(GAMES, bool))
                restarts += restarted.sum()
                for lane, shadow in enumerate(shadows):
                    reward, ended = shadow.step(actions[lane])
                    if restarted[lane]:
                        shadow.reset(int(envs._stepper.executor.columns.seed[lane]))
                    else:
                        assert rewards[lane] == reward
                        if ended:
                            np.testing.assert_array_equal(infos["final_obs"][lane], shadow.stack)
                            shadow.reset(None)
                    np.testing.assert_array_equal(observations[lane], shadow.stack)
                if steps % 5 == 0:
                    sampled += check_sample(replay, shadows)
    finally:
        killer.done.set()
        killer.stepped.set()
        killer.join()
        envs.close()
    assert killer.kills >= KILLS
    assert len(caught) >= killer.kills - WORKERS
    assert all("killed by SIGKILL" in str(warning.message) for warning in caught)
    assert restarts > 0
    assert sampled > 0
    print(f"{killer.kills} kills, {steps} steps of {GAMES} games, {sampled} sampled, 0 wrong")


def test_no_transition_of_asynchronous_games_is_wrong_however_workers_are_killed(
    worker_ids: Any,
) -> None:
    envs, replay = make(batch_size=2)
    shadows = [Shadow(envs) for _ in range(GAMES)]
    draws = np.random.default_rng(0)
    envs.async_reset(seed=0)
    for lane, shadow in enumerate(shadows):
        shadow.reset(lane)
    sent: dict[int, int] = {}
    killer = Killer(lambda: worker_ids(envs))
    killer.start()
    start = time.monotonic()
    restarts = received = 0
    sampled: set[int] = set()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            while killer.goes_on(time.monotonic() - start):
                observations, rewards, *_, infos = envs.recv()
                received += 1
                restarted = infos.get("worker_restarted", np.zeros(2, bool))
                restarts += restarted.sum()
                # Other games may be received before the new worker has finished anything.
                if restarted.any():
                    killer.stepped.set()
                for row, lane in enumerate(infos["env_id"].tolist()):
                    shadow = shadows[lane]
                    if lane in sent:
                        reward, ended = shadow.step(sent[lane])
                        if restarted[row]:
                            shadow.reset(int(envs._stepper.columns.seed[lane]))
                        else:
                            assert rewards[row] == reward
                            if ended:
                                final = infos["final_obs"][row]
                                np.testing.assert_array_equal(final, shadow.stack)
                                shadow.reset(None)
                    np.testing.assert_array_equal(observations[row], shadow.stack)
                    sent[lane] = int(draws.integers(4))
                envs.send([sent[lane] for lane in infos["env_id"].tolist()], infos["env_id"])
                if received % 5 == 0 and len(replay) > 64:
                    sampled |= sample_keys(replay)
    finally:
        killer.done.set()
        killer.stepped.set()
        killer.join()
        envs.close()
    assert killer.kills >= KILLS
    assert len(caught) >= killer.kills - WORKERS
    assert all("killed by SIGKILL" in str(warning.message) for warning in caught)
    assert restarts > 0
    # A step can be sampled before it is received.
    for lane, shadow in enumerate(shadows):
        shadow.step(sent[lane])
    assert len(sampled) > 100
    assert sampled <= set.union(*(shadow.transitions for shadow in shadows))
    print(f"{killer.kills} kills, {received} batches, {len(sampled)} sampled, 0 wrong")


def make(batch_size: int | None = None) -> tuple[AtariVectorEnv, ReplayBuffer]:
    space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    replay = ReplayBuffer(
        2000, space, gymnasium.spaces.Discrete(4), "cpu", n_envs=GAMES, seed=0, shared=True
    )
    envs = AtariVectorEnv(
        "BreakoutNoFrameskip-v4",
        GAMES,
        WORKERS,
        replay=replay,
        autoreset_mode="SameStep",
        batch_size=batch_size,
    )
    return envs, replay


def check_sample(replay: ReplayBuffer, shadows: list[Shadow]) -> int:
    """Sample a batch; each of its transitions must be one that some game could have made."""
    for found in sample_keys(replay):
        assert any(found in shadow.transitions for shadow in shadows)
    return 64


def sample_keys(replay: ReplayBuffer) -> set[int]:
    batch = replay.sample(64)
    columns = (batch.observations, batch.actions, batch.rewards, batch.dones)
    return {
        key(obs, action[0], reward[0], done[0], next_obs)
        for obs, action, reward, done, next_obs in zip(
            *(column.numpy() for column in (*columns, batch.next_observations)), strict=True
        )
    }
