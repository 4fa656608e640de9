"""The description of a task: an environment's id and its preprocessed spaces."""

import dataclasses
import importlib
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from framering.atari.emulator import AtariEmulator
from framering.atari.registry import find_spec, is_atari, settings_for
from framering.errors import ConfigError
from framering.replay.spaces import observation_spec
from framering.training.preprocessing import STACK_SIZE, preprocess


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """An environment's id and spaces, known before one is made for training.

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
    terminal_on_life_loss, repeat_action_probability
        For Atari: see `framering.atari.settings.AtariSettings`; None: the id's own probability.
    """

    env_id: str
    is_atari: bool
    observation_space: Box
    action_space: Discrete
    terminal_on_life_loss: bool = True
    repeat_action_probability: float | None = None

    @property
    def num_actions(self) -> int:
        """The number of actions."""
        return int(self.action_space.n)

    @property
    def frame_side(self) -> int:
        """Pixels of the longer side of a frame; 0 for observations that are no images."""
        return max(self.observation_space.shape[1:], default=0)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame of an image stack, or of one whole observation that is none."""
        return observation_spec(self.observation_space, None).frame_bytes

    @property
    def has_encoded_frames(self) -> bool:
        """Whether a replay buffer stores the frames encoded (as what changed), not raw."""
        return observation_spec(self.observation_space, None).row_bytes > 0


class TaskSettings(Protocol):
    """Settings of a run that describe its task; see `make_task_spec`."""

    @property
    def env_id(self) -> str:
        """The environment's id."""

    @property
    def screen_size(self) -> int:
        """Pixels of a side of the frames."""

    @property
    def terminal_on_life_loss(self) -> bool:
        """Whether a lost life ends an episode."""

    @property
    def repeat_action_probability(self) -> float | None:
        """The probability of sticky actions, or None for the id's own."""


def task_of(settings: TaskSettings) -> TaskSpec:
    """Describe the task of a run; raises as `make_task_spec` does."""
    return make_task_spec(
        settings.env_id,
        settings.screen_size,
        terminal_on_life_loss=settings.terminal_on_life_loss,
        repeat_action_probability=settings.repeat_action_probability,
    )


def make_task_spec(
    env_id: str,
    screen_size: int = 84,
    *,
    terminal_on_life_loss: bool = True,
    repeat_action_probability: float | None = None,
) -> TaskSpec:
    """Describe the task of an environment's id.

    Parameters
    ----------
    env_id
        Its id in Gymnasium's registry; ``module:id`` imports a module first.
    screen_size
        Pixels of a side of the square frames that images are shrunk to.
    terminal_on_life_loss, repeat_action_probability
        For Atari: see `framering.atari.settings.AtariSettings`; None: the id's own probability.

    Raises
    ------
    ConfigError
        If the id is unknown (the message suggests the nearest), the environment needs a package
        that is missing, its actions aren't Discrete from 0, its observations suit no network (see
        `framering.training.preprocessing.preprocess`), or the screen is smaller than asked.
    """
    name = _registered_id(env_id)
    if is_atari(name):
        task = _atari_task(name, screen_size)
        return dataclasses.replace(
            task,
            terminal_on_life_loss=terminal_on_life_loss,
            repeat_action_probability=repeat_action_probability,
        )
    if not terminal_on_life_loss or repeat_action_probability is not None:
        raise ConfigError(
            f"--env-id: expected an Atari game beside --no-terminal-on-life-loss and "
            f"--repeat-action-probability, got {env_id}: leave them out"
        )
    environment = _make(env_id, name)
    try:
        actions = _discrete(environment.action_space)
        observations = preprocess(environment, screen_size).observation_space
    except ConfigError as error:
        raise ConfigError(f"--env-id {env_id}: {error}") from error
    finally:
        environment.close()
    assert isinstance(observations, Box)  # preprocessing leaves no other space
    return TaskSpec(name, False, observations, actions)


def why_no_pictures(task: TaskSpec) -> str | None:
    """Return why an environment renders no pictures for videos, or None where it does."""
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


def _atari_task(env_id: str, screen_size: int) -> TaskSpec:
    emulator = AtariEmulator(settings_for(env_id))
    height, width = emulator.screen_shape[:2]
    if not 1 <= screen_size <= min(height, width):
        raise ConfigError(
            f"--screen-size: expected 1 to {min(height, width)} pixels, because frames are shrunk "
            f"from {height}×{width}; got {screen_size}"
        )
    observations = Box(0, 255, (STACK_SIZE, screen_size, screen_size), np.uint8)
    return TaskSpec(env_id, True, observations, Discrete(emulator.num_actions))


def _registered_id(env_id: str) -> str:
    """Import the module that an id names (``module:id``); return the id found in the registry."""
    module, _, name = env_id.rpartition(":")
    if module:
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever the module raises
            raise ConfigError(
                f"--env-id {env_id}: expected a module to import before the colon, "
                f"got {module!r} ({type(error).__name__}: {error})"
            ) from error
    try:
        return find_spec(name).id
    except ValueError as error:
        raise ConfigError(f"--env-id {env_id}: {error}") from error


def _discrete(actions: Space[Any]) -> Discrete:
    if not isinstance(actions, Discrete) or actions.start != 0:
        raise ConfigError(f"DQN needs Discrete actions: expected Discrete(n) from 0, got {actions}")
    return actions


def _make(env_id: str, name: str) -> gymnasium.Env[Any, Any]:
    try:
        return gymnasium.make(name)
    except (gymnasium.error.Error, ImportError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"--env-id {env_id}: Gymnasium can't make it: {reason}") from error
