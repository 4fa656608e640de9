"""The loop of CleanRL's dqn.py on CartPole, with its replay buffer's import replaced.

python examples/cleanrl_loop.py
"""

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (CleanRL's and everyone's name for it)

from framering import ReplayBuffer  # instead of: from cleanrl_utils.buffers import ReplayBuffer

torch.manual_seed(1)
np.random.seed(1)
envs = gym.vector.SyncVectorEnv(
    [lambda: gym.make("CartPole-v1")], autoreset_mode=gym.vector.AutoresetMode.SAME_STEP
)
q_network = torch.nn.Sequential(torch.nn.Linear(4, 120), torch.nn.ReLU(), torch.nn.Linear(120, 2))
optimizer = torch.optim.Adam(q_network.parameters(), lr=2.5e-4)
rb = ReplayBuffer(
    10_000,
    envs.single_observation_space,
    envs.single_action_space,
    "cpu",
    handle_timeout_termination=False,
)

obs, _ = envs.reset(seed=1)
for global_step in range(2000):
    if np.random.random() < 0.1:
        actions = np.array([envs.single_action_space.sample()])
    else:
        actions = q_network(torch.tensor(obs)).argmax(dim=1).numpy()
    next_obs, rewards, terminations, truncations, infos = envs.step(actions)
    real_next_obs = next_obs.copy()
    for idx, trunc in enumerate(truncations):
        if trunc:
            real_next_obs[idx] = infos["final_obs"][idx]
    rb.add(obs, real_next_obs, actions, rewards, terminations, infos)
    obs = next_obs

    if global_step > 500 and global_step % 10 == 0:
        data = rb.sample(128)
        with torch.no_grad():
            target_max, _ = q_network(data.next_observations).max(dim=1)
            td_target = data.rewards.flatten() + 0.99 * target_max * (1 - data.dones.flatten())
        old_val = q_network(data.observations).gather(1, data.actions).squeeze()
        loss = F.mse_loss(td_target, old_val)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"{rb.size()} transitions, last loss {loss.item():.3f}")
