"""Policies whose value the targets estimate: greedy, or soft with a bonus (Munchausen)."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

# Munchausen DQN (Vieillard, Pietquin & Geist 2020), table 1.
_SCALE = 0.9
_TEMPERATURE = 0.03
_LOWEST_LOG_POLICY = -1.0


class TargetPolicy(Protocol):
    """π(a|s′), and what it adds to the returns of its actions."""

    def expectation(self, outputs: Tensor) -> Tensor:
        """Return Σ_a π(a|s′) (z_k(s′, a) + bonus(a)) (B, K), of outputs z (B, A, K)."""

    def mixture(self, atoms: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """Return the returns (B or 1, M) and probabilities (B, M) of a mixture of distributions.

        ``atoms`` (K,) are the returns of every action, ``probabilities`` (B, A, K) theirs.
        """


class GreedyPolicy(NamedTuple):
    """The action of the highest value.

    Attributes
    ----------
    actions
        (B, 1), int64.
    """

    actions: Tensor

    def expectation(self, outputs: Tensor) -> Tensor:
        """Return the outputs (B, K) of the greedy actions."""
        return taken(outputs, self.actions)

    def mixture(self, atoms: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """Return the atoms (K,), and their probabilities (B, K) for the greedy actions."""
        return atoms, taken(probabilities, self.actions)


class SoftPolicy(NamedTuple):
    """softmax(Q / τ), whose actions earn their entropy: −τ ln π(a|s′).

    Attributes
    ----------
    log_probabilities
        τ ln π(a|s′) (B, A).
    """

    log_probabilities: Tensor

    def expectation(self, outputs: Tensor) -> Tensor:
        """Return the expected outputs (B, K), each with its action's bonus."""
        scaled = self.log_probabilities.unsqueeze(2)
        return ((scaled / _TEMPERATURE).exp() * (outputs - scaled)).sum(dim=1)

    def mixture(self, atoms: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """Return the atoms of all actions (B, A · K), each with its bonus, and probabilities."""
        scaled = self.log_probabilities.unsqueeze(2)
        weighted = (scaled / _TEMPERATURE).exp() * probabilities
        return (atoms - scaled).flatten(1), weighted.flatten(1)


def soft_policy(values: Tensor) -> SoftPolicy:
    """Return the soft policy of action values (B, A)."""
    return SoftPolicy(_TEMPERATURE * (values / _TEMPERATURE).log_softmax(dim=1))


def munchausen_bonus(values: Tensor, actions: Tensor) -> Tensor:
    """Return what Munchausen targets add to the rewards (B, 1): α · clip(τ ln π(a|s), −1, 0).

    Parameters
    ----------
    values
        The target network's action values (B, A) of the states.
    actions
        (B, 1), int64: the actions that were taken.
    """
    log_probabilities = soft_policy(values).log_probabilities.gather(1, actions)
    return _SCALE * log_probabilities.clamp(_LOWEST_LOG_POLICY, 0.0)


def taken(outputs: Tensor, actions: Tensor) -> Tensor:
    """Return the outputs (B, K) of one action (B, 1) in each row of outputs (B, A, K)."""
    index = actions.unsqueeze(2).expand(-1, -1, outputs.shape[2])
    return torch.gather(outputs, 1, index).squeeze(1)
