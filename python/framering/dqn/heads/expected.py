"""The expected return of each action: DQN (Mnih et al. 2015)."""

from torch import Generator, Tensor, nn
from torch.nn import functional

from framering.dqn.heads.head import Backup, RowLosses
from framering.dqn.policies import TargetPolicy


class ExpectedHead(nn.Module):
    """Q(s, a), trained by temporal differences.

    Parameters
    ----------
    huber
        Use the Huber loss instead of the squared error.
    """

    outputs = 1

    def __init__(self, huber: bool = False) -> None:
        super().__init__()
        self.huber = huber

    def fractions(self, rows: int, generator: Generator) -> None:
        """Return None: nothing is drawn."""

    def values(self, outputs: Tensor) -> Tensor:
        """Return the values (B, A) of outputs (B, A, 1)."""
        return outputs.squeeze(2)

    def targets(self, outputs: Tensor, policy: TargetPolicy, backup: Backup) -> Tensor:
        """Return the targets (B, 1): r + γ Σ_a π(a|s′) Q(s′, a)."""
        return backup.of(policy.expectation(outputs))

    def loss(self, outputs: Tensor, targets: Tensor, fractions: Tensor | None) -> RowLosses:
        """Return the squared or Huber losses of the values (B, 1), and targets minus values."""
        criterion = functional.smooth_l1_loss if self.huber else functional.mse_loss
        losses = criterion(outputs, targets, reduction="none")
        return RowLosses(losses, (targets - outputs).detach())
