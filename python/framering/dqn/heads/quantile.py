"""Quantiles of the return at fixed fractions: QR-DQN (Dabney, Rowland et al. 2018)."""

from torch import Generator, Tensor

from framering.dqn.heads.head import (
    EqualQuantiles,
    RowLosses,
    midpoints,
    quantile_huber_loss,
)


class QuantileHead(EqualQuantiles):
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
        # Saved with the weights, which it tells from those of another head.
        self.register_buffer("midpoints", midpoints(n_quantiles))

    def fractions(self, rows: int, generator: Generator) -> None:
        """Return None: nothing is drawn."""

    def loss(self, outputs: Tensor, targets: Tensor, fractions: Tensor | None) -> RowLosses:
        """Return the quantile Huber losses (B, 1), which are the errors too."""
        losses = quantile_huber_loss(outputs, targets, self.midpoints)
        return RowLosses(losses, losses.detach())
