"""The learner: two networks, the loss of a batch, and the optimiser."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from framering.dqn.augmentation import Augmentation, draw_augmentation
from framering.dqn.capture import Captured
from framering.dqn.heads.expected import ExpectedHead
from framering.dqn.heads.head import Backup
from framering.dqn.layers import draw_noise, noise_of
from framering.dqn.network import ValueNetwork
from framering.dqn.policies import (
    GreedyPolicy,
    TargetPolicy,
    munchausen_bonus,
    soft_policy,
    taken,
)
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


class LossInputs(NamedTuple):
    """The parts of a batch that the loss reads, and the discount."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    dones: Tensor
    discounts: Tensor | float
    weights: Tensor | None


class UpdateResult(NamedTuple):
    """Results of one gradient step: tensors on the device. Reading one waits for the step to end.

    Attributes
    ----------
    loss, q_value
        Scalars: the loss, and the mean value of the actions in the batch.
    td_errors
        (B, 1): targets minus values, or each row's loss where the head predicts a distribution;
        their magnitudes are prioritised replay's priorities.
    """

    loss: Tensor
    q_value: Tensor
    td_errors: Tensor


class Draws(NamedTuple):
    """Random numbers of one update, drawn before it.

    Attributes
    ----------
    fractions, next_fractions
        The quantile fractions (B, N) of the predictions and of the targets, if the head has any.
    shift, next_shift
        The augmentation of the observations and of the next ones, if there is any.
    """

    fractions: Tensor | None = None
    next_fractions: Tensor | None = None
    shift: Augmentation | None = None
    next_shift: Augmentation | None = None


class LossModule(nn.Module):
    """The loss as a module, whose parameters are those of the online network.

    Parameters
    ----------
    q_network
        The online network.
    loss
        The loss of a batch.
    """

    def __init__(
        self, q_network: nn.Module, loss: Callable[[LossInputs, Draws], UpdateResult]
    ) -> None:
        super().__init__()
        self.q_network = q_network
        self._loss = loss

    def forward(self, inputs: LossInputs, draws: Draws) -> UpdateResult:
        """Loss and results of a batch."""
        return self._loss(inputs, draws)


