"""The learner: two networks, the temporal-difference loss and the optimiser."""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from framering.dqn.weights import check_state


class Batch(Protocol):
    """A batch of B transitions, such as a sample of ``ReplayBuffer``."""

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

    @property
    def discounts(self) -> Tensor | None:
        """(B, 1), float32: the discount of the next value; None where it is γ in every row."""


class UpdateResult(NamedTuple):
    """Results of one gradient step: tensors on the device. Reading one waits for the step to end.

    Attributes
    ----------
    loss, q_value
        Scalars: the loss, and the mean value of the actions in the batch.
    td_errors
        (B, 1): targets minus values; their magnitudes are prioritised replay's priorities.
    """

    loss: Tensor
    q_value: Tensor
    td_errors: Tensor


class Learner:
    """Deep Q-learning with a target network (Mnih et al. 2015).

    Parameters
    ----------
    network
        The online network; the target network starts as its copy.
    learning_rate
        The learning rate of Adam.
    gamma
        The discount factor.
    device
        The device of both networks.
    double
        Let the online network choose the action whose value the target network gives (Double DQN,
        van Hasselt et al. 2016).
    huber
        Use the Huber loss instead of the squared error.
    max_grad_norm
        The largest norm of the gradient, which is scaled down to it; 0: no limit.
    bfloat16
        Compute the convolutions and products of the loss in bfloat16 (``torch.autocast``); values,
        weights, targets, the optimiser and acting stay float32.
    act_with_target
        Choose greedy actions by the target network.
    compiled
        Compile the loss and its gradient with ``torch.compile``. Where that fails, the learner
        warns and continues without.
    warn
        Called with the warning.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        learning_rate: float,
        gamma: float,
        device: torch.device,
        double: bool = False,
        huber: bool = False,
        max_grad_norm: float = 0.0,
        bfloat16: bool = False,
        act_with_target: bool = False,
        compiled: bool = False,
        warn: Callable[[str], None] = print,
    ) -> None:
        self.device = device
        # Convolutions are faster with channels last; results are the same.
        self.q_network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.target_network = copy.deepcopy(self.q_network)
        self.optimizer = torch.optim.Adam(
            self.q_network.parameters(), lr=learning_rate, fused=device.type in ("cpu", "cuda")
        )
        self._actor = self.target_network if act_with_target else self.q_network
        self._gamma = gamma
        self._double = double
        self._criterion = functional.smooth_l1_loss if huber else functional.mse_loss
        self._max_grad_norm = max_grad_norm
        self._bfloat16 = bfloat16
        self._warn = warn
        self._backward = self._compile_and_run if compiled else self._loss_and_gradient

    def update(self, batch: Batch) -> UpdateResult:
        """Take one gradient step. A prioritised batch's weights scale each row's loss."""
        self.optimizer.zero_grad()
        result = self._backward(batch)
        if self._max_grad_norm:
            nn.utils.clip_grad_norm_(self.q_network.parameters(), self._max_grad_norm)
        self.optimizer.step()
        return result

    @torch.no_grad()
    def update_target(self, tau: float) -> None:
        """Move the target network to tau · online + (1 − tau) · target."""
        for target, online in zip(
            self.target_network.parameters(), self.q_network.parameters(), strict=True
        ):
            target.copy_(tau * online + (1 - tau) * target)

    def greedy_actions(self, observations: NDArray[Any]) -> NDArray[np.int64]:
        """Return the actions (N,) that the acting network values highest."""
        return greedy_actions(self._actor, observations)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both networks and of the optimiser, as their own state_dicts."""
        return {
            "q_network": self.q_network.state_dict(),
            "target_network": self.target_network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what `state_dict` returned, for a network of the same layers.

        Raises
        ------
        ValueError
            If it is the state of other networks or of another optimiser. Nothing has changed then.
        """
        expected = {"q_network", "target_network", "optimizer"}
        if not isinstance(state, dict) or set(state) != expected:
            raise ValueError(f"state: expected the keys {sorted(expected)}, got {list(state)}")
        for name in ("q_network", "target_network"):
            check_state(name, state[name], self.q_network.state_dict())
        moments = self._moments(state["optimizer"])
        self.q_network.load_state_dict(state["q_network"])
        self.target_network.load_state_dict(state["target_network"])
        # The learning rate and Adam's other options are those of this learner's settings.
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})

    def _moments(self, optimizer: Any) -> dict[int, dict[str, Tensor]]:
        """Check and copy Adam's moments, in the memory format of their parameters.

        The fused Adam needs that format, and `torch.optim.Optimizer.load_state_dict` keeps the
        format of the moments that it is given.
        """
        saved = optimizer.get("state") if isinstance(optimizer, dict) else None
        parameters = dict(enumerate(self.q_network.parameters()))
        if not isinstance(saved, dict) or saved.keys() not in (set(), parameters.keys()):
            raise ValueError(
                f"optimizer: expected the state of {len(parameters)} parameters or of none, "
                f"got that of {list(saved) if isinstance(saved, dict) else saved!r}"
            )
        moments = {}
        for index, state in saved.items():
            parameter = parameters[index].detach()
            step = torch.zeros((), device=parameter.device)
            expected = {"step": step, "exp_avg": parameter, "exp_avg_sq": parameter}
            check_state(f"optimizer state of parameter {index}", state, expected)
            moments[index] = {
                name: torch.empty_like(tensor).copy_(state[name])
                for name, tensor in expected.items()
            }
        return moments

    def _loss(
        self,
        observations: Tensor,
        actions: Tensor,
        rewards: Tensor,
        next_observations: Tensor,
        dones: Tensor,
        discounts: Tensor | float,
        weights: Tensor | None,
    ) -> UpdateResult:
        """Temporal-difference loss of a batch."""
        with torch.no_grad():
            next_values = self._values(self.target_network, next_observations)
            chooser = next_values
            if self._double:
                chooser = self._values(self.q_network, next_observations)
            best = chooser.argmax(dim=1, keepdim=True)
            targets = rewards + discounts * next_values.gather(1, best) * (1 - dones)
        values = self._values(self.q_network, observations).gather(1, actions)
        if weights is None:
            loss = self._criterion(values, targets)
        else:
            loss = (weights * self._criterion(values, targets, reduction="none")).mean()
        return UpdateResult(loss, values.detach().mean(), (targets - values).detach())

    def _values(self, network: nn.Module, observations: Tensor) -> Tensor:
        """Action values (B, actions), float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            values: Tensor = network(observations)
        return values.float()

    def _loss_and_gradient(self, batch: Batch) -> UpdateResult:
        discounts = self._gamma if batch.discounts is None else batch.discounts
        result = self._loss(
            batch.observations,
            batch.actions,
            batch.rewards,
            batch.next_observations,
            batch.dones,
            discounts,
            getattr(batch, "weights", None),
        )
        result.loss.backward()  # type: ignore[no-untyped-call]
        return result._replace(loss=result.loss.detach())

    def _compile_and_run(self, batch: Batch) -> UpdateResult:
        """Compile at the first batch; on CUDA, ``reduce-overhead`` captures CUDA graphs.

        Neither pass changes a weight, so the plain loss can replace a compiled one that fails.
        """
        plain = self._loss
        self._backward = self._loss_and_gradient
        try:
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"
            self._loss = torch.compile(plain, mode=mode)  # type: ignore[method-assign]
            return self._backward(batch)
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            self._warn(f"torch.compile failed, continuing without it: {reason}")
            self._loss = plain  # type: ignore[method-assign]
            self.optimizer.zero_grad()
            return self._backward(batch)


@torch.no_grad()
def greedy_actions(network: nn.Module, observations: NDArray[Any]) -> NDArray[np.int64]:
    """Return the actions (N,) that a network values highest for observations (N, …)."""
    device = next(network.parameters()).device
    values = network(torch.from_numpy(observations).to(device))
    actions: NDArray[np.int64] = values.argmax(dim=1).cpu().numpy()
    return actions
