"""Making the parts of a run from its settings."""

import dataclasses
from functools import partial
from typing import Any

import torch

from framering._core import keep_freed_memory
from framering.config import TrainConfig
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.dqn.network import make_network
from framering.replay.buffer import ReplayBuffer
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.training.checkpoint import Checkpoint
from framering.training.environments import TaskSpec, make_training_environments, num_workers
from framering.training.prefetch import BatchPrefetcher
from framering.training.preflight import run_device


@dataclasses.dataclass(frozen=True)
class Components:
    """What a run is made of.

    Attributes
    ----------
    replay
        The replay memory.
    envs
        The environments, which write into it.
    learner
        The networks and their optimiser.
    prefetcher
        Batches on their way from the one to the other.
    exploration
        The behaviour policy.
    """

    replay: ReplayBuffer
    envs: Any
    learner: Learner
    prefetcher: BatchPrefetcher
    exploration: EpsilonGreedy


def make_components(
    config: TrainConfig, task: TaskSpec, checkpoint: Checkpoint | None
) -> Components:
    """Make all parts; of a run that is resumed, fill the ring before its writers see it."""
    keep_freed_memory()
    seed_torch(config)
    replay = make_replay(config, task)
    if checkpoint is not None:
        checkpoint.fill(replay)
    return Components(
        replay=replay,
        envs=make_training_environments(config, task, replay),
        learner=make_learner(config, task),
        prefetcher=BatchPrefetcher(replay, config.batch_size),
        exploration=EpsilonGreedy(int(task.action_space.n), config.num_envs, config.seed),
    )


def seed_torch(config: TrainConfig) -> None:
    """Seed torch's generator, which draws the first weights; set threads and determinism."""
    torch.manual_seed(config.seed)
    torch.backends.cudnn.deterministic = config.torch_deterministic
    if config.torch_threads:
        torch.set_num_threads(config.torch_threads)


def make_replay(config: TrainConfig, task: TaskSpec) -> ReplayBuffer:
    """Make the replay memory; in shared memory where processes write it."""
    kind = (
        partial(PrioritizedReplayBuffer, alpha=config.alpha, beta=config.beta)
        if config.prioritized
        else ReplayBuffer
    )
    return kind(
        config.buffer_size,
        task.observation_space,
        task.action_space,
        run_device(config),
        n_envs=config.num_envs,
        handle_timeout_termination=False,
        n_step=config.n_step,
        gamma=config.gamma,
        seed=config.seed,
        shared=task.is_atari and num_workers(config) != 0,
    )


def make_learner(config: TrainConfig, task: TaskSpec) -> Learner:
    """Make the networks and their optimiser."""
    shape, num_actions = task.observation_space.shape, int(task.action_space.n)
    return Learner(
        make_network(shape, num_actions, config.dueling, config.network),
        learning_rate=config.learning_rate,
        gamma=config.gamma,
        device=run_device(config),
        double=config.double_dqn,
        huber=config.huber,
        max_grad_norm=config.max_grad_norm,
        bfloat16=config.precision == "bfloat16",
        act_with_target=config.act_with == "target",
        compiled=config.compile,
    )


def describe(config: TrainConfig, task: TaskSpec, device: torch.device) -> str:
    """Say in a line what will run where."""
    workers = num_workers(config) if task.is_atari else 0
    emulation = {0: "in this process", None: "in a process a core, this one too"}.get(
        workers, f"in {workers} processes"
    )
    order = "while learning" if config.pipelined else "and then learning"
    return (
        f"{config.env_id}, {config.num_envs} stepping {emulation} {order}; "
        f"{device} with {torch.get_num_threads()} torch threads"
        + (", compiled" if config.compile else "")
        + (", bfloat16" if config.precision == "bfloat16" else "")
    )
