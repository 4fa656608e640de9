"""Stable-Baselines3: a replay buffer for its off-policy algorithms.

>>> from stable_baselines3 import DQN
>>> from framering.integrations.sb3 import ReplayBuffer
>>> model = DQN("MlpPolicy", "CartPole-v1", replay_buffer_class=ReplayBuffer, device="cpu")
>>> model = model.learn(200)
>>> model.replay_buffer.size()
200
"""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.buffers import ReplayBuffer as Sb3ReplayBuffer

import framering.replay.buffer


class ReplayBuffer(framering.replay.buffer.ReplayBuffer, Sb3ReplayBuffer):  # type: ignore[misc,override]
    """`framering.ReplayBuffer`, for ``replay_buffer_class`` of DQN, SAC, TD3 and DDPG.

    Each frame is stored once and truncations are handled, whatever the algorithm's
    ``optimize_memory_usage`` is. It works with ``save_replay_buffer``, ``load_replay_buffer``,
    VecNormalize and several calls of ``learn``.

    Pass further keywords of `framering.ReplayBuffer` in ``replay_buffer_kwargs``. With ``n_step``
    and ``gamma`` there (and the algorithm's own ``n_steps`` left at 1), samples have the
    ``discounts`` that SB3's losses use.
    """

    @property
    def dones(self) -> _IgnoredDones:  # type: ignore[override]
        """The array that SB3 writes when ``learn`` is called again; writes are ignored."""
        return _IgnoredDones()


class _IgnoredDones:
    """Ignores what SB3 writes into ``dones`` of its memory-saving buffer.

    There the newest transition's next observation is overwritten by the first of the new episode,
    so that it must be marked as done. Here it stays, and the new episode begins a new segment.
    """

    def __setitem__(self, position: Any, done: Any) -> None:
        """Do nothing."""