class Learner:
    """Deep Q-learning with a target network (Mnih et al. 2015).

    Parameters
    ----------
    network
        The online network; the target network starts as its copy. Its head has the loss.
    learning_rate, adam_eps
        The learning rate of Adam, and its ε.
    gamma
        The discount factor.
    device
        The device of both networks.
    double
        Let the online network choose the action whose value the target network gives (Double DQN,
        van Hasselt et al. 2016).
    munchausen
        Targets of Munchausen DQN (Vieillard et al. 2020): the policy of the targets is soft, and
        the rewards have a bonus for likely actions.
    augment
        Shift the images of each batch at random (DrQ, Yarats et al. 2021).
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
    captured
        On CUDA, record the update and the choice of actions as CUDA graphs after their first
        calls, and replay them. Where that fails, the learner warns and continues without.
    average_gradients
        Wraps the loss as a module of the online network, so that the gradients are means over
        several processes; each updates with its share of a batch. The wrapped update is not
        captured.
    seed
        Seeds the noise of the layers, the fractions of the quantiles and the augmentation.
    warn
        Called with the warning.

    Attributes
    ----------
    updates : int
        Gradient steps that this object has taken.
    """

    def __init__(
        self,
        network: ValueNetwork,
        *,
        learning_rate: float,
        gamma: float,
        device: torch.device,
        adam_eps: float = 1e-8,
        double: bool = False,
        munchausen: bool = False,
        augment: bool = False,
        max_grad_norm: float = 0.0,
        bfloat16: bool = False,
        act_with_target: bool = False,
        compiled: bool = False,
        captured: bool = False,
        average_gradients: Callable[[nn.Module], nn.Module] | None = None,
        seed: int = 0,
        warn: Callable[[str], None] = print,
    ) -> None:
        self.device = device
        # Convolutions are faster with channels last; results are the same.
        self.q_network: ValueNetwork = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.target_network = copy.deepcopy(self.q_network)
        self.optimizer = torch.optim.Adam(
            self.q_network.parameters(),
            lr=learning_rate,
            eps=adam_eps,
            fused=device.type in ("cpu", "cuda"),
            capturable=captured,
        )
        self.generator = Generator(device).manual_seed(seed)
        self._actor = self.target_network if act_with_target else self.q_network
        self._actor_noise = noise_of(self._actor)
        self._noise = noise_of(self.q_network) + noise_of(self.target_network)
        self._gamma = gamma
        self._double = double
        self._munchausen = munchausen
        self._augment = augment
        self._max_grad_norm = max_grad_norm
        self._bfloat16 = bfloat16
        self._warn = warn
        self._backward = self._compile_and_run if compiled else self._loss_and_gradient
        self.captured = captured
        self._averages_gradients = average_gradients is not None
        self._forward: Callable[[LossInputs, Draws], UpdateResult] = self._current_loss
        if average_gradients is not None:
            self._forward = average_gradients(LossModule(self.q_network, self._current_loss))
        self.updates = 0
        self._use_plain_or_captured_functions()

    @property
    def compiles_next(self) -> bool:
        """Whether the next update is compiled before it runs."""
        return self._backward == self._compile_and_run

    def update(self, batch: Batch) -> UpdateResult:
        """Take one gradient step. A prioritised batch's weights scale each row's loss."""
        self.updates += 1
        draw_noise(self._noise, self.generator)
        inputs = LossInputs(
            batch.observations,
            batch.actions,
            batch.rewards,
            batch.next_observations,
            batch.dones,
            self._gamma if batch.discounts is None else batch.discounts,
            getattr(batch, "weights", None),
        )
        return self._take_step(inputs, self._draw(len(batch.actions)))

    @torch.no_grad()
    def update_target(self, tau: float) -> None:
        """Move the target network to tau · online + (1 − tau) · target."""
        for target, online in zip(
            self.target_network.parameters(), self.q_network.parameters(), strict=True
        ):
            target.copy_(tau * online + (1 - tau) * target)

    def greedy_actions(self, observations: NDArray[Any]) -> NDArray[np.int64]:
        """Return the actions (N,) that the acting network values highest, with new noise."""
        draw_noise(self._actor_noise, self.generator)
        return self._choose(torch.from_numpy(observations).to(self.device)).cpu().numpy()

    def acting_weights(self) -> dict[str, NDArray[Any]]:
        """Copy the ``state_dict`` of the acting network into NumPy arrays, for other processes."""
        state = self._actor.state_dict().items()
        return {name: tensor.detach().contiguous().cpu().numpy().copy() for name, tensor in state}

    def state_dict(self) -> dict[str, Any]:
        """Return the states of both networks, of the optimiser and of the random generator."""
        return {
            "q_network": self.q_network.state_dict(),
            "target_network": self.target_network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what `state_dict` returned, for a network of the same layers.

        Raises
        ------
        ValueError
            If it is the state of other networks or of another optimiser. Nothing has changed then.
        """
        expected = {"q_network", "target_network", "optimizer", "generator"}
        # The states of framering 0.1 have no generator: nothing was drawn.
        if not isinstance(state, dict) or set(state) | {"generator"} != expected:
            raise ValueError(f"state: expected the keys {sorted(expected)}, got {list(state)}")
        for name in ("q_network", "target_network"):
            check_state(name, state[name], self.q_network.state_dict())
        moments = self._moments(state["optimizer"])
        generator = state.get("generator", self.generator.get_state())
        check_state("generator", {"state": generator}, {"state": self.generator.get_state()})
        self.q_network.load_state_dict(state["q_network"])
        self.target_network.load_state_dict(state["target_network"])
        # The learning rate and Adam's other options are those of this learner's settings.
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.generator.set_state(generator.cpu())
        # What was recorded reads the optimiser's old moments.
        self._use_plain_or_captured_functions()

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
        # Adam counts on the host where it isn't fused.
        fused = self.optimizer.defaults["fused"]
        moments = {}
        for index, state in saved.items():
            parameter = parameters[index].detach()
            step = torch.zeros((), device=parameter.device if fused else "cpu")
            expected = {"step": step, "exp_avg": parameter, "exp_avg_sq": parameter}
            check_state(f"optimizer state of parameter {index}", state, expected)
            moments[index] = {
                name: torch.empty_like(tensor).copy_(state[name])
                for name, tensor in expected.items()
            }
        return moments

    def _use_plain_or_captured_functions(self) -> None:
        choose = partial(best_actions, self._actor)
        self._take_step: Callable[[LossInputs, Draws], UpdateResult] = self._plain_step
        self._choose: Callable[[Tensor], Tensor] = choose
        if self.captured:
            if not self._averages_gradients:
                self._take_step = Captured(self._plain_step, warn=self._warn)
            self._choose = Captured(choose, warn=self._warn)

    def _plain_step(self, inputs: LossInputs, draws: Draws) -> UpdateResult:
        self.optimizer.zero_grad()
        result = self._backward(inputs, draws)
        if self._max_grad_norm:
            nn.utils.clip_grad_norm_(self.q_network.parameters(), self._max_grad_norm)
        self.optimizer.step()
        return result

    def _draw(self, rows: int) -> Draws:
        """Draw the random numbers of an update."""
        fractions, next_fractions = (
            self.q_network.head.fractions(rows, self.generator) for _ in range(2)
        )
        if not self._augment:
            return Draws(fractions, next_fractions)
        shift, next_shift = (draw_augmentation(rows, self.generator) for _ in range(2))
        return Draws(fractions, next_fractions, shift, next_shift)

    def _loss(
        self,
        observations: Tensor,
        actions: Tensor,
        rewards: Tensor,
        next_observations: Tensor,
        dones: Tensor,
        discounts: Tensor | float,
        weights: Tensor | None,
        draws: Draws,
    ) -> UpdateResult:
        """Loss of a batch."""
        head = self.q_network.head
        if draws.shift is not None and draws.next_shift is not None:
            observations = draws.shift.of(observations)
            next_observations = draws.next_shift.of(next_observations)
        inputs, next_inputs = map(self.q_network.scaled, (observations, next_observations))
        with torch.no_grad():
            if self._munchausen:
                present = self._outputs(self.target_network, inputs, draws.fractions)
                rewards = rewards + munchausen_bonus(head.values(present), actions)
            next_outputs = self._outputs(self.target_network, next_inputs, draws.next_fractions)
            policy = self._policy(next_outputs, next_inputs, draws.next_fractions)
            targets = head.targets(next_outputs, policy, Backup(rewards, discounts, dones))
        outputs = taken(self._outputs(self.q_network, inputs, draws.fractions), actions)
        losses, errors = head.loss(outputs, targets, draws.fractions)
        loss = losses.mean() if weights is None else (weights * losses).mean()
        return UpdateResult(loss, head.values(outputs.detach().unsqueeze(1)).mean(), errors)

    def _policy(
        self, next_outputs: Tensor, next_inputs: Tensor, next_fractions: Tensor | None
    ) -> TargetPolicy:
        """Return the policy of the targets: soft, or the greedy one of either network."""
        head = self.q_network.head
        if self._munchausen:
            return soft_policy(head.values(next_outputs))
        chooser = next_outputs
        if self._double:
            chooser = self._outputs(self.q_network, next_inputs, next_fractions)
        return GreedyPolicy(head.values(chooser).argmax(dim=1, keepdim=True))

    def _outputs(self, network: ValueNetwork, inputs: Tensor, fractions: Tensor | None) -> Tensor:
        """Outputs (B, actions, K), float32."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            outputs = network.outputs(inputs, fractions)
        return outputs.float()

    def _current_loss(self, inputs: LossInputs, draws: Draws) -> UpdateResult:
        """Loss of a batch, compiled or not."""
        return self._loss(*inputs, draws)

    def _loss_and_gradient(self, inputs: LossInputs, draws: Draws) -> UpdateResult:
        result = self._forward(inputs, draws)
        result.loss.backward()  # type: ignore[no-untyped-call]
        return result._replace(loss=result.loss.detach())

    def _compile_and_run(self, inputs: LossInputs, draws: Draws) -> UpdateResult:
        """Compile at the first batch.

        Neither pass changes a weight, so the plain loss can replace a compiled one that fails.
        """
        plain = self._loss
        self._backward = self._loss_and_gradient
        try:
            self._loss = torch.compile(plain)  # type: ignore[method-assign]
            return self._backward(inputs, draws)
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            self._warn(f"torch.compile failed, continuing without it: {reason}")
            self._loss = plain  # type: ignore[method-assign]
            self.optimizer.zero_grad()
            return self._backward(inputs, draws)


def greedy_actions(network: nn.Module, observations: NDArray[Any]) -> NDArray[np.int64]:
    """Return the actions (N,) that a network values highest for observations (N, …)."""
    device = next(network.parameters()).device
    actions = best_actions(network, torch.from_numpy(observations).to(device))
    return actions.cpu().numpy()


@torch.no_grad()
def best_actions(network: nn.Module, observations: Tensor) -> Tensor:
    """Return the actions (N,) that a network values highest, for tensors on its device."""
    actions: Tensor = network(observations).argmax(dim=1)
    return actions


@torch.no_grad()
def predicted_distribution(
    network: nn.Module, observations: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return the returns and probabilities (A, K) that a network predicts for one observation.

    None where it predicts expectations only. ``observations`` is (1, …).
    """
    if not isinstance(network, ValueNetwork) or isinstance(network.head, ExpectedHead):
        return None
    device = next(network.parameters()).device
    outputs = network.outputs(network.scaled(torch.from_numpy(observations).to(device)))
    distribution = network.head.distribution(outputs)
    returns, probabilities = (part[0].cpu().numpy() for part in distribution)
    return returns, probabilities
