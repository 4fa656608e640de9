"""Quantiles of the return at fixed fractions: QR-DQN (Dabney, Rowland et al. 2018)."""

import torch
from torch import Generator, Tensor, nn

from framering.dqn.heads.head import Backup, RowLosses, quantile_huber_loss
from framering.dqn.policies import TargetPolicy


class QuantileHead(nn.Module):
    """N quantiles θ_i of the return, at the fractions (2i − 1) / 2N.

    Parameters
    ----------
    n_quantiles
        N, 1 or more; 200 in the paper.
    """

    midpoints: Tensor

    def __init__(self, n_quantiles: int = 200) -> None:
        super().__init__()
        self.outputs = n_quantiles
        midpoints = (torch.arange(n_quantiles) + 0.5) / n_quantiles
        # Saved with the weights, which it tells from those of another head.
        self.register_buffer("midpoints", midpoints.unsqueeze(0))

    def fractions(self, rows: int, generator: Generator) -> None:
        """Return None: nothing is drawn."""

    def values(self, outputs: Tensor) -> Tensor:
        """Return the expected returns (B, A) of outputs (B, A, N): their means."""
        return outputs.mean(dim=2)

    def distribution(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the quantiles and their equal probabilities (B, A, N)."""
        return outputs, torch.full_like(outputs, 1 / outputs.shape[2])

    def targets(self, outputs: Tensor, policy: TargetPolicy, backup: Backup) -> Tensor:
        """Return the targets (B, N): each quantile of the next state backed up."""
        return backup.of(policy.expectation(outputs))

    def loss(self, outputs: Tensor, targets: Tensor, fractions: Tensor | None) -> RowLosses:
        """Return the quantile Huber losses (B, 1), which are the errors too."""
        losses = quantile_huber_loss(outputs, targets, self.midpoints)
        return RowLosses(losses, losses.detach())
