"""The replay buffer over the frame ring, with the interface of CleanRL's and SB3's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framering._core import Batch, Recorder, Ring, Window
from framering.replay import conversion
from framering.replay.arguments import MOST, WORD, checked_generator_state, integer, real
from framering.replay.device import DeviceTransfer, PinnedBlock
from framering.replay.legacy import upgrade_state
from framering.replay.normalization import Normalizer, normalize
from framering.replay.output import Layouts, output_arrays, sample_layouts
from framering.replay.prefetch import drawn_ahead
from framering.replay.samples import ReplayBufferSamples
from framering.replay.sampling import SamplingStrategy, UniformSampling
from framering.replay.snapshot import Snapshotter
from framering.replay.spaces import action_limits, action_spec, observation_spec
from framering.replay.workers import GeneratorState, this_process, worker_generator_state

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
        Box, Discrete, MultiDiscrete or MultiBinary. A uint8 Box ``(k, H, W)`` is a stack of k
        frames, each of which is stored once (see `frame_stack`).
    action_space : gymnasium.spaces.Space
        Box, Discrete, MultiDiscrete or MultiBinary.
    device : torch.device or str, default "auto"
        The device of samples; "auto" is CUDA where it is available, else the CPU. With "numpy",
        samples are NumPy arrays and torch is not imported.
    n_envs : int, default 1
        Number of environments; each call of `add` takes one transition of each.
    optimize_memory_usage : bool, default True
        Accepted for compatibility; frames are stored once in any case.
    handle_timeout_termination : bool, default True
        Whether `add` reads ``TimeLimit.truncated`` in infos: such a step is truncated and not
        done. Without, infos are ignored, and n-step returns can't tell truncations (see `add`).
    n_step : int, default 1
        Steps whose rewards are summed in a sample. The sum ends at a termination, a truncation,
        and where the next transition's obs is not the last next_obs.
    gamma : float, default 0.99
        The discount of each further step, in [0, 1]. Unused with ``n_step=1``.
    seed : int, optional
        Seeds a generator of the buffer's own. Without, samples follow NumPy's global generator,
        so that ``np.random.seed`` makes them repeatable. In a worker process of a torch
        DataLoader, the generator is derived from the worker's seed too, so that each worker draws
        batches of its own; ``torch.manual_seed`` then makes them repeatable.
    frame_stack : int, optional
        Number of frames in the first axis of an observation. By default a uint8 Box
        ``(k, H, W)`` is a stack of k, unless k is 1 or 3 (a grayscale or colour image) or the
        channels come last; and so is a uint8 Box of four axes.
    shared : bool, default False
        Whether the ring is in shared memory, so that worker processes can write to it.
    memory_limit : int, optional
        Bytes that transitions may take. Where they reach it, the oldest are removed, before
        there are `buffer_size`; `size` returns how many there are.

    Attributes
    ----------
    ring : framering._core.Ring
        The frames and transitions. Lane i belongs to environment i.
    buffer_size, n_envs, device, pos, full
        As in SB3: ``buffer_size`` is the capacity of one environment, `buffer_size` // `n_envs`;
        ``pos`` is the number of `add` calls modulo that; ``full`` is whether it was reached.

    Raises
    ------
    TypeError
        If a space is of another kind, or an integer is none.
    ValueError
        If a number is out of range, or torch doesn't know or find the device.
    MemoryError
        If the ring does not fit into memory.

    Notes
    -----
    The last ``buffer_size`` transitions of each environment are kept as long as its episodes
    average 16 steps. Each reset takes one more frame (two if its stack is padded with zeros), for
    which a sixteenth is reserved; with shorter episodes, or stacks that do not continue, fewer
    transitions are kept. `size` returns how many.

    Any number of threads may sample while one adds; with ``shared=True``, processes too.

    For Stable-Baselines3's algorithms use `framering.integrations.sb3.ReplayBuffer`, which their
    ``load_replay_buffer`` accepts.

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
        memory_limit: int | None = None,
    ) -> None:
        buffer_size = integer("buffer_size", buffer_size, 1, MOST)
        n_envs = integer("n_envs", n_envs, 1, MOST)
        n_step = integer("n_step", n_step, 1, MOST)
        gamma = real("gamma", gamma, 0, 1)
        if seed is not None:
            seed = integer("seed", seed, 0, WORD)
        if frame_stack is not None:
            frame_stack = integer("frame_stack", frame_stack, 1, MOST)
        if memory_limit is not None:
            memory_limit = integer("memory_limit", memory_limit, 1, WORD)
        transfer = DeviceTransfer(device)
        self._observation_spec = observation_spec(observation_space, frame_stack)
        self._action_spec = action_spec(action_space)
        self.observation_space = observation_space
        self.action_space = action_space
        self.obs_shape = self._observation_spec.shape
        self.action_dim = self._action_spec.shape[0]
        self.buffer_size = max(buffer_size // n_envs, 1)
        self.n_envs = n_envs
        self.optimize_memory_usage = optimize_memory_usage
        self.handle_timeout_termination = handle_timeout_termination
        self.n_step = n_step
        self.gamma = gamma
        self._transfer = transfer
        self._seeded = seed is not None
        self._shared = shared
        self.memory_limit = memory_limit
        self._allocate()
        self._attach(self._new_strategy(), seed or 0)

    def _allocate(self) -> None:
        self.ring = Ring(
            lanes=self.n_envs,
            slots=self._slots_per_lane(),
            frame_bytes=self._observation_spec.frame_bytes,
            stack=self._observation_spec.stack,
            action_bytes=self._action_spec.nbytes,
            row_bytes=self._observation_spec.row_bytes,
            memory_limit=self.memory_limit or 0,
            shared=self._shared,
        )
        self._recorder: Recorder | None = None

    def _slots_per_lane(self) -> int:
        """Return one slot for each transition, a sixteenth more for resets, and a margin.

        The margin is for transitions, which may read two stacks back, and for a window's guard.
        """
        margin = 2 * self._observation_spec.stack + 16
        slots = self.buffer_size + -(-self.buffer_size // 16) + margin
        if self.memory_limit is None or self._observation_spec.row_bytes:
            return slots
        # Frames that are stored raw all take the same memory.
        words = 2 + -(-self._action_spec.nbytes // 8) + -(-self._observation_spec.frame_bytes // 8)
        fitting = self.memory_limit // (8 * words * self.n_envs)
        if fitting <= margin:
            raise ValueError(
                f"memory_limit: expected at least {8 * words * self.n_envs * (margin + 1)} bytes, "
                f"got {self.memory_limit}: raise it, or leave it out"
            )
        return min(slots, fitting)

    def _new_strategy(self) -> SamplingStrategy:
        return UniformSampling()

    def _attach(self, strategy: SamplingStrategy, seed: int) -> None:
        self._strategy = strategy
        self._sampler = strategy.attach(
            ring=self.ring,
            obs_dtype=self._observation_spec.dtype,
            obs_shape=self._observation_spec.shape,
            action_dtype=self._action_spec.dtype,
            capacity=self.buffer_size,
            n_step=self.n_step,
            gamma=self.gamma,
            seed=seed,
        )
        # The process whose generator this is; in another one, it may be a copy (see `workers`).
        self._generator_process: object = None

    @property
    def device(self) -> torch.device:
        """The device of samples. May be set; with "numpy", samples are NumPy arrays."""
        return self._transfer.device

    @device.setter
    def device(self, device: torch.device | str) -> None:
        self._transfer = DeviceTransfer(device)

    @property
    def pos(self) -> int:
        """The number of `add` calls since the last `reset`, modulo `buffer_size`."""
        return self._sampler.least_transitions_seen() % self.buffer_size

    @property
    def full(self) -> bool:
        """Whether `add` was called `buffer_size` times since the last `reset`."""
        return self._sampler.least_transitions_seen() >= self.buffer_size

    def size(self) -> int:
        """Return how many of the newest `add` calls can be sampled."""
        return min(self._sampler.window(guard=0).counts())

    def __len__(self) -> int:
        """Return how many transitions of all environments can be sampled."""
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
        """Add one transition of each environment.

        Each is stored as given. Whether it continues the one before is decided by comparing bytes.

        Parameters
        ----------
        obs, next_obs : array (n_envs, *observation shape)
            Of the observation space's dtype, or one that casts to it. Copied. next_obs is the
            true successor, also at a truncation.
        action : array (n_envs, action_dim) or (n_envs,)
        reward : array (n_envs,)
            Finite; stored as float32.
        done : array (n_envs,) of bool, or 0 and 1
            Whether the step terminated (or, as in SB3, ended in any way: see `infos`).
        infos : sequence of n_envs dicts, dict of arrays, or None
            Only ``TimeLimit.truncated`` is read: the step was truncated and did not terminate. It
            is stored as truncated and not done, whatever `done` is; an n-step return ends there.
            Ignored with ``handle_timeout_termination=False``.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit the spaces, a reward is not finite, or infos are of another
            number. The buffer is unchanged then.

        Notes
        -----
        Without ``TimeLimit.truncated`` the buffer can't know that a step was truncated. An n-step
        return then still ends there, unless the next episode begins with an observation equal to
        the final one, byte for byte. To be sure, pass ``{"TimeLimit.truncated": truncations &
        ~terminations}`` as `infos`; Gymnasium's vector environments don't have it.
        """
        if self._recorder is None:
            self._recorder = self._new_recorder()
        truncations = infos if self.handle_timeout_termination else None
        if self._recorder.add(obs, next_obs, action, reward, done, truncations):
            return
        n_envs = self.n_envs
        if truncations is not None:
            # Infos are often the only argument to convert.
            truncations = conversion.convert_truncations(infos, n_envs)
            if self._recorder.add(obs, next_obs, action, reward, done, truncations):
                return
        self._recorder.add(
            conversion.convert("obs", obs, self._observation_spec, n_envs),
            conversion.convert("next_obs", next_obs, self._observation_spec, n_envs),
            conversion.convert("action", action, self._action_spec, n_envs),
            conversion.convert_rewards(reward, n_envs),
            conversion.convert_dones(done, n_envs),
            truncations,
        )

    def extend(self, *args: Iterable[Any]) -> None:
        """Add several steps: the arguments of `add`, each with a leading time axis."""
        for step in zip(*args, strict=True):
            self.add(*step)

    def reset(self) -> None:
        """Remove all transitions."""
        self._sampler.forget()

    def window(self, guard: int = 16) -> Window:
        """Return the transitions that can be sampled now, as a window that later ones don't enter.

        Parameters
        ----------
        guard : int, default 16
            How many more frames each environment may add while the window is in use. Sampling
            raises RuntimeError once transitions of the window have been overwritten.

        Returns
        -------
        Window
            An argument of `sample`. Its length is the number of transitions.
        """
        return self._sampler.window(integer("guard", guard, 0, MOST))

    @property
    def generator_state(self) -> GeneratorState:
        """The state of the buffer's own generator (see `seed`). May be set, to resume a run."""
        return checked_generator_state(self._sampler.generator_state)

    @generator_state.setter
    def generator_state(self, state: GeneratorState) -> None:
        self._sampler.generator_state = checked_generator_state(state)
        self._generator_process = this_process()

    def sample(
        self,
        batch_size: int,
        env: Normalizer | None = None,
        *,
        window: Window | None = None,
        contiguous: bool = False,
        out: ReplayBufferSamples | None = None,
    ) -> ReplayBufferSamples:
        """Draw transitions uniformly, with replacement, from all environments.

        Parameters
        ----------
        batch_size : int
            Number of transitions.
        env : stable_baselines3.common.vec_env.VecNormalize, optional
            Normalizes observations and rewards.
        window : Window, optional
            The transitions to draw from, instead of all that are in the buffer now.
        contiguous : bool, default False
            Whether observations and next_observations have memory of their own. By default they
            may be overlapping views of one block, since they share most of their frames: fewer
            bytes are written and transferred.
        out : ReplayBufferSamples, optional
            Contiguous tensors on the CPU (also pinned ones) or NumPy arrays, of the shapes and
            dtypes of a sample, to be filled instead of new ones. All fields of the sample are
            needed. Not together with `env`.

        Returns
        -------
        ReplayBufferSamples
            On `device`, in new memory; or `out`.

        Raises
        ------
        ValueError
            If `batch_size` is less than 1, there is no transition, or a field of `out` does not
            fit.
        TypeError
            If `out` is of another class.
        RuntimeError
            If transitions of the window have been overwritten.
        """
        if type(batch_size) is not int or not 1 <= batch_size <= MOST:
            batch_size = integer("batch_size", batch_size, 1, MOST)
        if out is not None:
            if env is not None:
                raise ValueError(
                    "out: expected None together with env, got samples: normalize them yourself, "
                    "or leave out either"
                )
            self._fill(out, batch_size, window)
            return out
        if env is None and self._transfer.is_cuda:
            return self._sample_pinned(batch_size, window)
        batch = self._strategy.draw(batch_size, self._next_seed(), window, contiguous, None)
        return self._samples(batch, env)

    def batches(
        self, batch_size: int, env: Normalizer | None = None, *, contiguous: bool = False
    ) -> Iterator[ReplayBufferSamples]:
        """Sample endlessly, and draw the next batch in a thread while one is in use.

        Each batch is of the transitions that were in the buffer when the one before was taken.

        Parameters
        ----------
        batch_size, env, contiguous
            As in `sample`.

        Yields
        ------
        ReplayBufferSamples
        """
        batch_size = integer("batch_size", batch_size, 1, MOST)

        def draw(seed: float | None) -> Batch:
            return self._strategy.draw(batch_size, seed, None, contiguous, None)

        for batch in drawn_ahead(draw, self._next_seed):
            yield self._samples(batch, env)

    def _next_seed(self) -> float | None:
        """Return the seed of a batch; None for the buffer's own generator."""
        if not self._seeded:
            # One draw of NumPy's global generator seeds a whole batch.
            return np.random.random_sample()
        if self._generator_process is not this_process():
            self.generator_state = worker_generator_state(self.generator_state)
        return None

    def _samples(self, batch: Batch, env: Normalizer | None) -> ReplayBufferSamples:
        fields = self._strategy.fields(batch)
        if env is not None:
            slot_indices = batch.slot_indices
            step_rewards = (
                None if slot_indices is None else self._sampler.step_rewards(slot_indices)
            )
            fields = normalize(fields, env, step_rewards, self.gamma)
        samples: ReplayBufferSamples = self._strategy.samples(*self._transfer(fields))
        return samples

    def _fill(self, out: Any, batch_size: int, window: Window | None) -> None:
        arrays = output_arrays(out, self._strategy.samples, self._layouts(batch_size))
        self._draw_into(arrays, batch_size, window)

    def _sample_pinned(self, batch_size: int, window: Window | None) -> ReplayBufferSamples:
        block = PinnedBlock(tuple(self._layouts(batch_size).values()))
        self._draw_into(block.arrays, batch_size, window)
        samples: ReplayBufferSamples = self._strategy.samples(*block.to(self._transfer.device))
        return samples

    def _draw_into(
        self, arrays: list[NDArray[Any] | None], batch_size: int, window: Window | None
    ) -> None:
        """Draw a batch into an array for each field of a sample."""
        batch = self._strategy.draw(
            batch_size, self._next_seed(), window, True, tuple(arrays[:_DRAWN])
        )
        for array, drawn in zip(
            arrays[_DRAWN:], self._strategy.fields(batch)[_DRAWN:], strict=True
        ):
            np.copyto(array, drawn)  # type: ignore[arg-type]  # beyond the drawn ones none is None

    def _layouts(self, batch_size: int) -> Layouts:
        drawn = sample_layouts(batch_size, self._observation_spec, self._action_spec, self.n_step)
        return drawn | self._strategy.further_layouts(batch_size)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the transitions that can be sampled to a file, with the generator's state.

        The file appears whole or not at all, and has a checksum. It is streamed out of the ring;
        no transition may be added meanwhile.

        Raises
        ------
        OSError
            If it can't be written. An older file of that name is kept then.
        RuntimeError
            If so much was added meanwhile that the oldest transitions have been overwritten.
        """
        self._snapshotter().save(path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Load a file that `save` has written, into a new buffer for the same spaces and `n_envs`.

        The file is read once, straight into the ring; nothing in it is executed. An episode
        may go on: n-step returns continue across the load.

        Raises
        ------
        OSError
            If the file can't be read.
        ValueError
            If the file is no snapshot, is damaged, or was saved by a buffer for other spaces, more
            environments or more transitions than fit into this one. The buffer is unchanged then.
        RuntimeError
            If this buffer has been used already.
        """
        self._snapshotter().load(path)

    def state_dict(self) -> dict[str, Any]:
        """Return the transitions that can be sampled and the generator's state.

        The bytes are those that `save` writes, and are held in memory: for a large buffer, prefer
        `save`, which streams them to a file.
        """
        return {"snapshot": self._snapshotter().to_bytes()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Load what `state_dict` has returned, into a new buffer; as `load`.

        Raises
        ------
        ValueError, RuntimeError
            As `load`.
        """
        if "snapshot" not in state_dict:
            raise ValueError(
                f"state_dict: expected the key 'snapshot', got {sorted(state_dict)}: pass what "
                "state_dict() of a buffer has returned"
            )
        self._snapshotter().load_bytes(state_dict["snapshot"])

    def _snapshotter(self) -> Snapshotter:
        specs = (self._observation_spec, self._action_spec)
        return Snapshotter(specs, self._sampler, self._strategy)

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes, with a snapshot in place of the ring."""
        made_anew = {"ring", "_recorder", "_sampler", "_generator_process"}
        state = {name: value for name, value in self.__dict__.items() if name not in made_anew}
        return {**state, "_snapshot": self._snapshotter().to_bytes()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = upgrade_state(state)
        snapshot, strategy = state.pop("_snapshot"), state.pop("_strategy")
        self.__dict__.update(state)
        self._allocate()
        self._attach(strategy, seed=0)
        self._snapshotter().load_bytes(snapshot)

    def _new_recorder(self) -> Recorder:
        return Recorder(
            self.ring,
            self._observation_spec.dtype,
            self._observation_spec.shape,
            self._action_spec.dtype,
            action_limits(self.action_space, self._action_spec.dtype),
        )


_DRAWN = len(ReplayBufferSamples._fields)
"""The core fills so many arrays; further fields are copied."""
