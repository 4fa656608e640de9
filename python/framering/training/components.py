"""The components of a run, made from its settings."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from framering.config import TrainConfig
from framering.device import has_fast_bfloat16
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions, make_network
from framering.errors import ConfigError
from framering.replay.buffer import ReplayBuffer
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.training.collectors.environments import CollectedEnvironments
from framering.training.environments import TrainingEnvironments, make_training_environments
from framering.training.preflight import memory_limit, run_device, uses_bfloat16
from framering.training.ranks import Ranks
from framering.training.task import TaskSpec
from framering.training.workers import worker_count


@dataclasses.dataclass(frozen=True)
class Components:
    """The objects that a run consists of.

    Attributes
    ----------
    replay
        The replay buffer.
    envs
        The environments, which write into it.
    learner
        The networks and their optimiser.
    exploration
        The behaviour policy.
    ranks
        The ranks of the run; the other components are those of this one.
    """

    replay: ReplayBuffer
    envs: TrainingEnvironments | CollectedEnvironments
    learner: Learner
    exploration: EpsilonGreedy
    ranks: Ranks

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all components but the replay buffer, which is saved as a stream.

        After the first rank, the learner's is that of its random generator: ranks share the rest.
        """
        learner = self.learner.state_dict()
        return {
            "learner": learner if self.ranks.is_first else {"generator": learner["generator"]},
            "exploration": self.exploration.state_dict(),
            "environments": self.envs.state_dict(),
        }


def make_components(
    config: TrainConfig, task: TaskSpec, replay: ReplayBuffer, ranks: Ranks
) -> Components:
    """Make a run's components around its replay buffer, from the settings of this rank's share.

    A resumed run's buffer must be full by then: the environments go on where it ends.
    """
    return Components(
        replay=replay,
        envs=(
            CollectedEnvironments(config, task, network_options(config), replay)
            if config.collectors
            else make_training_environments(config, task, replay)
        ),
        learner=make_learner(config, task, ranks.average_gradients),
        exploration=EpsilonGreedy(task.num_actions, config.acting_envs, config.seed),
        ranks=ranks,
    )


def make_replay(config: TrainConfig, task: TaskSpec, local_ranks: int = 1) -> ReplayBuffer:
    """Make the replay buffer, in shared memory where worker processes write it.

    ``local_ranks`` of them share the machine's memory.
    """
    kind = (
        partial(PrioritizedReplayBuffer, alpha=config.alpha, beta=config.beta)
        if config.prioritized
        else ReplayBuffer
    )
    workers = worker_count(config.num_envs, config.num_workers, config.pipelined)
    limit = memory_limit(config, task, local_ranks)
    try:
        return kind(
            config.buffer_size,
            task.observation_space,
            task.action_space,
            run_device(config),
            n_envs=config.lanes,
            n_step=config.n_step,
            gamma=config.gamma,
            seed=config.seed,
            shared=task.is_atari and workers != 0,
            memory_limit=limit,
        )
    except ValueError as error:
        if limit is None:
            raise
        raise ConfigError(f"--buffer-size {config.buffer_size} does not fit: {error}") from error


def network_options(config: TrainConfig) -> NetworkOptions:
    """Return what the settings make the network of."""
    return NetworkOptions(
        head=config.head,
        architecture=config.network,
        dueling=config.dueling,
        noisy=config.noisy,
        noisy_sigma=config.noisy_sigma,
        layer_norm=config.layer_norm,
        huber=config.huber,
        n_atoms=config.n_atoms,
        v_min=config.v_min,
        v_max=config.v_max,
        n_quantiles=config.n_quantiles,
    )


def make_learner(
    config: TrainConfig,
    task: TaskSpec,
    average_gradients: Callable[[nn.Module], nn.Module] | None = None,
) -> Learner:
    """Make the networks and their optimiser; see `Ranks.average_gradients`."""
    device = run_device(config)
    return Learner(
        make_network(task.observation_space.shape, task.num_actions, network_options(config)),
        learning_rate=config.learning_rate,
        adam_eps=config.adam_eps,
        gamma=config.gamma,
        device=device,
        double=config.double_dqn,
        munchausen=config.munchausen,
        augment=config.augment,
        max_grad_norm=config.max_grad_norm,
        bfloat16=uses_bfloat16(config),
        seed=config.seed,
        act_with_target=config.act_with == "target",
        compiled=config.compile,
        captured=config.capture and device.type == "cuda",
        average_gradients=average_gradients,
    )


def describe(config: TrainConfig, task: TaskSpec, components: Components) -> str:
    """Return a line about which environments, processes, device and threads a run uses."""
    limit = components.replay.memory_limit
    return (
        f"{config.env_id}: {_describe_games(config, task, components.ranks)}; "
        f"{components.learner.device} with {torch.get_num_threads()} torch threads"
        + (", compiled" if config.compile else "")
        + (", captured" if components.learner.captured else "")
        + _describe_precision(config)
        + ("" if limit is None else f"; transitions in at most {limit / 1e9:.1f} GB")
    )


def _describe_games(config: TrainConfig, task: TaskSpec, ranks: Ranks) -> str:
    if config.collectors:
        where = f"the cluster at {config.ray_address}" if config.ray_address else "this machine"
        return f"{config.lanes} environments in {config.collectors} collectors on Ray, on {where}"
    share = ranks.share(config)
    workers = (
        worker_count(share.num_envs, share.num_workers, share.pipelined) if task.is_atari else 0
    )
    environments = "1 environment" if share.num_envs == 1 else f"{share.num_envs} environments"
    if ranks.size > 1:
        environments = (
            f"{config.num_envs} environments in {ranks.size} ranks, each with {environments}"
        )
    emulation = {
        0: "in this process",
        1: "in a worker process",
        None: "in one process a core, including this one",
    }.get(workers, f"in {workers} worker processes")
    order = "while learning" if config.pipelined else "in turn with learning"
    if config.async_envs:
        order = f"asynchronously ({config.acting_envs} act at once), {order}"
    return f"{environments} {emulation}, {order}"


def _describe_precision(config: TrainConfig) -> str:
    if not uses_bfloat16(config):
        return ""
    if has_fast_bfloat16(run_device(config)):
        return ", bfloat16"
    return ", bfloat16 without instructions for it (slow; --precision auto is faster)"
