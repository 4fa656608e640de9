"""What the learner asks of a head, and the parts that heads share."""

from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from framering.dqn.policies import TargetPolicy


class Backup(NamedTuple):
    """The Bellman backup of a batch of B transitions: z ↦ r + γ (1 − d) z.

    Attributes
    ----------
    rewards, dones
        (B, 1).
    discounts
        (B, 1), or one number for all rows.
    """

    rewards: Tensor
    discounts: Tensor | float
    dones: Tensor

    def of(self, returns: Tensor) -> Tensor:
        """Back up returns (B, K) or (1, K) of the next state."""
        return self.rewards + self.discounts * returns * (1 - self.dones)


class RowLosses(NamedTuple):
    """The losses of B rows.

    Attributes
    ----------
    losses
        (B, 1), whose mean is minimised.
    errors
        (B, 1), without gradients; their magnitudes are prioritised replay's priorities.
    """

    losses: Tensor
    errors: Tensor


class Head(Protocol):
    """K numbers for each action, which describe its return, and the loss that trains them.

    A head that predicts a distribution also has ``distribution(outputs)``: the returns and their
    probabilities (B, A, K).

    Attributes
    ----------
    outputs
        K, the numbers that the network's last layer computes for each action.
    """

    outputs: int

    def fractions(self, rows: int, generator: Generator) -> Tensor | None:
        """Draw the quantile fractions (rows, N) of one forward pass; None for other heads."""

    def values(self, outputs: Tensor) -> Tensor:
        """Return the expected returns (B, A) of outputs (B, A, K)."""

    def targets(self, outputs: Tensor, policy: TargetPolicy, backup: Backup) -> Tensor:
        """Return the targets (B, …) from the next states' outputs (B, A, K)."""

    def loss(self, outputs: Tensor, targets: Tensor, fractions: Tensor | None) -> RowLosses:
        """Return the losses of the outputs (B, K) of the actions that were taken."""


class EqualQuantiles(nn.Module):
    """What heads share whose outputs (B, A, N) are quantiles of equal probability."""

    def values(self, outputs: Tensor) -> Tensor:
        """Return the expected returns (B, A) of outputs (B, A, N): their means."""
        return outputs.mean(dim=2)

    def distribution(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the quantiles and their equal probabilities (B, A, N)."""
        return outputs, torch.full_like(outputs, 1 / outputs.shape[2])

    def targets(self, outputs: Tensor, policy: TargetPolicy, backup: Backup) -> Tensor:
        """Return the targets (B, N): each quantile of the next state backed up."""
        return backup.of(policy.expectation(outputs))


def midpoints(number: int) -> Tensor:
    """Return the fractions (1, number) in the middle of as many equal parts of [0, 1]."""
    return ((torch.arange(number) + 0.5) / number).unsqueeze(0)


def quantile_huber_loss(quantiles: Tensor, targets: Tensor, fractions: Tensor) -> Tensor:
    """Return the quantile Huber losses (B, 1), with κ = 1 (Dabney et al. 2018, equation 10).

    Parameters
    ----------
    quantiles
        θ (B, N), the predicted quantiles.
    targets
        (B, M), samples of the return.
    fractions
        τ (B, N) or (1, N), the probabilities of the quantiles.
    """
    # For each pair of target j and quantile i, without a tensor of their differences δ_ij, which
    # would be as large as all that follows.
    pairs = (len(quantiles), quantiles.shape[1], targets.shape[1])
    predicted = quantiles.unsqueeze(2).expand(pairs)
    wanted = targets.unsqueeze(1).expand(pairs)
    huber = functional.smooth_l1_loss(predicted, wanted, reduction="none")
    # |τ_i − 1{δ_ij < 0}|
    tau = fractions.unsqueeze(2)
    weights = torch.where(wanted < predicted, 1 - tau, tau)
    return (weights * huber).mean(dim=2).sum(dim=1, keepdim=True)
