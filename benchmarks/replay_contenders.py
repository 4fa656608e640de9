"""Replay buffers to compare: framering's, Stable-Baselines3's and those of sb3-extra-buffers."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer
from recorded_games import SIDE, STACK, AddArguments

STACKS = spaces.Box(0, 255, (STACK, SIDE, SIDE), np.uint8)
ACTIONS = spaces.Discrete(18)

FRAMERING, PRIORITIZED, SB3 = "framering", "framering, prioritized", "SB3"
# sb3-extra-buffers compresses whole stacks by one of these settings, which its README measures;
# "none", which does not compress, and "rle-old", which is superseded, are left out.
RECOMMENDED = "zstd-3"
SETTINGS = [
    *("rle", "rle-jit", "gzip1", "gzip3", "igzip0", "igzip1", "igzip3"),
    *("zstd-100", "zstd-50", "zstd-20", "zstd-5", RECOMMENDED, "zstd-1"),
    *("zstd1", "zstd3", "zstd5", "zstd10", "zstd15", "zstd22"),
    *("lz4-frame/1", "lz4-frame/5", "lz4-frame/9", "lz4-frame/12"),
    *("lz4-block/1", "lz4-block/5", "lz4-block/9", "lz4-block/16"),
]


def make(contender: str, transitions: int) -> Any:
    """Make a buffer in its most compact way; a contender of no other name is a setting."""
    if contender == FRAMERING:
        return ReplayBuffer(transitions, STACKS, ACTIONS, "cpu")
    if contender == PRIORITIZED:
        return PrioritizedReplayBuffer(transitions, STACKS, ACTIONS, "cpu")
    # SB3's and its relatives' compact way excludes the handling of time limits.
    compact = {"optimize_memory_usage": True, "handle_timeout_termination": False}
    if contender == SB3:
        from stable_baselines3.common.buffers import ReplayBuffer as Sb3Buffer

        return Sb3Buffer(transitions, STACKS, ACTIONS, "cpu", **compact)

    from sb3_extra_buffers.compressed import CompressedReplayBuffer, find_buffer_dtypes

    dtypes = find_buffer_dtypes(STACKS.shape, np.uint8, contender)
    return CompressedReplayBuffer(
        transitions, STACKS, ACTIONS, "cpu", dtypes=dtypes, compression_method=contender, **compact
    )


def fill(buffer: Any, play: Iterator[AddArguments], transitions: int) -> None:
    """Add as many transitions."""
    for arguments in itertools.islice(play, transitions):
        buffer.add(*arguments)
