"""Quantiles of the return at any fraction: IQN (Dabney, Ostrovski et al. 2018)."""

import math

import torch
from torch import Generator, Tensor

from framering.dqn.heads.head import (
    EqualQuantiles,
    RowLosses,
    midpoints,
    quantile_huber_loss,
)
from framering.dqn.onednn import OneDnnLinear

_COSINES = 64
# Fractions of the quantiles that acting averages, as in the paper, but not drawn: midpoints.
_ACTING_QUANTILES = 32


class ImplicitQuantileHead(EqualQuantiles):
    """The quantile Z_τ(s, a) of a fraction τ that is an input of the network.

    An update draws N fractions for the predictions and N for the targets; the next action
    maximises the mean of the latter (the paper draws 32 more for it). Acting averages 32 quantiles
    at fixed fractions, so that the same observation always gives the same action.

    Parameters
    ----------
    features
        The number of features that the fractions' embedding multiplies.
    n_quantiles
        N, 1 or more; 8 is enough (the paper's figure 2).
    """

    cosines: Tensor
    midpoints: Tensor
    outputs = 1

    def __init__(self, features: int, n_quantiles: int = 8) -> None:
        super().__init__()
        self.n_quantiles = n_quantiles
        self.embedding = OneDnnLinear(_COSINES, features)
        self.register_buffer("midpoints", midpoints(_ACTING_QUANTILES), persistent=False)
        self.register_buffer("cosines", math.pi * torch.arange(_COSINES), persistent=False)

    def fractions(self, rows: int, generator: Generator) -> Tensor:
        """Draw fractions (rows, N), uniform in [0, 1)."""
        shape = (rows, self.n_quantiles)
        return torch.rand(shape, generator=generator, device=generator.device)

    def embed(self, features: Tensor, fractions: Tensor | None) -> Tensor:
        """Multiply features (B, F) by the embedding of each fraction (B or 1, N) (equation 4).

        Returns
        -------
        Tensor
            (B · N, F). N is 32 where the fractions are None: those of acting.
        """
        fractions = self.midpoints if fractions is None else fractions
        cosines = torch.cos(fractions.unsqueeze(2) * self.cosines)
        embedded: Tensor = self.embedding(cosines.flatten(0, 1)).relu()
        embedded = embedded.reshape(*fractions.shape, features.shape[1])
        return (features.unsqueeze(1) * embedded).flatten(0, 1)

    def loss(self, outputs: Tensor, targets: Tensor, fractions: Tensor | None) -> RowLosses:
        """Return the quantile Huber losses (B, 1), which are the errors too (equation 3)."""
        assert fractions is not None
        losses = quantile_huber_loss(outputs, targets, fractions)
        return RowLosses(losses, losses.detach())
