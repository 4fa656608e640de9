"""The public path of `PrioritizedReplayBuffer`, which pickles name."""

from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.replay.samples import PrioritizedReplayBufferSamples

__all__ = ["PrioritizedReplayBuffer", "PrioritizedReplayBufferSamples"]
