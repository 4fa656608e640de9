"""Batches of transitions, as replay buffers return them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch


class ReplayBufferSamples(NamedTuple):
    """A batch of B transitions, on the buffer's device (NumPy arrays with ``device="numpy"``).

    Attributes
    ----------
    observations : Tensor (B, *observation shape), of the observation space's dtype
    actions : Tensor (B, action_dim), of the action space's dtype (float32 for float64)
    next_observations : Tensor, as observations
    dones : Tensor (B, 1), float32
        1 where the transition terminated; 0 also where it was only truncated.
    rewards : Tensor (B, 1), float32
        With n-step returns, the discounted sum.
    discounts : Tensor (B, 1), float32, or None
        The factor of the value of next_observations, γ to the number of steps; None in a buffer
        of one-step transitions.

    Examples
    --------
    Tensors that are filled again and again:

    >>> import numpy as np, torch
    >>> from gymnasium import spaces
    >>> from framering import ReplayBuffer, ReplayBufferSamples
    >>> box = spaces.Box(-1, 1, (3,), np.float32)
    >>> buffer = ReplayBuffer(10, box, spaces.Discrete(2), device="cpu", seed=1)
    >>> buffer.add(np.zeros((1, 3)), np.ones((1, 3)), [1], [0.5], [True], [{}])
    >>> obs, column = torch.empty(4, 3), torch.empty(4, 1)
    >>> out = ReplayBufferSamples(
    ...     obs, column.long(), obs.clone(), dones=column, rewards=column.clone()
    ... )
    >>> buffer.sample(4, out=out).rewards[0]
    tensor([0.5000])
    """

    observations: torch.Tensor
    actions: torch.Tensor
    next_observations: torch.Tensor
    dones: torch.Tensor
    rewards: torch.Tensor
    discounts: torch.Tensor | None = None


class PrioritizedReplayBufferSamples(NamedTuple):
    """A batch of B transitions: the fields of `ReplayBufferSamples`, and two more.

    Attributes
    ----------
    indices : Tensor (B,), int64
        Of the transitions; an argument of `PrioritizedReplayBuffer.update_priorities`.
    weights : Tensor (B, 1), float32
        Importance weights ``(N · P(i))^-beta``, divided by the largest of the batch: the factors
        of the losses.

    Examples
    --------
    >>> import numpy as np
    >>> from gymnasium import spaces
    >>> from framering import PrioritizedReplayBuffer
    >>> box = spaces.Box(-1, 1, (3,), np.float32)
    >>> buffer = PrioritizedReplayBuffer(100, box, spaces.Discrete(2), device="cpu", seed=1)
    >>> buffer.add(np.zeros((1, 3)), np.ones((1, 3)), [1], [0.5], [True], [{}])
    >>> batch = buffer.sample(2)
    >>> (batch.weights * (batch.rewards - 0.25) ** 2).mean()
    tensor(0.0625)
    """

    observations: torch.Tensor
    actions: torch.Tensor
    next_observations: torch.Tensor
    dones: torch.Tensor
    rewards: torch.Tensor
    discounts: torch.Tensor | None
    indices: torch.Tensor
    weights: torch.Tensor
