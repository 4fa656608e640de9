"""framering trains DQN on Atari fast, with a C++ frame ring for replay.

The public names are imported on first use, so that a program that needs only one of them
(the replay buffer, the resize) pays for no other: see ``__all__``. Gymnasium's registry gets an id
of each Atari game, for ``gymnasium.make_vec("framering/BreakoutNoFrameskip-v4", num_envs=8)``.
"""

import importlib
from typing import TYPE_CHECKING, Any

from framering.vector_ids import register_vector_ids

if TYPE_CHECKING:
    from framering._core import cpu_features, resize_area
    from framering.atari.wrapper import AtariPreprocessing
    from framering.config import TrainConfig
    from framering.dqn.network import QNetwork
    from framering.replay.buffer import ReplayBuffer
    from framering.replay.prioritized import PrioritizedReplayBuffer
    from framering.replay.samples import PrioritizedReplayBufferSamples, ReplayBufferSamples
    from framering.training.loop import train
    from framering.training.process import tune_process
    from framering.vector_env import AtariVectorEnv

# The module of each public name. Nothing is imported before it is asked for.
_MODULES: dict[str, str] = {
    "AtariPreprocessing": "framering.atari.wrapper",
    "AtariVectorEnv": "framering.vector_env",
    "cpu_features": "framering._core",
    "PrioritizedReplayBuffer": "framering.replay.prioritized",
    "PrioritizedReplayBufferSamples": "framering.replay.samples",
    "QNetwork": "framering.dqn.network",
    "ReplayBuffer": "framering.replay.buffer",
    "ReplayBufferSamples": "framering.replay.samples",
    "resize_area": "framering._core",
    "TrainConfig": "framering.config",
    "train": "framering.training.loop",
    "tune_process": "framering.training.process",
}

__all__ = [
    "AtariPreprocessing",
    "AtariVectorEnv",
    "PrioritizedReplayBuffer",
    "PrioritizedReplayBufferSamples",
    "QNetwork",
    "ReplayBuffer",
    "ReplayBufferSamples",
    "TrainConfig",
    "cpu_features",
    "resize_area",
    "train",
    "tune_process",
]
__version__ = "0.1.0"

if not TYPE_CHECKING:  # with it, type checkers would accept every name

    def __getattr__(name: str) -> Any:
        """Import a public name on first use (PEP 562)."""
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module 'framering' has no attribute {name!r}")
        value = getattr(importlib.import_module(module), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


register_vector_ids()
