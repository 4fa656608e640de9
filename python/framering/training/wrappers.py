"""Wrappers that give Gymnasium's vector environments the interface of AtariVectorEnv."""

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from framering.replay.buffer import ReplayBuffer

if TYPE_CHECKING:
    _Wrapper = VectorWrapper[Any, Any, Any, Any, Any]
else:  # generic since Gymnasium 1.4
    _Wrapper = VectorWrapper


class EpisodeInfos(_Wrapper):
    """Report finished episodes in ``infos["episode"]``, as AtariVectorEnv does."""

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step; ``infos["episode"]`` has arrays r, l and t, valid where ``infos["_episode"]``."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if "episode" in infos.get("final_info", {}):
            infos["episode"] = infos["final_info"]["episode"]
            infos["_episode"] = infos["final_info"]["_episode"]
        return observations, rewards, terminations, truncations, infos


class ReplayRecorder(EpisodeInfos):
    """Add every transition of a vector environment to a replay buffer.

    The next observation of a step that ends an episode is its true final observation, not the
    first of the next episode. Terminations are stored as done; truncations end the episode in the
    buffer without being done, so that n-step returns stop there and bootstrap.

    Parameters
    ----------
    env
        A vector environment that resets in the same step.
    replay
        A buffer for as many environments, with ``handle_timeout_termination=True``.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], replay: ReplayBuffer) -> None:
        super().__init__(env)
        self._replay = replay
        self._observations: NDArray[Any] = np.empty(0)
        self._actions: NDArray[np.int64] = np.empty(0, np.int64)
        self._next_seed = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset; the first transition starts from the observations that this returns."""
        if seed is not None:
            self._next_seed = seed
        self._observations, infos = self.env.reset(seed=seed, options=options)
        return self._observations, infos

    def send(self, actions: NDArray[np.int64], env_id: None = None) -> None:
        """Accept the actions of a step; Gymnasium's environments take it in `recv`."""
        self._actions = actions

    def recv(self) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Take the step that `send` began."""
        return self.step(self._actions)

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step, and add the transitions."""
        observations, rewards, terminations, truncations, infos = super().step(actions)
        next_observations = observations
        if "final_obs" in infos:
            next_observations = observations.copy()
            for index in np.flatnonzero(infos["_final_obs"]):
                next_observations[index] = infos["final_obs"][index]
        self._replay.add(
            self._observations,
            next_observations,
            actions,
            rewards,
            terminations | truncations,
            {"TimeLimit.truncated": truncations & ~terminations},
        )
        self._observations = observations
        self._next_seed += self.num_envs
        return observations, rewards, terminations, truncations, infos

    def state_dict(self) -> dict[str, Any]:
        """Return the seed with which a resumed run goes on: Gymnasium's state can't be saved."""
        return {"seed": self._next_seed}

    def load_state_dict(self, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Begin new episodes with the seed that `state_dict` returned; see `reset`."""
        return self.reset(seed=state["seed"])
