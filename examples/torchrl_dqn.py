"""A few updates of TorchRL's DQN loss from framering's prioritized buffer.

python examples/torchrl_dqn.py
"""

import gymnasium as gym
import torch
from tensordict.nn import TensorDictModule
from torchrl.envs import GymEnv
from torchrl.modules import QValueActor
from torchrl.objectives import DQNLoss

from framering import PrioritizedReplayBuffer
from framering.integrations.torchrl import TensorDictReplayBuffer

env = GymEnv("CartPole-v1", categorical_action_encoding=True)
spaces = gym.make("CartPole-v1")
buffer = TensorDictReplayBuffer(
    PrioritizedReplayBuffer(
        10_000, spaces.observation_space, spaces.action_space, device="cpu", n_step=3, gamma=0.99
    ),
    batch_size=64,
)
network = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
actor = QValueActor(
    TensorDictModule(network, in_keys=["observation"], out_keys=["action_value"]),
    action_space="categorical",
    in_keys=["observation"],
)
loss_module = DQNLoss(actor, action_space="categorical")
loss_module.make_value_estimator(gamma=0.99)
optimizer = torch.optim.Adam(actor.parameters(), lr=1e-3)

for _ in range(20):
    with torch.no_grad():
        buffer.extend(env.rollout(50, actor, break_when_any_done=False))
    for _ in range(5):
        batch = buffer.sample()
        loss = loss_module(batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        buffer.update_tensordict_priority(batch)
print(f"{len(buffer)} transitions, last loss {loss.item():.3f}")
