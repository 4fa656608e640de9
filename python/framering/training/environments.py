"""Environments for training and evaluation, behind one vector interface.

Atari ids get framering's own emulation; every other id is made by Gymnasium. Either way the result
is a vector environment that resets in the same step (Gymnasium's ``AutoresetMode.SAME_STEP``),
writes each transition into the replay memory that it was given, and reports finished games in
``infos["episode"]``.
"""

import dataclasses
import importlib
import math
import os
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper
from gymnasium.wrappers import (
    FlattenObservation,
    FrameStackObservation,
    RecordEpisodeStatistics,
    TransformObservation,
)
from numpy.typing import NDArray

from framering._core import resize_area, rgb_to_gray
from framering.atari.emulator import AtariEmulator
from framering.atari.registry import find_spec, is_atari, settings_for
from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.replay.buffer import ReplayBuffer
from framering.vector.env import AtariVectorEnv

_STACK = 4

Environment = gymnasium.Env[Any, Any]
Vector = VectorEnv[Any, Any, Any]


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What there is to know of an environment before one is made for training.

    Attributes
    ----------
    env_id
        Its id in Gymnasium's registry.
    is_atari
        Whether it is one of ALE's games.
    observation_space
        The space of preprocessed, stacked observations.
    action_space
        Its actions.
    """

    env_id: str
    is_atari: bool
    observation_space: Box
    action_space: Discrete

    @property
    def frame_side(self) -> int:
        """Pixels of the longer side of a frame (of images)."""
        return max(self.observation_space.shape[1:], default=0)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame of an image stack, or of one whole observation that is none."""
        stack, *frame = self.observation_space.shape
        pixels = math.prod(frame) if len(frame) == 2 else math.prod((stack, *frame))
        return pixels * self.observation_space.dtype.itemsize


def make_task_spec(env_id: str, screen_size: int = 84) -> TaskSpec:
    """Look an environment up by its id.

    Parameters
    ----------
    env_id
        Its id in Gymnasium's registry; ``module:id`` imports a module first.
    screen_size
        Pixels of a side of the square frames that pictures are shrunk to.

    Raises
    ------
    ConfigError
        If the id is unknown (the message suggests the nearest), or the actions aren't Discrete.
    """
    name = _registered(env_id)
    if is_atari(name):
        actions = Discrete(AtariEmulator(settings_for(name)).num_actions)
        return TaskSpec(
            name, True, Box(0, 255, (_STACK, screen_size, screen_size), np.uint8), actions
        )
    environment = gymnasium.make(name)
    space = environment.action_space
    if not isinstance(space, Discrete) or space.start != 0:
        raise ConfigError(
            f"--env-id {env_id} has the action space {space}; DQN needs Discrete actions from 0"
        )
    observations = _preprocess(environment, screen_size).observation_space
    assert isinstance(observations, Box)  # preprocessing leaves no other space
    environment.close()
    return TaskSpec(name, False, observations, space)


def why_no_pictures(task: TaskSpec) -> str | None:
    """Try whether an environment gives pictures for videos; if not, return the reason."""
    if task.is_atari:
        return None
    if "rgb_array" not in gymnasium.make(task.env_id).metadata.get("render_modes", []):
        return f"{task.env_id} has no render mode rgb_array"
    environment = gymnasium.make(task.env_id, render_mode="rgb_array")
    try:
        environment.reset()
        environment.render()
    except gymnasium.error.DependencyNotInstalled as error:
        return str(error)
    finally:
        environment.close()
    return None


def make_training_environments(config: TrainConfig, task: TaskSpec, replay: ReplayBuffer) -> Any:
    """Make environments that write each of their transitions into a replay memory.

    Beside a vector environment's methods they have ``send`` and ``recv``, the two halves of
    ``step``.
    """
    mode = "rgb_array" if config.capture_video else None
    if task.is_atari:
        return AtariVectorEnv(
            task.env_id,
            config.num_envs,
            num_workers=num_workers(config),
            replay=replay,
            order="cleanrl",
            screen_size=task.frame_side,
            autoreset_mode=AutoresetMode.SAME_STEP,
            render_mode=mode,
        )
    return ReplayRecorder(_gymnasium_vector(task, config.num_envs, mode), replay)


def num_workers(config: TrainConfig) -> int | None:
    """Return how many processes emulate, or None where this one and others share it.

    Unless the settings say: this process alone steps one environment, and takes its share of
    several, except where it learns while they are stepped.
    """
    if config.num_workers is not None:
        return config.num_workers
    if config.num_envs == 1:
        return 0
    return min(len(os.sched_getaffinity(0)), config.num_envs) if config.pipelined else None


