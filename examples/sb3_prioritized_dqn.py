"""Stable-Baselines3's DQN with prioritized replay.

python examples/sb3_prioritized_dqn.py
"""

from framering.integrations.sb3 import PrioritizedDQN

model = PrioritizedDQN(
    "MlpPolicy",
    "CartPole-v1",
    replay_buffer_kwargs={"alpha": 0.6, "beta": 0.4},
    learning_starts=200,
    seed=1,
)
model.learn(1000)
buffer = model.replay_buffer
print(
    f"{buffer.size()} transitions, beta {buffer.beta:.1f}, of mean reward {buffer.rewards.mean()}"
)
