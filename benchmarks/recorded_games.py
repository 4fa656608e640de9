"""Frames of Atari games, recorded once and played into replay buffers in a loop."""

import functools
import itertools
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import gymnasium
import numpy as np
import numpy.typing as npt

from framering import AtariVectorEnv, resize_area

Array = npt.NDArray[Any]
AddArguments = tuple[Array, Array, Array, Array, Array, list[dict[str, Any]]]

NOISE = "noise"
STACK, SIDE = 4, 84
STEPS = 25_000
EPSILON = 0.05


class Source(NamedTuple):
    """A game, played at random or by a trained network; or noise.

    Attributes
    ----------
    game
        Its name, or `NOISE`.
    model
        The network's weights; or a text file, the actions that an agent took (see
        `replayed_actions`); or None.
    """

    game: str
    model: Path | None = None

    @property
    def title(self) -> str:
        return f"{self.game}, trained" if self.model else self.game

    def path(self, cache: Path) -> Path:
        """Return the file of its recording."""
        player = f"{zlib.crc32(self.model.read_bytes()):08x}" if self.model else "random"
        return cache / f"{self.game}-{player}-{STEPS}.npz"


class Recording(NamedTuple):
    """Transitions of whole episodes; each episode's first frame is there as often as in its stack.

    Attributes
    ----------
    frames
        uint8 ``(number, 84, 84)``.
    starts
        The index of the first frame of each transition's observation.
    actions, rewards, dones
        Of each transition. The last transition counts as the end of an episode.
    """

    frames: Array
    starts: Array
    actions: Array
    rewards: Array
    dones: Array

    def play(self, done_dtype: npt.DTypeLike = np.bool_) -> Iterator[AddArguments]:
        """Yield the arguments of `add` for one environment, endlessly."""
        dones = self.dones.astype(done_dtype)
        infos: list[dict[str, Any]] = [{}]
        starts = self.starts.tolist()
        for index in itertools.cycle(range(len(starts))):
            start, row = starts[index], slice(index, index + 1)
            yield (
                self.frames[None, start : start + STACK],
                self.frames[None, start + 1 : start + 1 + STACK],
                self.actions[row],
                self.rewards[row],
                dones[row],
                infos,
            )


def load(source: Source, cache: Path) -> Recording:
    """Load a recording; make it first where the cache does not have it."""
    if source.game == NOISE:
        return noise(STEPS)
    path = source.path(cache)
    if not path.exists():
        replayed = source.model is not None and source.model.suffix == ".txt"
        recording = (record_replayed if replayed else record)(source.game, STEPS, source.model)
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(partial, **recording._asdict())
        partial.replace(path)
    with np.load(path) as arrays:
        return Recording(*(arrays[name] for name in Recording._fields))


@functools.cache
def breakout() -> Recording:
    """Record a short random play of Breakout, for benchmarks of one game."""
    return record("Breakout", 5_000)


def noise(steps: int) -> Recording:
    """Make frames of random bytes, in one episode."""
    draws = np.random.default_rng(0)
    shape = (steps + STACK, SIDE, SIDE)
    frames = draws.integers(0, 256, shape, np.uint8)
    ends = np.arange(steps) == steps - 1
    return Recording(
        frames, np.arange(steps), draws.integers(0, 6, steps), np.zeros(steps, np.float32), ends
    )


def record(game: str, steps: int, model: Path | None = None, seed: int = 1) -> Recording:
    """Play a game with CleanRL's preprocessing, and record its frames."""
    envs: Any = AtariVectorEnv(f"{game}NoFrameskip-v4", 1, 0, autoreset_mode="SameStep")
    choose = _policy(model, int(envs.single_action_space.n), seed)
    obs, _ = envs.reset(seed=seed)
    frames, records = list(obs[0]), []
    for _ in range(steps):
        start = len(frames) - STACK
        action = choose(obs)
        obs, rewards, terminations, truncations, infos = envs.step(action)
        done = bool(terminations[0] or truncations[0])
        frames.append(infos["final_obs"][0][-1] if done else obs[0, -1])
        records.append((start, action[0], rewards[0], done))
        if done:
            frames += list(obs[0])
    envs.close()
    starts, actions, rewards, dones = map(np.array, zip(*records, strict=True))
    dones[-1] = True
    return Recording(np.stack(frames), starts, actions, rewards.astype(np.float32), dones)


def record_replayed(game: str, steps: int, actions: Path) -> Recording:
    """Record the frames of games that an agent has played, by its actions.

    Frames are preprocessed as `record` does it.
    """
    emulator: Any = gymnasium.make(f"{game}NoFrameskip-v4", max_episode_steps=10**9)
    frames: list[Array] = []
    records = []
    for first, taken in replayed_actions(actions):
        screen, _ = emulator.reset()
        for action in first:
            screen, *_ = emulator.step(action)
        frames += [_shrink(screen)] * STACK
        for step in taken:
            rewards, screens = zip(*(emulator.step(action)[1::-1] for action in step), strict=True)
            records.append((len(frames) - STACK, step[0], np.sign(sum(rewards)), False))
            frames.append(_shrink(np.maximum.reduce(screens[-2:])))
            if len(records) == steps:
                break
        records[-1] = (*records[-1][:3], True)
        if len(records) == steps:
            break
    emulator.close()
    starts, played, rewards, dones = map(np.array, zip(*records, strict=True))
    return Recording(np.stack(frames), starts, played, rewards.astype(np.float32), dones)


def replayed_actions(path: Path) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield the actions of each game that an agent has played.

    The file is one of github.com/khurramjaved96/atari-prediction-benchmark (Javed et al. 2023): a
    letter is the action of one frame, ``a`` is action 0, and ``R`` a reset. An agent's action
    lasts four frames, or until the game ends; before its first one are the frames of the reset.

    Yields
    ------
    tuple
        The actions of the reset's frames, and those of each step's frames.
    """
    for game in path.read_bytes().split(b"R")[1:]:
        actions = bytes(letter - ord("a") for letter in game)
        steps = [[actions[i : i + 4] for i in range(first, len(actions), 4)] for first in range(4)]
        # The steps begin where most of them have one action.
        first = max(range(4), key=lambda first: sum(len(set(step)) == 1 for step in steps[first]))
        yield actions[:first], steps[first]


def _shrink(screen: Array) -> Array:
    return resize_area(cv2.cvtColor(screen, cv2.COLOR_RGB2GRAY), (SIDE, SIDE))


def _policy(model: Path | None, num_actions: int, seed: int) -> Callable[[Array], Array]:
    draws = np.random.default_rng(seed)
    if model is None:
        return lambda obs: draws.integers(num_actions, size=1)

    from framering.dqn.exploration import EpsilonGreedy
    from framering.dqn.learner import greedy_actions
    from framering.dqn.weights import load_network

    network = load_network(model, (STACK, SIDE, SIDE), num_actions)
    policy = EpsilonGreedy(num_actions, 1, seed)
    return lambda obs: policy.actions(obs, EPSILON, lambda batch: greedy_actions(network, batch))