def make_evaluation_environments(task: TaskSpec, *, num_envs: int, render: bool = False) -> Vector:
    """Make environments as training sees them, without a replay memory."""
    mode = "rgb_array" if render else None
    if task.is_atari:
        return AtariVectorEnv(
            task.env_id,
            num_envs,
            num_workers=0,
            order="cleanrl",
            screen_size=task.frame_side,
            autoreset_mode=AutoresetMode.SAME_STEP,
            render_mode=mode,
        )
    return EpisodeInfos(_gymnasium_vector(task, num_envs, mode))


class EpisodeInfos(VectorWrapper[Any, Any, Any, Any, Any]):
    """Reports finished games in ``infos["episode"]``, where AtariVectorEnv has them too."""

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step; ``infos["episode"]`` has arrays r, l and t, valid where ``infos["_episode"]``."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if "episode" in infos.get("final_info", {}):
            infos["episode"] = infos["final_info"]["episode"]
            infos["_episode"] = infos["final_info"]["_episode"]
        return observations, rewards, terminations, truncations, infos


class ReplayRecorder(EpisodeInfos):
    """Adds every transition of a vector environment to a replay memory.

    The next observation of a step that ends an episode is the true final one, not the first of
    the episode after it; only terminations are stored as done.
    """

    def __init__(self, env: Vector, replay: ReplayBuffer) -> None:
        super().__init__(env)
        self._replay = replay
        self._observations: NDArray[Any] = np.empty(0)
        self._sent: NDArray[np.int64] = np.empty(0, np.int64)

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Reset; the first transition starts from what this returns."""
        self._observations, infos = self.env.reset(**arguments)
        return self._observations, infos

    def send(self, actions: NDArray[np.int64]) -> None:
        """Take the actions; Gymnasium's environments step in ``recv``."""
        self._sent = actions

    def recv(self) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Make the step that ``send`` began."""
        return self.step(self._sent)

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step, and add the transitions."""
        observations, rewards, terminations, truncations, infos = super().step(actions)
        arrived = observations
        if "final_obs" in infos:
            arrived = observations.copy()
            for index in np.flatnonzero(infos["_final_obs"]):
                arrived[index] = infos["final_obs"][index]
        nothing: list[dict[str, Any]] = [{}] * self.num_envs
        self._replay.add(self._observations, arrived, actions, rewards, terminations, nothing)
        self._observations = observations
        return observations, rewards, terminations, truncations, infos


def _registered(env_id: str) -> str:
    """Import the module that an id names (``module:id``); return the id, found in the registry."""
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        return find_spec(name).id
    except (ImportError, ValueError) as error:
        raise ConfigError(f"--env-id {env_id}: {error}") from None


def _gymnasium_vector(task: TaskSpec, num_envs: int, render_mode: str | None) -> Vector:
    def make() -> Environment:
        options: dict[str, Any] = {"render_mode": render_mode} if render_mode else {}
        environment = gymnasium.make(task.env_id, **options)
        return _preprocess(RecordEpisodeStatistics(environment), task.frame_side)

    return SyncVectorEnv([make] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)


def _preprocess(environment: Environment, screen_size: int) -> Environment:
    """Turn images into stacks of four gray frames no larger than asked, all else into vectors."""
    space = environment.observation_space
    if isinstance(space, Box) and space.dtype == np.uint8 and len(space.shape) in (2, 3):
        height, width = (min(side, screen_size) for side in space.shape[:2])
        frame = Box(0, 255, (height, width), np.uint8)
        to_frame = _frame_maker(space.shape, (height, width))
        return FrameStackObservation(TransformObservation(environment, to_frame, frame), _STACK)
    if not isinstance(space, Box):
        return FlattenObservation(environment)
    return environment


def _frame_maker(
    source: tuple[int, ...], size: tuple[int, int]
) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    colors = source[2] if len(source) == 3 else 1
    if colors not in (1, 3):
        raise ConfigError(
            f"images of shape {source} can't be preprocessed: expected (height, width), "
            "(height, width, 1) or (height, width, 3)"
        )

    def frame(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        image = np.ascontiguousarray(image)
        gray = rgb_to_gray(image) if colors == 3 else image.reshape(source[:2])
        return gray if gray.shape == size else resize_area(gray, size)

    return frame
