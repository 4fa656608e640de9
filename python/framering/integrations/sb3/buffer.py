"""Replay buffers for ``replay_buffer_class`` of SB3's algorithms."""

from __future__ import annotations

import warnings
from typing import Any

from stable_baselines3.common.buffers import ReplayBuffer as Sb3ReplayBuffer

import framering.replay.prioritized
from framering.integrations.sb3.arrays import Sb3Arrays

_BATCHES_WITHOUT_UPDATE = 32


class ReplayBuffer(Sb3Arrays, Sb3ReplayBuffer):  # type: ignore[misc,override]
    """`framering.ReplayBuffer`, for ``replay_buffer_class`` of DQN, SAC, TD3 and DDPG.

    Each frame is stored once and truncations are handled, whatever the algorithm's
    ``optimize_memory_usage`` is. It works with ``save_replay_buffer``, ``load_replay_buffer``,
    VecNormalize and several calls of ``learn``. The arrays of SB3's buffer can be read (see
    `Sb3Arrays`).

    Pass further keywords of `framering.ReplayBuffer` in ``replay_buffer_kwargs``. With ``n_step``
    and ``gamma`` there (and the algorithm's own ``n_steps`` left at 1), samples have the
    ``discounts`` that SB3's losses use.
    """


class PrioritizedReplayBuffer(  # type: ignore[misc,override]
    Sb3Arrays, framering.replay.prioritized.PrioritizedReplayBuffer, Sb3ReplayBuffer
):
    """`framering.PrioritizedReplayBuffer`, for `PrioritizedDQN`.

    SB3's own algorithms draw batches, but never update priorities; then the buffer warns once.
    """

    _batches_without_update = 0

    def sample(self, *args: Any, **options: Any) -> Any:
        """Draw transitions in proportion to their priorities."""
        if self._batches_without_update == _BATCHES_WITHOUT_UPDATE:
            warnings.warn(
                "update_priorities: expected a call after each batch, got none in "
                f"{_BATCHES_WITHOUT_UPDATE} batches: all priorities are as at first. Use "
                "framering.integrations.sb3.PrioritizedDQN instead of DQN; for another algorithm "
                "of stable_baselines3, use framering.integrations.sb3.ReplayBuffer",
                stacklevel=2,
            )
        self._batches_without_update += 1
        return super().sample(*args, **options)

    def update_priorities(self, indices: Any, priorities: Any) -> None:
        """Set the priorities of transitions, usually to their absolute TD errors."""
        super().update_priorities(indices, priorities)
        self._batches_without_update = 0
