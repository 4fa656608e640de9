"""Replay buffers over the frame ring, with the interface of CleanRL's and Stable-Baselines3's."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from framering._core import Recorder, Ring, Sampler, SamplerBase, Window
from framering.atomic_write import atomic_write
from framering.replay import spaces as replay_format
from framering.replay.device import DeviceTransfer, pinned
from framering.replay.samples import ReplayBufferSamples

if TYPE_CHECKING:
    import torch
    from gymnasium import spaces


class ReplayBuffer:
    """A drop-in for CleanRL's and SB3's ``ReplayBuffer`` that stores every frame once.

    Parameters
    ----------
    buffer_size : int
        Transitions to keep, over all environments.
    observation_space : gymnasium.spaces.Space
        Box, Discrete, MultiDiscrete or MultiBinary. A uint8 Box ``(k, H, W)`` is taken for a stack
        of k frames, of which each is stored once (see `frame_stack`).
    action_space : gymnasium.spaces.Space
        Box, Discrete, MultiDiscrete or MultiBinary.
    device : torch.device or str, default "auto"
        Where samples go; "auto" is CUDA where there is one, else the CPU. With "numpy", samples
        are NumPy arrays and torch is not imported.
    n_envs : int, default 1
        Environments whose transitions come together in each `add`.
    optimize_memory_usage : bool, default True
        Accepted for compatibility; frames are stored once in any case.
    handle_timeout_termination : bool, default True
        Take a step whose info has ``TimeLimit.truncated`` for truncated, and not for done.
    n_step : int, default 1
        Steps whose rewards are summed in a sample.
    gamma : float, default 0.99
        The discount of each further step, in [0, 1]. Unused with ``n_step=1``.
    seed : int, optional
        Seeds a generator of the buffer's own. Without, samples follow NumPy's global generator,
        so that ``np.random.seed`` makes them repeatable.
    frame_stack : int, optional
        How many frames the first axis of an observation stacks. By default a uint8 Box
        ``(k, H, W)`` is a stack of k, unless k is 1 or 3 (a grayscale or colour image) or the
        channels come last; and so is a uint8 Box of four axes.
    shared : bool, default False
        Whether the ring lies in shared memory, reserved at once, so that worker processes can
        write it.

    Attributes
    ----------
    ring : framering._core.Ring
        The memory. Lane i belongs to environment i.
    buffer_size, n_envs, device, pos, full
        As in SB3: ``buffer_size`` is the capacity of one environment, `buffer_size` // `n_envs`;
        ``pos`` counts the `add` calls modulo that; ``full`` tells whether it was reached.

    Raises
    ------
    TypeError
        For a space of another kind.
    ValueError
        For a number out of range.
    MemoryError
        Where the ring does not fit into memory.

    Notes
    -----
    The last ``buffer_size`` transitions of each environment are there as long as its episodes
    average 16 steps. Each reset costs one frame (two if its stack is padded with zeros), for which
    a sixteenth is set aside; shorter episodes, or stacks that do not continue, cost the oldest
    transitions, never a wrong one. `size` tells how many there are.

    Any number of threads may sample while one adds; with ``shared=True``, processes too.

    Examples
    --------
    >>> import numpy as np
    >>> from gymnasium import spaces
    >>> from framering import ReplayBuffer
    >>> stacks = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    >>> buffer = ReplayBuffer(1000, stacks, spaces.Discrete(6), device="cpu", seed=1)
    >>> obs = np.zeros((1, 4, 84, 84), np.uint8)
    >>> buffer.add(obs, obs, np.array([3]), np.array([1.0]), np.array([False]), [{}])
    >>> batch = buffer.sample(32)
    >>> batch.observations.shape, batch.actions.shape
    (torch.Size([32, 4, 84, 84]), torch.Size([32, 1]))
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: torch.device | str = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = True,
        handle_timeout_termination: bool = True,
        *,
        n_step: int = 1,
        gamma: float = 0.99,
        seed: int | None = None,
        frame_stack: int | None = None,
        shared: bool = False,
    ) -> None:
        for name, number in (("buffer_size", buffer_size), ("n_envs", n_envs), ("n_step", n_step)):
            if number < 1:
                raise ValueError(f"{name}: expected at least 1, got {number}")
        self._observations = replay_format.observation_format(observation_space, frame_stack)
        self._actions = replay_format.action_format(action_space)
        self.observation_space = observation_space
        self.action_space = action_space
        self.obs_shape = self._observations.shape
        self.action_dim = self._actions.shape[0]
        self.buffer_size = max(buffer_size // n_envs, 1)
        self.n_envs = n_envs
        self.optimize_memory_usage = optimize_memory_usage
        self.handle_timeout_termination = handle_timeout_termination
        self.n_step = n_step
        self.gamma = gamma
        self._transfer = DeviceTransfer(device)
        self._seeded = seed is not None
        self._shared = shared
        self._allocate(seed or 0)

    def _allocate(self, seed: int) -> None:
        self.ring = Ring(
            lanes=self.n_envs,
            slots=_slots(self.buffer_size, self._observations.stack),
            frame_bytes=self._observations.frame_bytes,
            stack=self._observations.stack,
            action_bytes=self._actions.nbytes,
            shared=self._shared,
        )
        self._recorder: Recorder | None = None
        self._sampler = self._new_sampler(
            ring=self.ring,
            obs_dtype=self._observations.dtype,
            obs_shape=self._observations.shape,
            action_dtype=self._actions.dtype,
            capacity=self.buffer_size,
            n_step=self.n_step,
            gamma=self.gamma,
            seed=seed,
        )

    def _new_sampler(self, **options: Any) -> SamplerBase:
        self._uniform = Sampler(**options)
        return self._uniform

    @property
    def device(self) -> torch.device:
        """Where samples go. May be set; with "numpy", samples are NumPy arrays."""
        return self._transfer.device

    @device.setter
    def device(self, device: torch.device | str) -> None:
        self._transfer = DeviceTransfer(device)

    @property
    def pos(self) -> int:
        """How many times `add` was called since the last `reset`, modulo `buffer_size`."""
        return self._sampler.least_transitions_seen() % self.buffer_size

    @property
    def full(self) -> bool:
        """Whether `add` was called `buffer_size` times since the last `reset`."""
        return self._sampler.least_transitions_seen() >= self.buffer_size

    def size(self) -> int:
        """How many of the newest `add` calls can be sampled."""
        return min(self._sampler.window(guard=0).counts())

    def __len__(self) -> int:
        """How many transitions can be sampled, of all environments."""
        return len(self._sampler.window(guard=0))

    def add(
        self,
        obs: Any,
        next_obs: Any,
        action: Any,
        reward: Any,
        done: Any,
        infos: Any,
    ) -> None:
        """Add one transition of each environment. Nothing is assumed of how calls continue.

        Parameters
        ----------
        obs, next_obs : array (n_envs, *observation shape)
            Of the observation space's dtype, or one that casts to it. Copied. next_obs is the
            true successor, at a truncation too.
        action : array (n_envs, action_dim) or (n_envs,)
        reward : array (n_envs,)
            Finite; kept as float32.
        done : array (n_envs,) of bool, or 0 and 1
            Whether the step terminated (or, as in SB3, ended in any way: see `infos`).
        infos : sequence of n_envs dicts, or dict of arrays
            Only ``TimeLimit.truncated`` is read, which makes a step truncated and not done.
            Not looked at with ``handle_timeout_termination=False``.

        Raises
        ------
        TypeError, ValueError
            For what does not fit the spaces, a reward that is not finite or infos of another
            number. The buffer is then as it was.
        """
        if self._recorder is None:
            self._recorder = self._new_recorder()
        timeouts = infos if self.handle_timeout_termination else None
        if not self._recorder.add(obs, next_obs, action, reward, done, timeouts):
            n_envs = self.n_envs
            if timeouts is not None:
                timeouts = replay_format.convert_timeouts(infos, n_envs)
            self._recorder.add(
                replay_format.convert("obs", obs, self._observations, n_envs),
                replay_format.convert("next_obs", next_obs, self._observations, n_envs),
                replay_format.convert("action", action, self._actions, n_envs),
                replay_format.convert_rewards(reward, n_envs),
                replay_format.convert_dones(done, n_envs),
                timeouts,
            )

    def extend(self, *args: Iterable[Any]) -> None:
        """Add several transitions: each argument of `add`, with a leading axis of time."""
        for step in zip(*args, strict=True):
            self.add(*step)

    def reset(self) -> None:
        """Forget all transitions."""
        self._sampler.forget()

    def window(self, guard: int = 16) -> Window:
        """Freeze what can be sampled now, so that draws don't depend on what is added later.

        Parameters
        ----------
        guard : int, default 16
            How many more frames each environment may add while the window is in use; sampling
            from one that was overtaken raises RuntimeError.

        Returns
        -------
        Window
            To be given to `sample`. Its length is the number of transitions.
        """
        return self._sampler.window(guard)

    @property
    def generator_state(self) -> tuple[int, int, int, int]:
        """The state of the buffer's own generator (see `seed`). May be set, to resume a run."""
        return self._sampler.generator_state

    @generator_state.setter
    def generator_state(self, state: tuple[int, int, int, int]) -> None:
        self._sampler.generator_state = state

    def sample(
        self,
        batch_size: int,
        env: Any = None,
        *,
        window: Window | None = None,
        contiguous: bool = False,
        out: ReplayBufferSamples | None = None,
    ) -> ReplayBufferSamples:
        """Draw transitions uniformly, with replacement, from all environments.

        Parameters
        ----------
        batch_size : int
            How many.
        env : stable_baselines3.common.vec_env.VecNormalize, optional
            Normalizes observations and rewards.
        window : Window, optional
            What to draw from, instead of all there is now.
        contiguous : bool, default False
            Give observations and next_observations memory of their own. By default they may be
            views of one block in which they overlap, as obs and next_obs of a stack do: fewer
            bytes to fill and to move.
        out : ReplayBufferSamples, optional
            Contiguous tensors on the CPU (pinned ones too) or NumPy arrays to fill, instead of new
            ones; of the shapes and dtypes of a sample. Not together with `env`.

        Returns
        -------
        ReplayBufferSamples
            On `device`, in new memory; or `out`.

        Raises
        ------
        ValueError
            For a batch of less than 1, where there is no transition, or for an `out` that does
            not fit.
        RuntimeError
            Where the window was overtaken.
        """
        seed = self._next_seed()
        if out is not None:
            if env is not None:
                raise ValueError("out: expected no env with it: normalized samples need new memory")
            fields = tuple(None if part is None else np.asarray(part) for part in out[:6])
            self._draw(batch_size, seed, window, True, fields)
            return out
        if env is None and self._transfer.is_cuda:
            return self._sample_pinned(batch_size, seed, window)
        return self._samples(self._draw(batch_size, seed, window, contiguous, None), env)

    def batches(
        self, batch_size: int, env: Any = None, *, contiguous: bool = False
    ) -> Iterator[ReplayBufferSamples]:
        """Sample without end, the next batch being made while one is in use.

        Each batch holds what was there when the one before was taken.

        Parameters
        ----------
        batch_size, env, contiguous
            As in `sample`.

        Yields
        ------
        ReplayBufferSamples
        """
        with ThreadPoolExecutor(1, "framering-batches") as thread:

            def begin() -> Future[tuple[Any, ...]]:
                # The seed is drawn here: NumPy's generator belongs to the calling thread.
                seed = self._next_seed()
                return thread.submit(self._draw, batch_size, seed, None, contiguous, None)

            ahead = begin()
            while True:
                arrays = ahead.result()
                ahead = begin()
                yield self._samples(arrays, env)

    def _next_seed(self) -> float | None:
        # One draw of NumPy's global generator seeds a whole batch.
        return None if self._seeded else np.random.random_sample()

    def _draw(
        self,
        batch_size: int,
        seed: float | None,
        window: Window | None,
        contiguous: bool,
        out: tuple[Any, ...] | None,
    ) -> tuple[Any, ...]:
        return self._uniform.sample(batch_size, seed, window, contiguous, out)

    def _sample_pinned(
        self, batch_size: int, seed: float | None, window: Window | None
    ) -> ReplayBufferSamples:
        column = ((batch_size, 1), np.dtype(np.float32))
        observations, actions = (
            ((batch_size, *form.shape), form.dtype) for form in (self._observations, self._actions)
        )
        discounts = None if self.n_step == 1 else column
        tensors = pinned([observations, actions, observations, column, column, discounts])
        arrays = tuple(None if tensor is None else tensor.numpy() for tensor in tensors)
        drawn = self._draw(batch_size, seed, window, True, arrays)
        return self._samples((*tensors, *drawn[6:]), None)

    def _samples(self, arrays: tuple[Any, ...], env: Any) -> ReplayBufferSamples:
        if env is not None:
            arrays = self._normalized(arrays, env)
        return ReplayBufferSamples(*self._transfer(arrays[:6]))

    def _normalized(self, arrays: tuple[Any, ...], env: Any) -> tuple[Any, ...]:
        obs, actions, next_obs, dones, rewards, *others = arrays
        if self.n_step == 1:
            rewards = env.normalize_reward(rewards).astype(np.float32)
        else:
            # Each step's reward is normalized (and clipped) before they are summed.
            rewards = env.normalize_reward(self._sampler.step_rewards(others[1]))
            weights = self.gamma ** np.arange(self.n_step)
            rewards = np.nansum(rewards * weights, axis=1, keepdims=True).astype(np.float32)
        obs, next_obs = env.normalize_obs(obs), env.normalize_obs(next_obs)
        return obs, actions, next_obs, dones, rewards, *others

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what can be sampled to a file, with the generator's state.

        The file appears whole or not at all, and carries a checksum. It is written as a stream
        out of the ring; nobody may add meanwhile.

        Raises
        ------
        OSError
            Where it cannot be written; an older file of that name is still there then.
        RuntimeError
            Where so much was added meanwhile that the oldest transitions are gone.
        """
        with atomic_write(path) as file:
            self._sampler.save(file.fileno(), self._extra())

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take up what `save` has written, into a new buffer for the same spaces and `n_envs`.

        The file is mapped, not read into memory of its own; nothing in it is executed.

        Raises
        ------
        ValueError
            For a file that is no snapshot, is damaged, or was saved by a buffer for other spaces,
            more environments or more transitions than this one takes. The buffer is then as it
            was.
        RuntimeError
            Where this buffer has been used already.
        """
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise ValueError(f"{path} is no snapshot of a replay buffer: it is empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as snapshot:
                self._restore(snapshot)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the ring itself, of which only the used part is kept."""
        core = {"ring", "_recorder", "_sampler", "_uniform", "_prioritized"}
        state = {name: value for name, value in self.__dict__.items() if name not in core}
        return {**state, "_snapshot": self._sampler.dump(self._extra())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        snapshot = state.pop("_snapshot")
        if "_placement" in state:  # as version 0.1.0 wrote it
            state["_transfer"] = state.pop("_placement")
        self.__dict__.update(state)
        self._allocate(seed=0)
        self._restore(snapshot)

    def _restore(self, snapshot: bytes | mmap.mmap) -> None:
        found: list[dict[str, Any]] = []
        format_bytes = len(self._format())

        def accept(extra: bytes, slots: int) -> None:
            # Nothing has been filled yet: what is wrong must show here.
            found.append(self._read_extra(extra[format_bytes:], slots))

        self._sampler.load(snapshot, self._format(), accept)
        self._take_extra(found[0])

    def _format(self) -> bytes:
        """What two buffers must have in common to take up each other's snapshots."""
        forms = (self._observations, self._actions)
        return json.dumps([[form.dtype.str, form.shape] for form in forms]).encode() + b"\n"

    def _extra(self) -> bytes:
        return self._format() + json.dumps(self._sampler.generator_state).encode() + b"\n"

    def _read_extra(self, extra: bytes, slots: int) -> dict[str, Any]:
        """Give what `_extra` wrote after the format; raise ValueError where it can't be taken."""
        state, _, rest = extra.partition(b"\n")
        return {"generator_state": tuple(json.loads(state)), "rest": rest}

    def _take_extra(self, found: dict[str, Any]) -> None:
        self._sampler.generator_state = found["generator_state"]

    def _new_recorder(self) -> Recorder:
        discrete = self.action_space
        # Only a Discrete has both; its actions are checked against them.
        n, start = getattr(discrete, "n", None), getattr(discrete, "start", None)
        return Recorder(
            self.ring,
            self._observations.dtype,
            self._observations.shape,
            self._actions.dtype,
            None if n is None or start is None else (int(start), int(n)),
        )


def _slots(transitions: int, stack: int) -> int:
    """Slots of a lane: one for each transition, a sixteenth more for resets, and some to spare.

    A transition may read two stacks back, and a frozen window's guard must not cost transitions.
    """
    return transitions + -(-transitions // 16) + 2 * stack + 16
