"""framering trains DQN on Atari at the speed of the emulator.

The public names are imported on first use, so that a program that needs only one of them
(the replay buffer, the resize) pays for no other: see ``__all__``.
"""

import importlib
from typing import Any

# Where each public name lives. Nothing is imported before it is asked for.
_HOMES: dict[str, str] = {
    "AtariPreprocessing": "framering.atari_preprocessing",
    "AtariVectorEnv": "framering.vector_env",
    "cpu_features": "framering._core",
    "PrioritizedReplayBuffer": "framering.prioritized",
    "PrioritizedReplayBufferSamples": "framering.prioritized",
    "QNetwork": "framering.network",
    "ReplayBuffer": "framering.replay",
    "ReplayBufferSamples": "framering.replay",
    "resize_area": "framering._core",
    "TrainConfig": "framering.config",
    "train": "framering.training",
}

__all__ = list(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'framering' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
