"""SB3's DQN with prioritized experience replay."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN
from torch.nn import functional

from framering.integrations.sb3.buffer import PrioritizedReplayBuffer
from framering.replay.arguments import real
from framering.replay.prioritized import PrioritizedReplayBuffer as _AnyPrioritized


class PrioritizedDQN(DQN):
    """SB3's DQN with prioritized experience replay (Schaul et al., ICLR 2016).

    Each transition's loss has its importance weight as a factor, and its absolute TD error becomes
    its priority. All else is as in SB3.

    Parameters
    ----------
    *args, **options
        As for ``stable_baselines3.DQN``. ``replay_buffer_class`` is by default
        `PrioritizedReplayBuffer`; its ``alpha``, ``beta`` and ``epsilon`` go into
        ``replay_buffer_kwargs``.
    final_beta : float, default 1.0
        The exponent of the importance weights at the end of `learn`. It goes there linearly from
        the buffer's ``beta``.

    Raises
    ------
    TypeError
        If ``replay_buffer_class`` is not prioritized.

    Examples
    --------
    >>> from framering.integrations.sb3 import PrioritizedDQN
    >>> options = {"alpha": 0.6, "beta": 0.4}
    >>> model = PrioritizedDQN(
    ...     "MlpPolicy", "CartPole-v1", replay_buffer_kwargs=options, device="cpu"
    ... )
    >>> model.learn(200).replay_buffer.beta
    1.0
    """

    initial_beta: float

    def __init__(self, *args: Any, final_beta: float = 1.0, **options: Any) -> None:
        self.final_beta = real("final_beta", final_beta, 0)
        super().__init__(*args, **options)

    def _setup_model(self) -> None:
        if self.replay_buffer_class is None:
            self.replay_buffer_class = PrioritizedReplayBuffer
        if not issubclass(self.replay_buffer_class, _AnyPrioritized):
            raise TypeError(
                "replay_buffer_class: expected PrioritizedReplayBuffer, got "
                f"{self.replay_buffer_class.__name__}: leave it out, or use stable_baselines3.DQN"
            )
        n_steps = getattr(self, "n_steps", 1)  # SB3 has it from 2.7 on
        if n_steps > 1:
            n_step_options = {"n_step": n_steps, "gamma": self.gamma}
            self.replay_buffer_kwargs = {**n_step_options, **self.replay_buffer_kwargs}
        with warnings.catch_warnings():
            # SB3 can't know that this buffer takes n_steps.
            warnings.filterwarnings("ignore", message="`n_steps=")
            super()._setup_model()
        self.initial_beta = self._prioritized_buffer.beta

    @property
    def _prioritized_buffer(self) -> _AnyPrioritized:
        if not isinstance(self.replay_buffer, _AnyPrioritized):
            raise TypeError(
                "replay_buffer: expected a PrioritizedReplayBuffer, got "
                f"{type(self.replay_buffer).__name__}: load one that a PrioritizedDQN has saved, "
                "or use stable_baselines3.DQN"
            )
        return self.replay_buffer

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Do gradient steps, as SB3's DQN does, and update the priorities after each."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        progress = 1 - self._current_progress_remaining
        beta = self.initial_beta + progress * (self.final_beta - self.initial_beta)
        buffer = self._prioritized_buffer
        buffer.beta = beta

        losses = []
        for _ in range(gradient_steps):
            batch = buffer.sample(batch_size, env=self._vec_normalize_env)
            discounts = batch.discounts if batch.discounts is not None else self.gamma
            with torch.no_grad():
                next_q_values = self.q_net_target(batch.next_observations)
                next_q_values, _ = next_q_values.max(dim=1)
                next_q_values = next_q_values.reshape(-1, 1)
                targets = batch.rewards + (1 - batch.dones) * discounts * next_q_values
            q_values = self.q_net(batch.observations)
            q_values = torch.gather(q_values, dim=1, index=batch.actions.long())

            transition_losses = functional.smooth_l1_loss(q_values, targets, reduction="none")
            loss = (batch.weights * transition_losses).mean()
            losses.append(loss.item())
            self.policy.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()

            td_errors = (targets - q_values).detach().abs()
            buffer.update_priorities(batch.indices, td_errors)

        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", np.mean(losses))
        self.logger.record("train/beta", beta)
