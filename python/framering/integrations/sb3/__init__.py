"""Stable-Baselines3: replay buffers for its off-policy algorithms, and a prioritized DQN.

>>> from stable_baselines3 import DQN
>>> from framering.integrations.sb3 import ReplayBuffer
>>> model = DQN("MlpPolicy", "CartPole-v1", replay_buffer_class=ReplayBuffer, device="cpu")
>>> model = model.learn(200)
>>> model.replay_buffer.size()
200
"""

from framering.integrations.sb3.buffer import PrioritizedReplayBuffer, ReplayBuffer
from framering.integrations.sb3.dqn import PrioritizedDQN

__all__ = ["PrioritizedDQN", "PrioritizedReplayBuffer", "ReplayBuffer"]
