"""TorchRL: a replay buffer of TensorDicts.

>>> import numpy as np, torch
>>> from gymnasium import spaces
>>> from tensordict import TensorDict
>>> from framering import ReplayBuffer
>>> from framering.integrations.torchrl import TensorDictReplayBuffer
>>> box = spaces.Box(-1, 1, (3,), np.float32)
>>> buffer = TensorDictReplayBuffer(ReplayBuffer(100, box, spaces.Discrete(2), device="cpu"))
>>> step = {"observation": torch.zeros(3), "action": torch.tensor(1)}
>>> after = {"observation": torch.ones(3), "reward": torch.ones(1)}
>>> after |= {"terminated": torch.tensor([False]), "truncated": torch.tensor([False])}
>>> buffer.extend(TensorDict({**step, "next": after}))
>>> buffer.sample(8)["next", "reward"].shape
torch.Size([8, 1])
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from tensordict import TensorDict

from framering.replay.buffer import ReplayBuffer
from framering.replay.prioritized import PrioritizedReplayBuffer


class TensorDictReplayBuffer:
    """A `framering.ReplayBuffer` with the interface of TorchRL's ReplayBuffer.

    Parameters
    ----------
    buffer : framering.ReplayBuffer or framering.PrioritizedReplayBuffer
        The buffer of the transitions. Actions of a Discrete space are numbers, not one-hot: give
        TorchRL's environments ``categorical_action_encoding=True``. For one-hot actions, give the
        buffer the action space ``MultiBinary(n)``.
    batch_size : int, optional
        Default of `sample`.
    observation : str, default "observation"
        The key of observations ("pixels" for environments from pixels).

    Raises
    ------
    ValueError
        If samples of the buffer are no tensors.
    """

    def __init__(
        self,
        buffer: ReplayBuffer,
        batch_size: int | None = None,
        *,
        observation: str = "observation",
    ) -> None:
        if str(buffer.device) == "numpy":
            raise ValueError(
                "buffer: expected one whose samples are tensors, got device='numpy': make it with "
                "device='cpu'"
            )
        self.buffer = buffer
        self.batch_size = batch_size
        self.observation = observation

    def __len__(self) -> int:
        """Return how many transitions of all environments can be sampled."""
        return len(self.buffer)

    def add(self, data: TensorDict) -> None:
        """Add one step of each environment.

        Parameters
        ----------
        data : TensorDict
            As for `extend`, without the axis of time: of batch shape ``()`` for one environment,
            ``(n_envs,)`` for several.

        Raises
        ------
        ValueError
            As `extend`.
        """
        n_envs = self.buffer.n_envs
        shape = tuple(data.batch_size)
        if shape != (n_envs,) and not (n_envs == 1 and shape == ()):
            expected = "()" if n_envs == 1 else f"({n_envs},)"
            raise ValueError(
                f"data: expected the batch shape {expected}, got {shape}: add takes one step of "
                "each environment, extend takes several"
            )
        self.extend(data.unsqueeze(-1))

    def extend(self, data: TensorDict) -> None:
        """Add transitions in order of time.

        Parameters
        ----------
        data : TensorDict
            As collectors and rollouts return it, of batch shape ``(T,)`` or ``()`` for one
            environment, ``(n_envs, T)`` for several; with `observation`, ``action``, and under
            ``next`` `observation`, ``reward``, ``terminated`` and ``truncated``.

        Raises
        ------
        ValueError
            If it has another batch shape, or does not fit the buffer's spaces.
        """
        n_envs = self.buffer.n_envs
        steps = data.reshape(n_envs, -1) if n_envs == 1 else data
        if steps.batch_dims != 2 or steps.batch_size[0] != n_envs:
            raise ValueError(
                f"data: expected the batch shape ({n_envs}, T), got {tuple(data.batch_size)}: give "
                "one row of steps for each environment"
            )
        self._require_numbers(steps["action"])
        after = steps["next"]
        arrays = [
            np.moveaxis(part.detach().cpu().numpy(), 1, 0)
            for part in (
                steps[self.observation],
                after[self.observation],
                steps["action"],
                after["reward"],
                after["terminated"],
                after["truncated"],
            )
        ]
        for obs, next_obs, action, reward, terminated, truncated in zip(*arrays, strict=True):
            # A step that both terminated and was truncated has no value to bootstrap from.
            infos = {"TimeLimit.truncated": truncated & ~terminated}
            self.buffer.add(obs, next_obs, action, reward, terminated, infos)

    def _require_numbers(self, actions: Any) -> None:
        space = self.buffer.action_space
        if isinstance(space, spaces.Discrete) and tuple(actions.shape[2:]) == (space.n,) != (1,):
            raise ValueError(
                f"action: expected one number of {space}, got {space.n}, as in one-hot: make the "
                "environment with categorical_action_encoding=True, or the buffer with the action "
                f"space MultiBinary({space.n})"
            )

    def empty(self) -> None:
        """Remove all transitions."""
        self.buffer.reset()

    def state_dict(self) -> dict[str, Any]:
        """Return the transitions, the generator's state and the priorities.

        They are held in memory: for a large buffer, prefer ``buffer.save``.
        """
        return self.buffer.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` has returned, into a new buffer for the same spaces.

        Raises
        ------
        ValueError
            If it is damaged, or of a buffer for other spaces. The buffer is unchanged then.
        RuntimeError
            If this buffer has been used already.
        """
        self.buffer.load_state_dict(state_dict)

    def sample(self, batch_size: int | None = None) -> TensorDict:
        """Draw a batch for TorchRL's losses.

        Returns
        -------
        TensorDict
            Of batch shape ``(batch_size,)``, with the keys of `extend` except ``truncated``, and
            with ``next, done``. With ``n_step`` also ``steps_to_next_obs``; of a prioritized
            buffer also ``index`` and ``_weight``.

        Raises
        ------
        ValueError
            If there is no batch size, or no transition.
        """
        rows = self.batch_size if batch_size is None else batch_size
        if rows is None:
            raise ValueError(
                "batch_size: expected an integer, got None: pass one here or to the constructor"
            )
        batch: Any = self.buffer.sample(rows)
        discrete = isinstance(self.buffer.action_space, spaces.Discrete)
        terminated = batch.dones.bool()
        fields: dict[str, Any] = {
            self.observation: batch.observations,
            "action": batch.actions[:, 0] if discrete else batch.actions,
            "next": {
                self.observation: batch.next_observations,
                "reward": batch.rewards,
                "terminated": terminated,
                "done": terminated,
            },
        }
        if batch.discounts is not None:
            fields["steps_to_next_obs"] = self._steps(batch.discounts)
        if isinstance(self.buffer, PrioritizedReplayBuffer):
            fields["index"] = batch.indices
            fields["_weight"] = batch.weights[:, 0]
        return TensorDict(fields, batch_size=[rows], device=self.buffer.device)

    def _steps(self, discounts: Any) -> Any:
        # TorchRL's losses raise their own gamma to this number.
        gamma = self.buffer.gamma
        if not 0 < gamma < 1:
            raise ValueError(
                f"gamma: expected a number above 0 and below 1, got {gamma}: the number of steps "
                "follows from the discounts"
            )
        return (discounts.log() / np.log(gamma)).round().long()

    def update_tensordict_priority(self, data: TensorDict) -> None:
        """Set the priorities of a sample to its ``td_error``, which TorchRL's losses write.

        Raises
        ------
        TypeError
            If the buffer is not prioritized.
        """
        if not isinstance(self.buffer, PrioritizedReplayBuffer):
            raise TypeError(
                f"buffer: expected a PrioritizedReplayBuffer, got {type(self.buffer).__name__}: "
                "only that has priorities"
            )
        self.buffer.update_priorities(data["index"], data["td_error"])
