"""A Gymnasium vector environment of Atari games over the frame ring."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from gymnasium import error, spaces
from gymnasium.vector.utils import batch_space

try:
    from gymnasium.vector import AutoresetMode, VectorEnv
except ImportError as reason:
    raise ImportError(
        "AtariVectorEnv needs Gymnasium 1.1 or newer: pip install -U gymnasium ale-py"
    ) from reason

from framering.atari.emulator import AtariEmulator
from framering.atari.registry import settings_for
from framering.atari.settings import AtariSettings, Order
from framering.atari.state import unpack_state
from framering.vector.arguments import (
    check_counts,
    check_workers,
    checked_actions,
    mask_of,
    ring_for,
    seeds_of,
)
from framering.vector.executors import helpers_of, make_lanes
from framering.vector.infos import counts, episodes, finals
from framering.vector.shared_arrays import (
    RENDER,
    RESET,
    RESET_SEEDED,
    REST,
    RESTORE,
    SAVE,
    STEP,
    Layout,
)

if TYPE_CHECKING:
    from framering.replay.buffer import ReplayBuffer

_Array = npt.NDArray[Any]
_StepResult = tuple[
    npt.NDArray[np.uint8],
    npt.NDArray[np.float64],
    npt.NDArray[np.bool_],
    npt.NDArray[np.bool_],
    dict[str, Any],
]

_CONSOLE_FPS = 60


class AtariVectorEnv(VectorEnv[_Array, _Array, _Array]):
    """Several games of Atari at once, preprocessed and stacked, as a `gymnasium.vector.VectorEnv`.

    Each frame is emulated once, preprocessed once and written once, into its lane of a frame ring;
    an observation is a gather from there. With ``replay``, that ring is the replay buffer's own, so
    whatever is stepped can be sampled, and nobody calls ``replay.add``.

    Parameters
    ----------
    env_id
        A registered Atari id: ``"BreakoutNoFrameskip-v4"``, ``"ALE/Breakout-v5"``. Sticky actions,
        the action set and the frame limit are what the registry says of it, unless given.
    num_envs
        Number of games.
    num_workers
        Worker processes to step them in, at most ``num_envs``, which leave the calling process free
        between `send` and `recv`; 0 steps them in the calling process. None, the fastest `step`,
        shares them between the calling process and a worker for each further core. The trajectories
        don't depend on it.
    replay
        A replay buffer with one lane for each game, to write into. None keeps just what
        observations need.
    order
        Whose preprocessing, ``"cleanrl"``, ``"sb3"`` or ``"gymnasium"``: see
        `framering.atari.settings.AtariSettings`, which documents the flags that follow, too.
    frame_skip
        Emulated frames a step, in all. None takes the id's own, and 4 for the ``NoFrameskip`` ids.
    noop_max, terminal_on_life_loss, fire_reset, clip_reward
        CleanRL's wrappers, all on.
    screen_size
        Side of an observation, or ``(width, height)``.
    stack_size
        Frames in an observation. A reset fills it with copies of the first frame.
    grayscale_obs
        Gray frames, or, in gymnasium order, RGB ones.
    repeat_action_probability, full_action_space, max_num_frames_per_episode, mode, difficulty
        None: what the registry says.
    autoreset_mode
        NEXT_STEP (Gymnasium's default): the step after an end only resets, whatever its action.
        SAME_STEP: the step that ends an episode begins the next one, and its infos hold what was
        last seen. DISABLED: ended games are reset by ``reset(options={"reset_mask": mask})``.
    copy
        Whether observations are new arrays; False gives one array again and again.
    record_statistics
        Whether infos tell of finished games. Turn it off under Gymnasium's own
        ``RecordEpisodeStatistics``, which uses the same key.
    render_mode
        ``"rgb_array"`` lets `render` give the consoles' screens.

    Notes
    -----
    Observations are uint8 ``(num_envs, stack_size, height, width)``, rewards float64, terminations
    and truncations bool, ``(num_envs,)``. Infos hold ``lives``, ``frame_number`` and
    ``episode_frame_number``; with finished games ``episode``, a dict of the arrays ``r`` (unclipped
    return of the whole game), ``l`` (its length in emulated frames) and ``t`` (seconds), valid
    where ``_episode`` is true; in SAME_STEP mode with ended episodes ``final_obs`` (an object array
    of stacks) and ``final_info``, valid where ``_final_obs`` and ``_final_info`` are true.

    A worker process that dies is replaced, with a `RuntimeWarning`, and its games begin anew: they
    are truncated, ``worker_restarted`` in the infos marks them, and what is in the replay buffer
    stays right. One that keeps dying is a `framering.vector.pool.WorkerError`. So does a game begin
    anew that an exception, as a ``KeyboardInterrupt``, has cut short in the calling process.

    The same seeds give the same trajectories as a single `framering.atari.AtariEmulator`, and so as
    CleanRL's, Stable-Baselines3's or Gymnasium's wrappers.

    Importing `framering.vector.env` registers each Atari id in the namespace ``framering``, for
    ``gymnasium.make_vec("framering.vector_env:framering/BreakoutNoFrameskip-v4", num_envs=8)``.

    Raises
    ------
    ValueError
        If the id is unknown (the message names the nearest), or an argument is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> envs = AtariVectorEnv("BreakoutNoFrameskip-v4", num_envs=2)
    >>> observations, infos = envs.reset(seed=1)
    >>> observations.shape
    (2, 4, 84, 84)
    >>> observations, rewards, terminations, truncations, infos = envs.step(np.array([0, 1]))
    >>> envs.close()
    """

    def __init__(
        self,
        env_id: str,
        num_envs: int = 1,
        num_workers: int | None = None,
        *,
        replay: "ReplayBuffer | None" = None,
        order: Order = AtariSettings.order,
        frame_skip: int | tuple[int, int] | None = None,
        noop_max: int = 30,
        terminal_on_life_loss: bool = True,
        fire_reset: bool = True,
        clip_reward: bool = True,
        screen_size: int | tuple[int, int] = 84,
        stack_size: int = 4,
        grayscale_obs: bool = True,
        repeat_action_probability: float | None = None,
        full_action_space: bool | None = None,
        max_num_frames_per_episode: int | None = None,
        mode: int | None = None,
        difficulty: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        record_statistics: bool = True,
        render_mode: str | None = None,
    ) -> None:
        check_counts(num_envs, stack_size)
        check_workers(num_workers, num_envs)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', but {render_mode!r} came")
        self.settings = settings_for(
            env_id,
            order=order,
            frame_skip=frame_skip,
            noop_max=noop_max,
            terminal_on_life_loss=terminal_on_life_loss,
            fire_reset=fire_reset,
            clip_reward=clip_reward,
            screen_size=(screen_size, screen_size) if isinstance(screen_size, int) else screen_size,
            grayscale=grayscale_obs,
            repeat_action_probability=repeat_action_probability,
            full_action_space=full_action_space,
            max_num_frames_per_episode=max_num_frames_per_episode,
            mode=mode,
            difficulty=difficulty,
        )
        # Made here so that a wrong setting is an error here, and for its action set.
        emulator = AtariEmulator(self.settings)
        self.action_meanings = emulator.action_meanings
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.render_mode = render_mode
        self.copy = copy
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": _CONSOLE_FPS / self.settings.mean_frame_skip,
            "autoreset_mode": self.autoreset_mode,
        }
        shape = (stack_size, *self.settings.frame_shape)
        self.single_observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.single_action_space = spaces.Discrete(emulator.num_actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

        self._record_statistics = record_statistics
        self._num_actions = emulator.num_actions
        self._observations = np.zeros((num_envs, *shape), np.uint8)
        self._ended = np.zeros(num_envs, np.bool_)
        self._has_reset = False
        self._pending = False
        self.num_workers = helpers_of(num_envs) if num_workers is None else num_workers
        self._ring = ring_for(replay, num_envs, shape, shared=self.num_workers > 0)
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        layout = Layout(num_envs, emulator.screen_shape if render_mode else (0,))
        self._lanes = make_lanes(layout, self.settings, same_step, self._ring, num_workers)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Begin new episodes.

        Parameters
        ----------
        seed
            Seed of the first game, the others taking the numbers that follow; or one for each; or
            None, to go on with the generators as they are. A seeded game starts anew; an unseeded
            one goes on after a lost life, as it does for CleanRL.
        options
            ``{"reset_mask": mask}``, a bool array ``(num_envs,)``, resets just those games.

        Returns
        -------
        tuple
            Observations and infos.

        Raises
        ------
        ValueError, TypeError
            If seeds or mask don't fit.
        gymnasium.error.ClosedEnvironmentError
            After `close`.
        """
        self._check_open()
        if self._pending:
            raise error.AlreadyPendingCallError("reset came after send: recv first", "send")
        seeds = seeds_of(seed, self.num_envs)
        mask = mask_of(options, self.num_envs)
        if mask is not None and not self._has_reset:
            raise error.ResetNeeded("reset all games once before resetting some by reset_mask")
        super().reset(seed=seed if isinstance(seed, int) else None)
        self._lanes.receive()
        columns = self._lanes.columns
        for i in range(self.num_envs):
            if mask is not None and not mask[i]:
                columns.command[i] = REST
            elif (one := seeds[i]) is None:
                columns.command[i] = RESET
            else:
                columns.command[i] = RESET_SEEDED
                columns.seed[i] = one
        self._lanes.send()
        self._lanes.receive()
        chosen = np.ones(self.num_envs, np.bool_) if mask is None else mask
        self._ended &= ~chosen
        columns.restarted &= ~chosen
        self._has_reset = True
        return self._observe(), counts(self._lanes.columns)

    def step(self, actions: Any) -> _StepResult:
        """Take an action in each game.

        Parameters
        ----------
        actions
            Integers ``(num_envs,)``, each in ``[0, single_action_space.n)``.

        Returns
        -------
        tuple
            Observations, rewards, terminations, truncations and infos.

        Raises
        ------
        TypeError, ValueError
            If the actions aren't integers, of that shape and in that range; nothing has moved then.
        gymnasium.error.ResetNeeded
            Before `reset`.
        gymnasium.error.ClosedEnvironmentError
            After `close`.
        """
        self.send(actions)
        return self.recv()

    def send(self, actions: Any) -> None:
        """Start a step, which `recv` ends; in between, the caller is free. See `step`."""
        self._check_open()
        if not self._has_reset:
            raise error.ResetNeeded("step came before reset: call reset first")
        if self._pending:
            raise error.AlreadyPendingCallError("send came after send: recv first", "send")
        checked = checked_actions(actions, self.num_envs, self._num_actions)
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            raise error.ResetNeeded(
                f"games {np.flatnonzero(self._ended).tolist()} have ended: "
                'reset them by reset(options={"reset_mask": mask}) first'
            )
        self._lanes.receive()
        columns = self._lanes.columns
        columns.action[:] = checked
        columns.command[:] = STEP
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            columns.command[self._ended] = RESET
        self._lanes.send()
        self._pending = True

    def recv(self) -> _StepResult:
        """Wait for the step that `send` started, and give its results. See `step`."""
        self._check_open()
        if not self._pending:
            raise error.NoAsyncCallError("recv came without send: send actions first", "recv")
        self._lanes.receive()
        self._pending = False
        columns = self._lanes.columns
        restarted = columns.restarted
        terminated = columns.terminated & ~restarted
        truncated = columns.truncated | restarted
        self._ended = terminated | truncated
        infos = counts(columns)
        if self._record_statistics and np.count_nonzero(columns.game_over):
            infos |= episodes(columns)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and np.count_nonzero(self._ended):
            infos |= finals(columns, self._ended, self._final_observations(restarted))
        if np.count_nonzero(restarted):
            infos |= {"worker_restarted": restarted.copy(), "_worker_restarted": restarted.copy()}
            restarted[:] = False
        return self._observe(), columns.reward.copy(), terminated, truncated, infos

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """Give the consoles' screens, RGB ``(height, width, 3)``, in the render mode rgb_array."""
        self._check_open()
        if self.render_mode is None:
            return None
        if self._pending:
            raise error.AlreadyPendingCallError("render came after send: recv first", "send")
        self._lanes.receive()
        columns, before = self._lanes.columns, -1
        # A game that began anew when it should render has reset instead: ask again.
        while self._lanes.restarts != before:
            before = self._lanes.restarts
            columns.command[:] = RENDER
            self._lanes.send()
            self._lanes.receive()
        return tuple(columns.screens.copy())

    def save_games(self) -> list[bytes]:
        """Save all games as they stand, to be taken up by `restore_games`.

        What the replay buffer holds is not part of it: save that, too.

        Raises
        ------
        RuntimeError
            If a worker died meanwhile, so that its games are lost.
        gymnasium.error.AlreadyPendingCallError
            Between `send` and `recv`.
        """
        self._check_quiet("save_games")
        columns = self._lanes.columns
        columns.state_bytes[:] = 0
        columns.command[:] = SAVE
        self._lanes.send()
        self._lanes.receive()
        if not columns.state_bytes.all():
            raise RuntimeError("a worker died while its games were saved; they begin anew")
        return [
            state[:length].tobytes()
            for state, length in zip(columns.states, columns.state_bytes, strict=True)
        ]

    def restore_games(
        self, states: Sequence[bytes]
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Go on with saved games, instead of a `reset`.

        Parameters
        ----------
        states
            What `save_games` returned, for the same game, settings and number of environments. The
            replay buffer must hold what it held then.

        Returns
        -------
        tuple
            Observations and infos, as from `reset`.

        Raises
        ------
        ValueError
            If they are another number, or no saved games; or in another autoreset mode than
            SAME_STEP, where a saved game may have ended.
        """
        self._check_quiet("restore_games")
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise ValueError("saved games can only be restored in the autoreset mode SAME_STEP")
        if len(states) != self.num_envs:
            raise ValueError(f"{self.num_envs} saved games were expected, but {len(states)} came")
        columns = self._lanes.columns
        for row, state in zip(columns.states, states, strict=True):
            unpack_state(state)
            row[: len(state)] = np.frombuffer(state, np.uint8)
        columns.state_bytes[:] = [len(state) for state in states]
        columns.command[:] = RESTORE
        self._lanes.send()
        self._lanes.receive()
        self._has_reset = True
        self._ended[:] = False
        return self._observe(), counts(columns)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all games; see `save_games`."""
        return {"games": self.save_games()}

    def load_state_dict(
        self, state: dict[str, Any]
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Restore what `state_dict` returned; see `restore_games`."""
        return self.restore_games(state["games"])

    def close_extras(self, **kwargs: Any) -> None:
        """Let go of the games."""
        self._lanes.close()

    def _observe(self) -> npt.NDArray[np.uint8]:
        if self.copy:
            self._observations = np.empty_like(self._observations)
        self._ring.gather_newest(self._observations)
        return self._observations

    def _final_observations(self, restarted: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
        """Gather the last stacks of ended episodes: a frame of the next one lies behind each."""
        final = np.full(self.num_envs, None, dtype=object)
        for lane in np.flatnonzero(restarted):
            # What its step would have shown died with the worker.
            final[lane] = self._observations[lane].copy()
        lanes = np.flatnonzero(self._ended & ~restarted)
        arrivals = self._ring.published().astype(np.int64)[lanes] - 2
        before = np.empty((len(lanes), *self._observations.shape[1:]), np.uint8)
        after = np.empty_like(before)
        self._ring.gather(lanes, arrivals, before, after)
        for lane, stack in zip(lanes, after, strict=True):
            final[lane] = stack
        return final

    def _check_quiet(self, call: str) -> None:
        self._check_open()
        if self._pending:
            raise error.AlreadyPendingCallError(f"{call} came after send: recv first", "send")

    def _check_open(self) -> None:
        if self.closed:
            raise error.ClosedEnvironmentError("this AtariVectorEnv was closed: make another")
