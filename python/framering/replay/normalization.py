"""Normalization of batches by SB3's VecNormalize."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Normalizer(Protocol):
    """The methods of ``stable_baselines3.common.vec_env.VecNormalize`` that sampling calls."""

    def normalize_obs(self, obs: Any) -> Any:
        """Return normalized observations (B, ...)."""

    def normalize_reward(self, reward: Any) -> Any:
        """Return normalized rewards, of any shape."""


def normalize(
    fields: tuple[Any, ...],
    env: Normalizer,
    step_rewards: NDArray[np.float64] | None,
    gamma: float,
) -> tuple[Any, ...]:
    """Normalize the observations and rewards among the fields of a sample.

    Parameters
    ----------
    fields
        In the order of `ReplayBufferSamples`; further ones stay as they are.
    env
        The normalization.
    step_rewards : array (B, n_step), optional
        For n-step returns, the reward of each step, NaN beyond the last. Each is normalized (and
        clipped) before they are summed.
    gamma
        The discount of each further step.
    """
    obs, actions, next_obs, dones, rewards, *others = fields
    if step_rewards is None:
        rewards = env.normalize_reward(rewards)
    else:
        discounts = gamma ** np.arange(step_rewards.shape[1])
        normalized = env.normalize_reward(step_rewards)
        rewards = np.nansum(normalized * discounts, axis=1, keepdims=True)
    return (
        env.normalize_obs(obs),
        actions,
        env.normalize_obs(next_obs),
        dones,
        rewards.astype(np.float32),
        *others,
    )
