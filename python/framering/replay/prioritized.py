"""Prioritized experience replay over the frame ring."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from framering._core import PrioritizedSampler, SamplerBase, Window
from framering.replay.buffer import ReplayBuffer
from framering.replay.samples import PrioritizedReplayBufferSamples


class PrioritizedReplayBuffer(ReplayBuffer):
    """A `ReplayBuffer` that draws transitions in proportion to their priorities.

    The proportional variant of Schaul et al., Prioritized Experience Replay (ICLR 2016): a
    transition is drawn with probability ``p^alpha / Σ p^alpha``, stratified over the batch.
    A new transition has the highest priority so far, so that it is soon seen.

    Parameters
    ----------
    buffer_size, observation_space, action_space, device, n_envs, ...
        As in `ReplayBuffer`.
    alpha : float, default 0.6
        How much priorities count; 0 draws uniformly. May be set later.
    beta : float, default 0.4
        How much the weights correct for that; 1 corrects in full. May be set at any time: it is
        usually raised to 1 over a run.
    epsilon : float, default 1e-6
        Added to each priority, so that a transition without error is still drawn.

    Raises
    ------
    ValueError
        For a number out of range.

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

    def __init__(
        self,
        *arguments: Any,
        alpha: float = 0.6,
        beta: float = 0.4,
        epsilon: float = 1e-6,
        **options: Any,
    ) -> None:
        if not (epsilon > 0 and math.isfinite(epsilon)):
            raise ValueError(f"epsilon: expected a finite number of more than 0, got {epsilon}")
        self._initial_alpha = alpha
        self.beta = beta
        self.epsilon = epsilon
        super().__init__(*arguments, **options)

    def _new_sampler(self, **options: Any) -> SamplerBase:
        self._prioritized = PrioritizedSampler(**options, alpha=self._initial_alpha)
        return self._prioritized

    @property
    def alpha(self) -> float:
        """How much priorities count. To set it takes time in proportion to the buffer's size."""
        return self._prioritized.alpha

    @alpha.setter
    def alpha(self, alpha: float) -> None:
        self._prioritized.alpha = alpha

    @property
    def beta(self) -> float:
        """How much the weights correct for the priorities."""
        return self._beta

    @beta.setter
    def beta(self, beta: float) -> None:
        if not (beta >= 0 and math.isfinite(beta)):
            raise ValueError(f"beta: expected a finite number of at least 0, got {beta}")
        self._beta = float(beta)

    def update_priorities(self, indices: Any, priorities: Any) -> None:
        """Set the priorities of transitions, usually to their absolute TD errors.

        Parameters
        ----------
        indices : tensor or array (B,), int64
            As a sample gives them. Transitions that have left the buffer since are passed over.
        priorities : tensor or array of B numbers
            Finite and not negative; `epsilon` is added.

        Raises
        ------
        ValueError
            For priorities that are negative, NaN, infinite or of another number than indices.
        IndexError
            For an index that no sample can have given.
        TypeError
            For indices that are no integers. In each case no priority has changed.
        """
        numbers, values = _as_array(indices).reshape(-1), _as_array(priorities).reshape(-1)
        if numbers.dtype != np.int64:
            if numbers.dtype.kind not in "iu":
                raise TypeError(f"indices: expected int64, got {numbers.dtype}")
            numbers = numbers.astype(np.int64)
        if values.dtype not in (np.float32, np.float64):
            values = values.astype(np.float64)
        self._prioritized.update(numbers, values, self.epsilon)

    def _draw(
        self,
        batch_size: int,
        seed: float | None,
        window: Window | None,
        contiguous: bool,
        out: tuple[Any, ...] | None,
    ) -> tuple[Any, ...]:
        return self._prioritized.sample(batch_size, seed, window, contiguous, out, self._beta)

    def _samples(self, arrays: tuple[Any, ...], env: Any) -> Any:
        if env is not None:
            arrays = self._normalized(arrays, env)
        weights, indices = arrays[7:]
        return PrioritizedReplayBufferSamples(*self._transfer((*arrays[:6], indices, weights)))

    def _extra(self) -> bytes:
        priorities, highest = self._prioritized.priorities()
        alpha, beta = self.alpha, self.beta
        header = json.dumps({"alpha": alpha, "beta": beta, "highest": highest}).encode()
        return super()._extra() + header + b"\n" + priorities.tobytes()

    def _read_extra(self, extra: bytes, slots: int) -> dict[str, Any]:
        found = super()._read_extra(extra, slots)
        header, _, values = found["rest"].partition(b"\n")
        if not header:
            raise ValueError("the snapshot is of a plain ReplayBuffer: it has no priorities")
        priorities = np.frombuffer(values, np.float32)
        if len(priorities) != slots or not (np.isfinite(priorities) & (priorities >= 0)).all():
            raise ValueError(
                f"the snapshot contradicts itself: expected {slots} finite priorities of at least "
                f"0, got {len(priorities)}"
            )
        return {**found, **json.loads(header), "priorities": priorities}

    def _take_extra(self, found: dict[str, Any]) -> None:
        super()._take_extra(found)
        self.alpha, self.beta = found["alpha"], found["beta"]
        self._prioritized.restore(found["priorities"], found["highest"])


def _as_array(values: Any) -> np.ndarray[Any, Any]:
    # A tensor may be on a device, or part of a graph.
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.ascontiguousarray(values)
