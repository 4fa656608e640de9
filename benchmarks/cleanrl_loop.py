"""CleanRL's ``dqn_atari.py`` as a function, on today's Gymnasium: the loop to compare with.

Its wrappers, network, buffer and order of operations are CleanRL's; the wrappers and the buffer
come from Stable-Baselines3, which CleanRL has them from. Nothing of framering is used but the
settings.
"""

import random
import tempfile
import time
from collections.abc import Callable
from typing import Any

import ale_py
import cv2
import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.atari_wrappers import (
    ClipRewardEnv,
    EpisodicLifeEnv,
    FireResetEnv,
    MaxAndSkipEnv,
    NoopResetEnv,
)
from stable_baselines3.common.buffers import ReplayBuffer
from torch import nn
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from framering import TrainConfig

gymnasium.register_envs(ale_py)


def make_env(env_id: str, seed: int) -> gymnasium.Env[Any, Any]:
    """Stack CleanRL's wrappers; gray is cv2's, as in the Gymnasium that CleanRL pins."""
    env: Any = gymnasium.make(env_id)
    env = gymnasium.wrappers.RecordEpisodeStatistics(env)
    env = NoopResetEnv(env, noop_max=30)
    env = MaxAndSkipEnv(env, skip=4)
    env = EpisodicLifeEnv(env)
    if "FIRE" in env.unwrapped.get_action_meanings():
        env = FireResetEnv(env)
    env = ClipRewardEnv(env)
    env = gymnasium.wrappers.ResizeObservation(env, (84, 84))
    env = gymnasium.wrappers.TransformObservation(
        env,
        lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY),
        Box(0, 255, (84, 84), np.uint8),
    )
    env = gymnasium.wrappers.FrameStackObservation(env, 4)
    env.action_space.seed(seed)
    return env


class QNetwork(nn.Module):
    """CleanRL's network."""

    def __init__(self, num_actions: int) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(4, 32, 8, stride=4),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, stride=2),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(3136, 512),
            nn.ReLU(),
            nn.Linear(512, num_actions),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.network(images / 255.0)
        return values


def train(config: TrainConfig, on_step: Callable[[int], None]) -> None:
    """Run CleanRL's loop; call ``on_step`` with the number of steps after each."""
    random.seed(config.seed)
    np.random.seed(config.seed)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() and config.cuda else "cpu")
    envs = SyncVectorEnv(
        [lambda: make_env(config.env_id, config.seed)], autoreset_mode=AutoresetMode.SAME_STEP
    )
    num_actions = int(envs.single_action_space.n)
    q_network = QNetwork(num_actions).to(device)
    optimizer = torch.optim.Adam(q_network.parameters(), lr=config.learning_rate)
    target_network = QNetwork(num_actions).to(device)
    target_network.load_state_dict(q_network.state_dict())
    replay = ReplayBuffer(
        config.buffer_size,
        envs.single_observation_space,
        envs.single_action_space,
        device,
        optimize_memory_usage=True,
        handle_timeout_termination=False,
    )
    writer = SummaryWriter(tempfile.mkdtemp())
    start_time = time.time()
    obs, _ = envs.reset(seed=config.seed)
    for step in range(config.total_timesteps):
        slope = (config.end_e - config.start_e) / (
            config.exploration_fraction * config.total_timesteps
        )
        if random.random() < max(slope * step + config.start_e, config.end_e):
            actions = np.array([envs.single_action_space.sample()])
        else:
            q_values = q_network(torch.Tensor(obs).to(device))
            actions = torch.argmax(q_values, dim=1).cpu().numpy()

        next_obs, rewards, terminations, truncations, infos = envs.step(actions)
        if "episode" in infos.get("final_info", {}):
            episode = infos["final_info"]["episode"]
            writer.add_scalar("charts/episodic_return", episode["r"][0], step)
            writer.add_scalar("charts/episodic_length", episode["l"][0], step)

        real_next_obs = next_obs.copy()
        for index, truncated in enumerate(truncations):
            if truncated:
                real_next_obs[index] = infos["final_obs"][index]
        replay.add(obs, real_next_obs, actions, rewards, terminations, [{}])
        obs = next_obs

        if step > config.learning_starts:
            if step % config.train_frequency == 0:
                data = replay.sample(config.batch_size)
                with torch.no_grad():
                    target_max, _ = target_network(data.next_observations).max(dim=1)
                    td_target = data.rewards.flatten() + config.gamma * target_max * (
                        1 - data.dones.flatten()
                    )
                old_val = q_network(data.observations).gather(1, data.actions).squeeze()
                loss = functional.mse_loss(td_target, old_val)
                if step % 100 == 0:
                    writer.add_scalar("losses/td_loss", loss, step)
                    writer.add_scalar("losses/q_values", old_val.mean().item(), step)
                    speed = int(step / (time.time() - start_time))
                    writer.add_scalar("charts/SPS", speed, step)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if step % config.target_network_frequency == 0:
                for slow, fast in zip(
                    target_network.parameters(), q_network.parameters(), strict=True
                ):
                    slow.data.copy_(config.tau * fast.data + (1.0 - config.tau) * slow.data)
        on_step(step + 1)
    envs.close()
    writer.close()
