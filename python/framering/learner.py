"""The learner: two networks, the temporal-difference loss and the optimiser."""

import copy
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional


class Batch(Protocol):
    """What an update needs of B transitions; a sample of ``ReplayBuffer`` has it."""

    @property
    def observations(self) -> Tensor:
        """(B, …), of the space's dtype."""

    @property
    def next_observations(self) -> Tensor:
        """(B, …), of the space's dtype."""

    @property
    def actions(self) -> Tensor:
        """(B, 1), int64."""

    @property
    def rewards(self) -> Tensor:
        """(B, 1), float32."""

    @property
    def dones(self) -> Tensor:
        """(B, 1), float32: 1 where the episode terminated."""


class Learner:
    """Learns action values by Q-learning with a target network (Mnih et al. 2015).

    Parameters
    ----------
    network
        The online network; the target network starts as its copy.
    learning_rate
        Adam's.
    gamma
        The discount factor.
    device
        Where both networks live.
    """

    def __init__(
        self, network: nn.Module, *, learning_rate: float, gamma: float, device: torch.device
    ) -> None:
        self.device = device
        self.gamma = gamma
        self.q_network = network.to(device)
        self.target_network = copy.deepcopy(self.q_network)
        self.optimizer = torch.optim.Adam(self.q_network.parameters(), lr=learning_rate)

    def update(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Take one gradient step; return the loss and the mean value of the actions taken.

        Both are scalars on the device: reading them waits for the update, so read them only to
        report them.
        """
        with torch.no_grad():
            next_values = self.target_network(batch.next_observations).amax(dim=1)
            bootstrapped = self.gamma * next_values * (1 - batch.dones.flatten())
            targets = batch.rewards.flatten() + bootstrapped
        values = self.q_network(batch.observations).gather(1, batch.actions).squeeze(1)
        loss = functional.mse_loss(values, targets)

        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach(), values.detach().mean()

    @torch.no_grad()
    def update_target(self, tau: float) -> None:
        """Move the target network to tau · online + (1 − tau) · target."""
        for target, online in zip(
            self.target_network.parameters(), self.q_network.parameters(), strict=True
        ):
            target.copy_(tau * online + (1 - tau) * target)

    def greedy_actions(self, observations: NDArray[Any]) -> NDArray[np.int64]:
        """Return the actions (N,) that the online network values highest."""
        return greedy_actions(self.q_network, observations)


@torch.no_grad()
def greedy_actions(network: nn.Module, observations: NDArray[Any]) -> NDArray[np.int64]:
    """Return the actions (N,) that a network values highest for observations (N, …)."""
    device = next(network.parameters()).device
    values = network(torch.from_numpy(observations).to(device))
    actions: NDArray[np.int64] = values.argmax(dim=1).cpu().numpy()
    return actions
