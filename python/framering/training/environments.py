"""Environments for training and evaluation, behind one vector interface.

Atari ids get framering's own emulation; every other id is made by Gymnasium. Either way the result
is a vector environment that resets in the same step (Gymnasium's ``AutoresetMode.SAME_STEP``) and
reports finished episodes in ``infos["episode"]``.
"""

from typing import Any, Protocol

import gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics

from framering.config import TrainConfig
from framering.replay.buffer import ReplayBuffer
from framering.training.preprocessing import Environment, preprocess
from framering.training.task import TaskSpec
from framering.training.workers import worker_count
from framering.training.wrappers import EpisodeInfos, ReplayRecorder
from framering.vector.env import AtariVectorEnv

Vector = VectorEnv[Any, Any, Any]


class TrainingEnvironments(Protocol):
    """A vector environment that writes each of its transitions into a replay buffer."""

    def reset(self, *, seed: int) -> tuple[Any, dict[str, Any]]:
        """Begin new episodes; return observations and infos."""

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Take a step in each environment."""

    def send(self, actions: Any, env_id: Any = None) -> None:
        """Start a step, which `recv` ends; of all environments, or of asynchronous ones."""

    def recv(self) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Return the results of the step that `send` started."""

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on from here."""

    def load_state_dict(self, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Go on from a saved state instead of a reset; return observations and infos."""

    def close(self) -> None:
        """Release the environments."""


def make_training_environments(
    config: TrainConfig, task: TaskSpec, replay: ReplayBuffer
) -> TrainingEnvironments:
    """Make environments that write each of their transitions into a replay buffer."""
    mode = "rgb_array" if config.capture_video else None
    if task.is_atari:
        return make_atari_environments(
            task,
            config.num_envs,
            num_workers=worker_count(config.num_envs, config.num_workers, config.pipelined),
            batch_size=config.acting_envs if config.async_envs else None,
            replay=replay,
            render_mode=mode,
        )
    return ReplayRecorder(_gymnasium_vector(task, config.num_envs, mode), replay)


def make_evaluation_environments(task: TaskSpec, *, num_envs: int, render: bool = False) -> Vector:
    """Make environments as training sees them, without a replay buffer."""
    mode = "rgb_array" if render else None
    if task.is_atari:
        return make_atari_environments(task, num_envs, num_workers=0, render_mode=mode)
    return EpisodeInfos(_gymnasium_vector(task, num_envs, mode))


def make_atari_environments(task: TaskSpec, num_envs: int, **options: Any) -> AtariVectorEnv:
    """Make a task's games as a run plays them; the options are further ones of AtariVectorEnv."""
    return AtariVectorEnv(
        task.env_id,
        num_envs,
        order="cleanrl",
        screen_size=task.frame_side,
        terminal_on_life_loss=task.terminal_on_life_loss,
        repeat_action_probability=task.repeat_action_probability,
        autoreset_mode=AutoresetMode.SAME_STEP,
        **options,
    )


def _gymnasium_vector(task: TaskSpec, num_envs: int, render_mode: str | None) -> Vector:
    def make() -> Environment:
        options: dict[str, Any] = {"render_mode": render_mode} if render_mode else {}
        environment = gymnasium.make(task.env_id, **options)
        return preprocess(RecordEpisodeStatistics(environment), task.frame_side)

    return SyncVectorEnv([make] * num_envs, autoreset_mode=AutoresetMode.SAME_STEP)
