"""Stable-Baselines3's DQN with framering's replay buffer, saved and resumed.

python examples/sb3_dqn.py
"""

import tempfile
from pathlib import Path

from stable_baselines3 import DQN

from framering.integrations.sb3 import ReplayBuffer


def make_model() -> DQN:
    """Make a DQN whose replay buffer is framering's."""
    return DQN(
        "MlpPolicy",
        "CartPole-v1",
        buffer_size=100_000,
        replay_buffer_class=ReplayBuffer,
        replay_buffer_kwargs={"n_step": 3, "gamma": 0.99},
        learning_starts=200,
        seed=1,
    )


model = make_model().learn(1000)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "buffer.pkl"
    model.save_replay_buffer(path)
    resumed = make_model()
    resumed.load_replay_buffer(path)
    resumed.learn(500)
buffer = resumed.replay_buffer
episodes = int(buffer.dones[: buffer.pos].sum())
print(f"{buffer.size()} transitions, {episodes} ends of episodes")
