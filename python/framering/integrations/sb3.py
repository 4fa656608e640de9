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

    Stacks of frames are stored once, and truncations handled, whatever the algorithm's
    ``optimize_memory_usage`` says. Works with ``save_replay_buffer``, ``load_replay_buffer``,
    VecNormalize and several calls of ``learn``.

    Further keywords of `framering.ReplayBuffer` go into ``replay_buffer_kwargs``. With ``n_step``
    and ``gamma`` there (and the algorithm's own ``n_steps`` left at 1), samples carry the
    ``discounts`` that SB3's losses use.
    """

    @property
    def dones(self) -> _NothingToTruncate:  # type: ignore[override]
        """What SB3 sets when ``learn`` is called again with ``optimize_memory_usage``."""
        return _NothingToTruncate()


class _NothingToTruncate:
    """Takes what SB3 writes into its own buffer's ``dones``, and needs none of it.

    In SB3's memory-saving buffer the newest transition's next observation is overwritten by the
    first of the new episode, so that it must be marked as done. Here it keeps its true one, and
    the new episode begins a segment of its own.
    """

    def __setitem__(self, position: Any, done: Any) -> None:
        """Leave the buffer as it is: it is right already."""
