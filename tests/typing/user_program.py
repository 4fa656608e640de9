"""A program that uses every public name; mypy checks it and nothing runs it.

Each line that is wrong says which error mypy must find in it: under ``--strict``, an ignored error
that does not occur is itself an error.
"""

from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import assert_type

from framering import (
    AtariPreprocessing,
    AtariVectorEnv,
    PrioritizedReplayBuffer,
    PrioritizedReplayBufferSamples,
    QNetwork,
    ReplayBuffer,
    ReplayBufferSamples,
    TrainConfig,
    cpu_features,
    resize_area,
    train,
    tune_process,
)
from framering.training import TrainResult

space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
actions = gymnasium.spaces.Discrete(4)
image = np.zeros((210, 160), np.uint8)
ones = np.ones(1)


def use_the_replay_buffers(obs: NDArray[np.uint8]) -> None:
    buffer = ReplayBuffer(1000, space, actions, device="cpu", n_envs=1, seed=1)
    buffer.add(obs, obs, ones, ones, ones, [{}])
    assert_type(buffer.sample(32), ReplayBufferSamples)
    assert_type(buffer.size(), int)
    ReplayBuffer("many", space, actions)  # type: ignore[arg-type]
    ReplayBuffer(1000, space, actions, colour=True)  # type: ignore[call-arg]
    buffer.sample("all")  # type: ignore[arg-type]

    prioritized = PrioritizedReplayBuffer(1000, space, actions, alpha=0.6, beta=0.4)
    samples = prioritized.sample(32)
    assert_type(samples, PrioritizedReplayBufferSamples)
    prioritized.update_priorities(samples.indices, samples.weights)
    PrioritizedReplayBuffer(1000, space, actions, alpha="high")  # type: ignore[arg-type]


def use_the_environments(env: gymnasium.Env[Any, Any]) -> None:
    AtariPreprocessing(env, frame_skip=4, grayscale_obs=True)
    AtariPreprocessing(env, frame_skip="four")  # type: ignore[arg-type]

    envs = AtariVectorEnv("BreakoutNoFrameskip-v4", num_envs=2, order="cleanrl")
    observations, infos = envs.reset(seed=1)
    assert_type(observations, NDArray[np.uint8])
    assert_type(infos, dict[str, Any])
    AtariVectorEnv("BreakoutNoFrameskip-v4", order="none")  # type: ignore[arg-type]


def use_the_network() -> None:
    network = QNetwork(num_actions=4)
    assert_type(network.state_dict(), dict[str, Any])
    assert_type(network.forward(torch.zeros(1, 4, 84, 84)), torch.Tensor)
    QNetwork("four")  # type: ignore[arg-type]


def use_the_training() -> None:
    config = TrainConfig(env_id="CartPole-v1", total_timesteps=1000)
    assert_type(config.gamma, float)
    tune_process(config)
    tune_process()  # type: ignore[call-arg]
    assert_type(train(config), TrainResult)
    TrainConfig(env_name="CartPole-v1")  # type: ignore[call-arg]
    train("CartPole-v1")  # type: ignore[arg-type]


def use_the_kernels() -> None:
    assert_type(resize_area(image, (84, 84)), NDArray[np.uint8])
    assert_type(cpu_features(), dict[str, bool | str])
    resize_area(image, 84)  # type: ignore[arg-type]
