"""TorchRL: a replay buffer that takes and gives TensorDicts.

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
    """A `framering.ReplayBuffer` under the names that TorchRL's collectors and losses use.

    Parameters
    ----------
    buffer : framering.ReplayBuffer or framering.PrioritizedReplayBuffer
        What holds the transitions. Discrete actions are numbers, not one-hot: give TorchRL's
        environments ``categorical_action_encoding=True``.
    batch_size : int, optional
        What `sample` takes by default.
    observation : str, default "observation"
        The key of observations ("pixels" for environments from pixels).

    Raises
    ------
    ValueError
        Where samples of the buffer are no tensors.
    """

    def __init__(
        self,
        buffer: ReplayBuffer,
        batch_size: int | None = None,
        *,
        observation: str = "observation",
    ) -> None:
        if str(buffer.device) == "numpy":
            raise ValueError("buffer: expected one whose samples are tensors, got device='numpy'")
        self.buffer = buffer
        self.batch_size = batch_size
        self.observation = observation

    def __len__(self) -> int:
        """How many transitions can be sampled, of all environments."""
        return len(self.buffer)

    def extend(self, data: TensorDict) -> None:
        """Add transitions in the order of time.

        Parameters
        ----------
        data : TensorDict
            As collectors and rollouts give it, of batch shape ``(T,)`` or ``()`` for one
            environment, ``(n_envs, T)`` for several; with `observation`, ``action``, and under
            ``next`` `observation`, ``reward``, ``terminated`` and ``truncated``.

        Raises
        ------
        ValueError
            For another batch shape, or what does not fit the buffer's spaces.
        """
        n_envs = self.buffer.n_envs
        steps = data.reshape(n_envs, -1) if n_envs == 1 else data
        if steps.batch_dims != 2 or steps.batch_size[0] != n_envs:
            raise ValueError(
                f"data: expected the batch shape ({n_envs}, T), got {tuple(data.batch_size)}"
            )
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
            ends = terminated | truncated
            # A step that both terminated and was truncated has no future to bootstrap from.
            timeouts = {"TimeLimit.truncated": truncated & ~terminated}
            self.buffer.add(obs, next_obs, action, reward, ends, timeouts)

    def sample(self, batch_size: int | None = None) -> TensorDict:
        """Draw a batch as TorchRL's losses take it.

        Returns
        -------
        TensorDict
            Of batch shape ``(batch_size,)``: what `extend` takes but for ``truncated``, and
            ``next, done``. With ``n_step``, ``steps_to_next_obs`` too; of a prioritized buffer,
            ``index`` and ``_weight``.

        Raises
        ------
        ValueError
            Without a batch size, or where there is no transition.
        """
        rows = self.batch_size if batch_size is None else batch_size
        if rows is None:
            raise ValueError("batch_size: expected a number here or at construction, got None")
        batch: Any = self.buffer.sample(rows)
        discrete = isinstance(self.buffer.action_space, spaces.Discrete)
        terminated = batch.dones.bool()
        found: dict[str, Any] = {
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
            found["steps_to_next_obs"] = self._steps(batch.discounts)
        if isinstance(self.buffer, PrioritizedReplayBuffer):
            found["index"] = batch.indices
            found["_weight"] = batch.weights[:, 0]
        return TensorDict(found, batch_size=[rows], device=self.buffer.device)

    def _steps(self, discounts: Any) -> Any:
        # TorchRL's losses raise their own gamma to this number.
        gamma = self.buffer.gamma
        if not 0 < gamma < 1:
            raise ValueError(f"gamma: expected one between 0 and 1 to count steps by, got {gamma}")
        return (discounts.log() / np.log(gamma)).round().long()

    def update_tensordict_priority(self, data: TensorDict) -> None:
        """Set the priorities of a sample to its ``td_error``, which TorchRL's losses write.

        Raises
        ------
        TypeError
            Where the buffer is not prioritized.
        """
        if not isinstance(self.buffer, PrioritizedReplayBuffer):
            raise TypeError("buffer: expected a PrioritizedReplayBuffer to set priorities in")
        self.buffer.update_priorities(data["index"], data["td_error"])
