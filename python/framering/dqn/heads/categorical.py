"""A distribution of the return over fixed atoms: C51 (Bellemare et al. 2017)."""

import torch
from torch import Generator, Tensor, nn

from framering.dqn.heads.head import Backup, RowLosses
from framering.dqn.policies import TargetPolicy

# CleanRL's bounds of a probability in the loss.
_MIN_PROBABILITY = 1e-5


class CategoricalHead(nn.Module):
    """Logits of a categorical distribution over atoms between two bounds of the return.

    The loss is that of CleanRL's ``c51_atari.py``, operation for operation.

    Parameters
    ----------
    n_atoms
        The number of atoms, 2 or more; 51 in the paper.
    v_min, v_max
        The first atom and the last.
    """

    atoms: Tensor

    def __init__(self, n_atoms: int = 51, v_min: float = -10.0, v_max: float = 10.0) -> None:
        super().__init__()
        self.outputs = n_atoms
        self.v_min, self.v_max = v_min, v_max
        self.register_buffer("atoms", torch.linspace(v_min, v_max, n_atoms))

    def fractions(self, rows: int, generator: Generator) -> None:
        """Return None: nothing is drawn."""

    def probabilities(self, outputs: Tensor) -> Tensor:
        """Return the probabilities of the atoms (the last axis), of outputs of any shape."""
        return outputs.softmax(dim=-1)

    def values(self, outputs: Tensor) -> Tensor:
        """Return the expected returns (B, A) of outputs (B, A, atoms): Σ_i z_i p_i."""
        return (self.probabilities(outputs) * self.atoms).sum(dim=-1)

    def distribution(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the atoms and their probabilities (B, A, atoms)."""
        probabilities = self.probabilities(outputs)
        return self.atoms.expand_as(probabilities), probabilities

    def targets(self, outputs: Tensor, policy: TargetPolicy, backup: Backup) -> Tensor:
        """Return the target's probabilities (B, atoms): the backed up distribution, projected."""
        returns, probabilities = policy.mixture(self.atoms, self.probabilities(outputs))
        return project(backup.of(returns), probabilities, self.atoms, self.v_min, self.v_max)

    def loss(self, outputs: Tensor, targets: Tensor, fractions: Tensor | None) -> RowLosses:
        """Return the cross-entropies −Σ_i m_i log p_i (B, 1), which are the errors too."""
        probabilities = self.probabilities(outputs)
        clipped = probabilities.clamp(min=_MIN_PROBABILITY, max=1 - _MIN_PROBABILITY)
        losses = -(targets * clipped.log()).sum(dim=-1)
        return RowLosses(losses.unsqueeze(1), losses.detach().unsqueeze(1))


def project(
    returns: Tensor, probabilities: Tensor, atoms: Tensor, v_min: float, v_max: float
) -> Tensor:
    """Project distributions onto the atoms (the paper's algorithm 1).

    Parameters
    ----------
    returns, probabilities
        (B, M), the returns of each row's distribution and their probabilities.
    atoms
        (K,), evenly spaced from v_min to v_max.

    Returns
    -------
    Tensor
        (B, K). A return between two atoms gives each the share that is nearer to it; one outside
        gives all to the first or the last.
    """
    positions = (returns.clamp(v_min, v_max) - v_min) / (atoms[1] - atoms[0])
    lower = positions.floor().clamp(0, len(atoms) - 1)
    upper = positions.ceil().clamp(0, len(atoms) - 1)
    # A return on an atom has the same atom below and above: its first share must be all of it.
    lower_share = (upper + (lower == upper).float() - positions) * probabilities
    upper_share = (positions - lower) * probabilities
    projected = torch.zeros(len(returns), len(atoms), device=returns.device)
    projected.scatter_add_(1, lower.long(), lower_share)
    projected.scatter_add_(1, upper.long(), upper_share)
    return projected
