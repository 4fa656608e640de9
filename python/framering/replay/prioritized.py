"""Prioritized experience replay over the frame ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from framering.replay.buffer import ReplayBuffer
from framering.replay.sampling import PrioritizedSampling

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from gymnasium import spaces

    from framering._core import Window
    from framering.replay.normalization import Normalizer
    from framering.replay.samples import PrioritizedReplayBufferSamples


class PrioritizedReplayBuffer(ReplayBuffer):
    """A `ReplayBuffer` that draws transitions in proportion to their priorities.

    The proportional variant of Schaul et al., Prioritized Experience Replay (ICLR 2016): a
    transition is drawn with probability ``p^alpha / Σ p^alpha``, stratified over the batch.
    A new transition has the highest priority so far, so that it is soon drawn. Priorities are
    learned only where `update_priorities` is called, which Stable-Baselines3's own algorithms don't
    do: use `framering.integrations.sb3.PrioritizedDQN`.

    Parameters
    ----------
    buffer_size, observation_space, action_space, device, n_envs, ...
        As in `ReplayBuffer`.
    alpha : float, default 0.6
        Exponent of the priorities; 0 draws uniformly. May be set later.
    beta : float, default 0.4
        Exponent of the importance weights; 1 corrects in full. May be set at any time: it is
        usually raised to 1 over a run.
    epsilon : float, default 1e-6
        Added to each priority, so that a transition without error is still drawn. May be set.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from gymnasium import spaces
    >>> from framering import PrioritizedReplayBuffer
    >>> box = spaces.Box(-1, 1, (3,), np.float32)
    >>> buffer = PrioritizedReplayBuffer(100, box, spaces.Discrete(2), device="cpu", seed=1)
    >>> obs = np.zeros((1, 3), np.float32)
    >>> for reward in range(5):
    ...     buffer.add(obs, obs, np.array([0]), np.array([reward]), np.array([False]), [{}])
    >>> batch = buffer.sample(32)
    >>> buffer.update_priorities(batch.indices, batch.rewards.abs())
    >>> batch.weights.shape
    torch.Size([32, 1])
    """

    _strategy: PrioritizedSampling

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: torch.device | str = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = True,
        handle_timeout_termination: bool = True,
        *,
        n_step: int = 1,
        gamma: float = 0.99,
        seed: int | None = None,
        frame_stack: int | None = None,
        shared: bool = False,
        memory_limit: int | None = None,
        alpha: float = 0.6,
        beta: float = 0.4,
        epsilon: float = 1e-6,
    ) -> None:
        self._strategy = PrioritizedSampling(alpha, beta, epsilon)
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            device,
            n_envs,
            optimize_memory_usage,
            handle_timeout_termination,
            n_step=n_step,
            gamma=gamma,
            seed=seed,
            frame_stack=frame_stack,
            shared=shared,
            memory_limit=memory_limit,
        )

    def _new_strategy(self) -> PrioritizedSampling:
        return self._strategy

    if TYPE_CHECKING:
        # A sample has two more fields than the base class's, so its type differs.
        def sample(  # type: ignore[override]
            self,
            batch_size: int,
            env: Normalizer | None = None,
            *,
            window: Window | None = None,
            contiguous: bool = False,
            out: PrioritizedReplayBufferSamples | None = None,
        ) -> PrioritizedReplayBufferSamples:
            """Draw transitions in proportion to their priorities."""

        def batches(  # type: ignore[override]
            self, batch_size: int, env: Normalizer | None = None, *, contiguous: bool = False
        ) -> Iterator[PrioritizedReplayBufferSamples]:
            """Sample endlessly."""

    @property
    def alpha(self) -> float:
        """The exponent of the priorities. Setting it takes time linear in the buffer's size."""
        return self._strategy.alpha

    @alpha.setter
    def alpha(self, alpha: float) -> None:
        self._strategy.alpha = alpha

    @property
    def beta(self) -> float:
        """The exponent of the importance weights."""
        return self._strategy.beta

    @beta.setter
    def beta(self, beta: float) -> None:
        self._strategy.beta = beta

    @property
    def epsilon(self) -> float:
        """The number that is added to each priority."""
        return self._strategy.epsilon

    @epsilon.setter
    def epsilon(self, epsilon: float) -> None:
        self._strategy.epsilon = epsilon

    @property
    def least_probability(self) -> float:
        """The least probability ``P`` of a row of the last batch; 1 before the first.

        Its weight was 1. To scale the weights to the largest of several batches, drawn from buffers
        of equal size, multiply them by ``(least_probability / least of all) ** -beta``.
        """
        return self._strategy.least_probability

    def update_priorities(self, indices: Any, priorities: Any) -> None:
        """Set the priorities of transitions, usually to their absolute TD errors.

        Parameters
        ----------
        indices : tensor or array (B,), int64
            Those of a sample. Transitions that have left the buffer since are ignored.
        priorities : tensor or array of B numbers
            Finite and not negative; `epsilon` is added.

        Raises
        ------
        ValueError
            If a priority is negative, NaN or infinite, or their number is not that of indices.
        IndexError
            If no sample can have had an index.
        TypeError
            If indices are no integers. In each case no priority has changed.
        """
        numbers, values = _as_array(indices).reshape(-1), _as_array(priorities).reshape(-1)
        if numbers.dtype != np.int64:
            if numbers.dtype.kind not in "iu":
                raise TypeError(f"indices: expected int64, got {numbers.dtype}")
            numbers = numbers.astype(np.int64)
        if values.dtype not in (np.float32, np.float64):
            values = values.astype(np.float64)
        self._strategy.update(numbers, values)


def _as_array(values: Any) -> np.ndarray[Any, Any]:
    # A tensor may be on a device, or part of a graph.
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.ascontiguousarray(values)
