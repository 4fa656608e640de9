"""Replay buffers over the frame ring."""

from framering.replay.buffer import ReplayBuffer
from framering.replay.samples import ReplayBufferSamples

__all__ = ["ReplayBuffer", "ReplayBufferSamples"]
