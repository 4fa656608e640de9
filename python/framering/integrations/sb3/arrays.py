"""The arrays of SB3's replay buffer, decoded out of the frame ring."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import framering.replay.buffer
from framering.integrations.sb3.lazy_array import Array, LazyArray, ReadRows
from framering.replay.sampling import UniformSampling

if TYPE_CHECKING:
    from framering._core import SamplerBase

_ROWS_AT_ONCE = 1024  # bounds the memory for frames that are decoded beside those asked for

Numbers = NDArray[np.int64]


class Sb3Arrays(framering.replay.buffer.ReplayBuffer):
    """A `framering.ReplayBuffer` with the arrays of SB3's.

    Attributes
    ----------
    observations, next_observations : LazyArray (buffer_size, n_envs, *observation shape)
    actions : LazyArray (buffer_size, n_envs, action_dim)
    rewards, dones, timeouts : LazyArray (buffer_size, n_envs), float32
        Of one step each, also with ``n_step``. Read-only, and decoded when they are indexed.
        Position i has the transitions of the newest `add` call whose number modulo `buffer_size`
        is i; zeros where there is none, or where its transition is no longer kept.
        With ``optimize_memory_usage``, ``observations[pos]`` is the newest next observation, as in
        SB3; but there are ``next_observations``, too.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: Any,
        action_space: Any,
        device: Any = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        handle_timeout_termination: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            device,
            n_envs,
            optimize_memory_usage,
            handle_timeout_termination,
            **options,
        )

    @property
    def full(self) -> bool:
        """Whether `add` was called `buffer_size` times since the last `reset`.

        Setting it in an empty buffer fills it with zeros, which is what SB3's buffer holds then.
        """
        return super().full

    @full.setter
    def full(self, full: bool) -> None:
        if full == self.full:
            return
        if self.pos != 0 or not full:
            raise ValueError(
                f"full: expected {self.full}, got {full}: it follows from the calls of add(); call "
                "reset() to empty the buffer"
            )
        obs = np.zeros((self.n_envs, *self.obs_shape), self._observation_spec.dtype)
        actions = np.zeros((self.n_envs, self.action_dim), self._action_spec.dtype)
        column = np.zeros(self.n_envs)
        for _ in range(self.buffer_size):
            self.add(obs, obs, actions, column, column.astype(np.bool_), None)

    @property
    def observations(self) -> LazyArray:
        """The observation of each transition."""
        read = self._shared_frames if self.optimize_memory_usage else self._frames("observations")
        return LazyArray("observations", self._frames_shape, self._observation_spec.dtype, read)

    @property
    def next_observations(self) -> LazyArray:
        """The observation after each transition, also at the end of an episode."""
        read = self._frames("next_observations")
        return LazyArray(
            "next_observations", self._frames_shape, self._observation_spec.dtype, read
        )

    @property
    def actions(self) -> LazyArray:
        """The action of each transition."""
        shape = (self.buffer_size, self.n_envs, self.action_dim)
        return LazyArray("actions", shape, self._action_spec.dtype, self._step_field("actions"))

    @property
    def rewards(self) -> LazyArray:
        """The reward of each transition."""
        return self._column("rewards", self._step_field("rewards"))

    @property
    def dones(self) -> LazyArray:
        """1 where an episode ended by the transition, also by a truncation."""

        def read(positions: Numbers, envs: Numbers) -> Array:
            steps = self._steps(positions, envs)
            ended: Array = steps["terminated"] | steps["truncated"]
            return ended.astype(np.float32)

        if self.optimize_memory_usage:
            return _DonesOfSharedFrames(self, "dones", read)
        return self._column("dones", read)

    @property
    def timeouts(self) -> LazyArray:
        """1 where an episode was truncated after the transition."""

        def read(positions: Numbers, envs: Numbers) -> Array:
            truncated: Array = self._steps(positions, envs)["truncated"]
            return truncated.astype(np.float32)

        return self._column("timeouts", read)

    @property
    def _frames_shape(self) -> tuple[int, ...]:
        return (self.buffer_size, self.n_envs, *self.obs_shape)

    def _column(self, name: str, read: ReadRows) -> LazyArray:
        return LazyArray(name, (self.buffer_size, self.n_envs), np.dtype(np.float32), read)

    def _step_field(self, name: str) -> ReadRows:
        return lambda positions, envs: self._steps(positions, envs)[name]

    def _steps(self, positions: Numbers, envs: Numbers) -> dict[str, NDArray[Any]]:
        newest = self._sampler.least_transitions_seen() - 1
        # Below 0 where a position has not been reached.
        numbers = newest - (newest - positions) % self.buffer_size
        return self._sampler.steps(np.stack([envs, numbers], axis=1))

    def _frames(self, field: str) -> ReadRows:
        return partial(self._read_frames, field)

    def _read_frames(self, field: str, positions: Numbers, envs: Numbers) -> Array:
        reader = self._sampler if self.n_step == 1 else self._one_step_sampler()
        frames = np.zeros((len(positions), *self.obs_shape), self._observation_spec.dtype)
        for start in range(0, len(positions), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            slots = self._steps(positions[rows], envs[rows])["slots"]
            kept = np.flatnonzero(slots >= 0)
            if kept.size:
                indices = np.stack([envs[rows][kept], slots[kept]], axis=1)
                frames[rows][kept] = getattr(reader.fetch(indices, True), field)
        return frames

    def _one_step_sampler(self) -> SamplerBase:
        return UniformSampling().attach(
            ring=self.ring,
            obs_dtype=self._observation_spec.dtype,
            obs_shape=self._observation_spec.shape,
            action_dtype=self._action_spec.dtype,
            capacity=self.buffer_size,
            n_step=1,
            gamma=1,
            seed=0,
        )

    def _shared_frames(self, positions: Numbers, envs: Numbers) -> Array:
        frames = self._read_frames("observations", positions, envs)
        after = positions == self.pos
        newest = np.full(np.count_nonzero(after), (self.pos - 1) % self.buffer_size)
        frames[after] = self._read_frames("next_observations", newest, envs[after])
        return frames


class _DonesOfSharedFrames(LazyArray):
    """The array ``dones`` with ``optimize_memory_usage``, where SB3 writes one number.

    When `learn` is called again, SB3 marks the newest transition as done, because the new episode's
    first observation overwrites its next observation. Here that is kept, and needs no mark.
    """

    def __init__(self, buffer: Sb3Arrays, name: str, read: ReadRows) -> None:
        super().__init__(name, (buffer.buffer_size, buffer.n_envs), np.dtype(np.float32), read)
        self._newest = (buffer.pos - 1) % buffer.buffer_size

    def __setitem__(self, index: Any, value: Any) -> None:
        """Ignore the mark of the newest transition, and refuse any other write."""
        if not (index == self._newest and value is True):
            super().__setitem__(index, value)
