"""A Gymnasium vector environment of Atari games over the frame ring."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from gymnasium import error, spaces
from gymnasium.vector.utils import batch_space

from framering.errors import OldLibraryError

try:
    from gymnasium.vector import AutoresetMode, VectorEnv
except ImportError as reason:
    raise OldLibraryError(
        "AtariVectorEnv needs Gymnasium 1.1 or newer: pip install -U gymnasium ale-py"
    ) from reason

from framering.atari.arguments import check_flag, describe
from framering.atari.console import check_can_save
from framering.atari.emulator import AtariEmulator
from framering.atari.registry import settings_for
from framering.atari.settings import AtariSettings, Order
from framering.vector.arguments import (
    check_actions,
    check_autoreset_mode,
    check_batch_size,
    check_num_envs,
    check_num_workers,
    check_render_mode,
    check_stack_size,
    expand_screen_size,
    expand_seeds,
    make_ring,
    replay_ring,
    reset_mask,
)
from framering.vector.async_executors import AsyncExecutor
from framering.vector.async_mode import AsyncMode
from framering.vector.async_stepper import AsyncStepper
from framering.vector.executors import default_num_workers, make_executor
from framering.vector.infos import counter_infos, step_infos
from framering.vector.lane import LaneSetup
from framering.vector.observations import (
    AsyncObservationReader,
    ObservationReader,
    SharedObservationReader,
)
from framering.vector.saved_games import check_states
from framering.vector.shared_arrays import Layout
from framering.vector.stepper import LaneStepper

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
    """A `gymnasium.vector.VectorEnv` of Atari games, with preprocessing and frame stacking.

    Each frame is emulated, preprocessed and written once, into its lane of a frame ring;
    observations are gathered from there. With ``replay``, this is the ring of the replay buffer:
    each step can be sampled from it without a call of ``replay.add``.

    Parameters
    ----------
    env_id
        A registered Atari id, such as ``"BreakoutNoFrameskip-v4"`` or ``"ALE/Breakout-v5"``. It
        determines sticky actions, action set and frame limit, unless they are given.
    num_envs
        Number of games.
    num_workers
        Number of worker processes that step the games, at most ``num_envs``; the calling process is
        free between `send` and `recv`. 0 steps them in the calling process. None, which has the
        fastest `step`, shares them between the calling process and one worker for each further
        core; the calling process steps its games in `recv`. The trajectories do not depend on it.
    batch_size
        None, or the number of games that `recv` returns in asynchronous mode, as in EnvPool: see
        the notes.
    replay
        A replay buffer for ``num_envs`` environments with these observation and action spaces. All
        transitions are written into it. None keeps only the frames that observations need.
    order
        The library whose preprocessing is followed: ``"cleanrl"``, ``"sb3"`` or ``"gymnasium"``.
        See `framering.atari.settings.AtariSettings`, also for the flags that follow.
    frame_skip
        Emulated frames per step, or a half-open range ``(low, high)``. None takes the value of the
        id, and 4 for the ``NoFrameskip`` ids.
    noop_max, terminal_on_life_loss, fire_reset, clip_reward
        CleanRL's wrappers; all are on by default.
    screen_size
        Side of an observation, or ``(width, height)``, at most the size of the screen.
    stack_size
        Frames in an observation. A reset fills it with copies of the first frame.
    grayscale_obs
        Gray frames, or, in gymnasium order, RGB ones.
    repeat_action_probability, full_action_space, max_num_frames_per_episode, mode, difficulty
        None takes the value of the id.
    autoreset_mode
        NEXT_STEP (Gymnasium's default): the step after the end of an episode resets, and ignores
        its action. SAME_STEP: the step that ends an episode also starts the next one, and its infos
        have the final observation. DISABLED: reset ended games by
        ``reset(options={"reset_mask": mask})``.
    copy
        Whether an array of observations stays as it is while anything refers to it; False reuses
        one. With worker processes these arrays lie in shared memory: a forked process that inherits
        one must copy it.
    record_statistics
        Whether infos report finished games. Turn it off under Gymnasium's
        ``RecordEpisodeStatistics``, which uses the same key.
    render_mode
        None, or ``"rgb_array"`` to `render` the consoles' screens.

    Notes
    -----
    Observations are uint8 ``(num_envs, stack_size, height, width)``, rewards float64, terminations
    and truncations bool, ``(num_envs,)``. Infos have ``lives``, ``frame_number`` and
    ``episode_frame_number``. When games have finished, they also have ``episode``, a dict of the
    arrays ``r`` (unclipped return of the whole game), ``l`` (its length in emulated frames) and
    ``t`` (seconds), valid where ``_episode`` is true. In SAME_STEP mode, when episodes have ended,
    they also have ``final_obs`` (an object array of stacks) and ``final_info``, valid where
    ``_final_obs`` and ``_final_info`` are true.

    A worker process that dies is replaced, with a `RuntimeWarning`, and its games are restarted:
    they are truncated, and ``worker_restarted`` in the infos marks them. The replay buffer stays
    valid. If a worker keeps dying, `framering.vector.pool.WorkerError` is raised. A game is
    restarted in the same way if an exception such as ``KeyboardInterrupt`` interrupts its step in
    the calling process.

    The same seeds give the same trajectories as with a single `framering.atari.AtariEmulator`, and
    so as with the wrappers of CleanRL, Stable-Baselines3 or Gymnasium.

    With ``batch_size=M`` no game waits for another. `async_reset` or `reset` starts all games;
    `recv` returns as soon as any M games are ready, those first that were ready first:
    observations ``(M, stack_size, height, width)``, rewards, terminations and truncations
    ``(M,)``, and infos in which ``env_id`` has the numbers of the games and ``reset`` is true for
    those that began an episode instead of taking a step. ``send(actions, env_id)`` starts these
    games and no others. Where the calling process steps games, it does so in `recv`, one by one
    while fewer than M are ready; a game for which ``2 * num_envs`` others were started meanwhile is
    stepped in any case. Each game is still deterministic, so the same actions give the same
    trajectory. But which games are ready first depends on time, and so do the batches, and all that
    is decided by them. Games are restarted like those of a synchronous environment, at the latest
    by their next action.

    Importing `framering.vector_env` registers each Atari id in the namespace ``framering``, for
    ``gymnasium.make_vec("framering/BreakoutNoFrameskip-v4", num_envs=8)``.

    Raises
    ------
    TypeError, ValueError
        If the id is unknown (the message names the most similar ones), an argument is of another
        type or out of range, or the replay buffer was made for other environments.

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
        batch_size: int | None = None,
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
        num_envs, stack_size = check_num_envs(num_envs), check_stack_size(stack_size)
        num_workers = check_num_workers(num_workers, num_envs)
        self.num_envs = num_envs
        self.batch_size = check_batch_size(batch_size, num_envs)
        self.render_mode = check_render_mode(render_mode)
        self.autoreset_mode = check_autoreset_mode(autoreset_mode)
        self.copy = check_flag("copy", copy)
        self._record_statistics = check_flag("record_statistics", record_statistics)
        self.settings = settings_for(
            env_id,
            order=order,
            frame_skip=frame_skip,
            noop_max=noop_max,
            terminal_on_life_loss=terminal_on_life_loss,
            fire_reset=fire_reset,
            clip_reward=clip_reward,
            screen_size=expand_screen_size(screen_size),
            grayscale=check_flag("grayscale_obs", grayscale_obs),
            repeat_action_probability=repeat_action_probability,
            full_action_space=full_action_space,
            max_num_frames_per_episode=max_num_frames_per_episode,
            mode=mode,
            difficulty=difficulty,
        )
        # Checks the settings in this process, too, and knows the action set.
        emulator = AtariEmulator(self.settings)
        self.action_meanings = emulator.action_meanings
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": _CONSOLE_FPS / self.settings.mean_frame_skip,
            "autoreset_mode": self.autoreset_mode,
        }
        shape = (stack_size, *self.settings.frame_shape)
        self.single_observation_space = observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.single_action_space = action_space = spaces.Discrete(emulator.num_actions)
        received = self.batch_size or num_envs
        self.observation_space = batch_space(observation_space, received)
        self.action_space = batch_space(action_space, received)

        self._num_actions = emulator.num_actions
        self.num_workers = default_num_workers(num_envs) if num_workers is None else num_workers
        shared = self.num_workers > 0
        self._ring = (
            make_ring(num_envs, self.settings.frame_shape, stack_size, shared=shared)
            if replay is None
            else replay_ring(replay, num_envs, observation_space, action_space, shared=shared)
        )
        lends = shared and self.copy and self.batch_size is None
        layout = Layout(
            num_envs,
            screen_shape=emulator.screen_shape if render_mode else (0,),
            stack_shape=shape if lends else (0,),
        )
        self._same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        setup = LaneSetup(self.settings, self._same_step, self._ring)
        self._stepper: LaneStepper
        self._async: AsyncMode | None = None
        if self.batch_size is None:
            executor = make_executor(layout, setup, num_workers)
            self._stepper = LaneStepper(executor, self.autoreset_mode)
            self._observations = (
                SharedObservationReader(self._ring, (num_envs, *shape), executor.columns)
                if lends
                else ObservationReader(self._ring, (num_envs, *shape), copy=self.copy)
            )
        else:
            self._observations = reader = AsyncObservationReader(
                self._ring, num_envs, (self.batch_size, *shape), copy=self.copy
            )
            self._stepper = stepper = AsyncStepper(
                AsyncExecutor(layout, setup, num_workers), self.autoreset_mode
            )
            self._async = AsyncMode(
                stepper,
                reader,
                self.autoreset_mode,
                num_actions=self._num_actions,
                batch_size=self.batch_size,
                statistics=self._record_statistics,
            )

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Start new episodes.

        In asynchronous mode, this is `async_reset` and the first `recv`.

        Parameters
        ----------
        seed
            Seed of the first game, where the others take the integers that follow; or a sequence
            with one seed per game; or None to keep the generators. A seed starts a new game;
            without one, a game continues after a lost life, as in CleanRL.
        options
            ``{"reset_mask": mask}``, a bool array ``(num_envs,)``, resets only those games.

        Returns
        -------
        tuple
            Observations and infos.

        Raises
        ------
        ValueError, TypeError
            If the seeds or the mask do not fit; nothing has changed then.
        gymnasium.error.ClosedEnvironmentError
            After `close`.
        """
        self._check_not_pending("reset")
        mask = reset_mask(options, self.num_envs)
        if self._async is None:
            self._reset(seed, mask)
            return self._observations.newest(), counter_infos(self._stepper.columns)
        if mask is not None:
            raise ValueError(
                "reset_mask: expected none in reset with batch_size, because it would return other "
                "games, too; call async_reset with it, and recv"
            )
        self._reset(seed, mask)
        observations, *_, infos = self._async.recv()
        return observations, infos

    def async_reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Start new episodes without waiting for them, in asynchronous mode; `recv` returns them.

        Results that have not been received are lost. See `reset` for the parameters and errors; a
        ``reset_mask`` must not have games that were started and not received.
        """
        self._check_open()
        if self._async is None:
            raise ValueError(
                "batch_size: expected a number of games for async_reset, got None; make the "
                "environments with it, or call reset"
            )
        mask = reset_mask(options, self.num_envs)
        self._async.check_reset_mask(mask)
        self._reset(seed, mask)

    def _reset(
        self, seed: int | Sequence[int | None] | None, mask: npt.NDArray[np.bool_] | None
    ) -> None:
        seeds = expand_seeds(seed, self.num_envs)
        if mask is not None and not self._stepper.has_reset:
            raise error.ResetNeeded("reset all games once before resetting some by reset_mask")
        super().reset(seed=seed if isinstance(seed, int) else None)
        self._stepper.reset(seeds, mask)

    def step(self, actions: Any, env_id: Any = None) -> _StepResult:
        """Take one action in each game, or in asynchronous mode `send` and `recv`.

        Parameters
        ----------
        actions
            Integers ``(num_envs,)``, each in ``[0, single_action_space.n)``.
        env_id
            In asynchronous mode: the games that take them, integers ``(games,)``, as many as
            actions. None are all games.

        Returns
        -------
        tuple
            Observations, rewards, terminations, truncations and infos.

        Raises
        ------
        TypeError, ValueError
            If the actions or games are not integers of that shape and range, or a game comes
            twice; nothing has changed then.
        gymnasium.error.ResetNeeded
            Before `reset`.
        gymnasium.error.AlreadyPendingCallError
            If a game was started already; nothing has changed then.
        gymnasium.error.ClosedEnvironmentError
            After `close`.
        """
        self.send(actions, env_id)
        return self.recv()

    def send(self, actions: Any, env_id: Any = None) -> None:
        """Start a step without waiting for its results, which `recv` returns. See `step`."""
        self._check_not_pending("send")
        if self._async is not None:
            self._async.send(actions, env_id)
            return
        if env_id is not None:
            raise ValueError(
                f"env_id: expected None without batch_size, got {describe(env_id)}; make the "
                "environments with batch_size to step some games"
            )
        if not self._stepper.has_reset:
            raise error.ResetNeeded("step came before reset: call reset first")
        if not self._stepper.can_step(actions, self._num_actions):
            actions = check_actions(actions, self.num_envs, self._num_actions)
        ended = self._stepper.ended
        if self.autoreset_mode is AutoresetMode.DISABLED and ended.any():
            raise error.ResetNeeded(
                f"games {np.flatnonzero(ended).tolist()} have ended: "
                'reset them by reset(options={"reset_mask": mask}) first'
            )
        self._stepper.send(actions, self._observations.begin_step())

    def recv(self) -> _StepResult:
        """Wait for the step that `send` started, and return its results. See `step`.

        In asynchronous mode, wait until ``batch_size`` games are ready.

        Raises
        ------
        gymnasium.error.NoAsyncCallError
            If too few games were started, so that it would never return.
        """
        self._check_open()
        if self._async is not None:
            return self._async.recv()
        if not self._stepper.pending:
            raise error.NoAsyncCallError("recv came without send: send actions first", "recv")
        results = self._stepper.receive()
        infos = step_infos(
            self._stepper.columns,
            results,
            self._observations.final if self._same_step else None,
            statistics=self._record_statistics,
        )
        return self._observations.end_step(), *results[:3], infos

    def render(self) -> tuple[npt.NDArray[np.uint8], ...] | None:
        """Return the consoles' screens, RGB ``(height, width, 3)``; None without a render mode."""
        self._check_open()
        if self.render_mode is None:
            return None
        self._check_not_pending("render")
        return tuple(self._stepper.render())

    def save_games(self) -> list[bytes]:
        """Save the state of all games, for `restore_games`.

        The replay buffer is not included: save it, too. In asynchronous mode, this waits for games
        that are being stepped, and their results can still be received.

        Raises
        ------
        OldLibraryError
            If ale-py is older than 0.12; nothing has changed then.
        RuntimeError
            If a worker died meanwhile, so that its games are lost.
        gymnasium.error.ResetNeeded
            Before `reset`.
        gymnasium.error.AlreadyPendingCallError
            Between `send` and `recv`.

        Notes
        -----
        ALE does not save the action that sticky actions would repeat. A restored game with
        ``repeat_action_probability`` > 0 can differ until its first action takes effect.
        """
        self._check_not_pending("save_games")
        if not self._stepper.has_reset:
            raise error.ResetNeeded("save_games came before reset: call reset first")
        check_can_save()
        return self._stepper.save_games()

    def restore_games(
        self, states: Sequence[bytes]
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Continue saved games, instead of a `reset`.

        In asynchronous mode, `recv` returns the games afterwards, as after a reset.

        Parameters
        ----------
        states
            Result of `save_games` for the same game, settings and number of environments. The
            replay buffer must hold what it held then.

        Returns
        -------
        tuple
            Observations and infos of all games, as from `reset` in synchronous mode.

        Raises
        ------
        TypeError, ValueError
            If a state is damaged, or of another game, or of other settings; if their number
            differs; if the replay buffer is empty; or if the autoreset mode is not SAME_STEP, as a
            saved game may have ended in the others. Nothing has changed then.
        """
        return self._restore_games(states, None)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all games, and results that were not received; see `save_games`."""
        state: dict[str, Any] = {"games": self.save_games()}
        if self._async is not None:
            state["results"] = self._async.stepper.results()
        return state

    def load_state_dict(
        self, state: dict[str, Any]
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        """Restore what `state_dict` returned; see `restore_games`.

        In asynchronous mode, `recv` returns the results that were not received before, after the
        other games.
        """
        return self._restore_games(state.get("games", ()), state.get("results"))

    def close_extras(self, **kwargs: Any) -> None:
        """Release the emulators and end the workers."""
        self._stepper.close()

    def _restore_games(
        self, states: Sequence[bytes], results: Any
    ) -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
        self._check_not_pending("restore_games")
        if not self._same_step:
            raise ValueError(
                "autoreset_mode: expected SAME_STEP to restore games, got "
                f"{self.autoreset_mode.name}; make the environments with it"
            )
        self._stepper.wait()
        check_states(states, self.settings, self._ring)
        if self._async is not None:
            checked = None if results is None else self._async.stepper.check_results(results)
        self._stepper.restore_games(states)
        if self._async is not None:
            self._async.stepper.restore_results(checked)
        return self._observations.newest(), counter_infos(self._stepper.columns)

    def _check_not_pending(self, call: str) -> None:
        self._check_open()
        if self._stepper.pending:
            raise error.AlreadyPendingCallError(f"{call} came after send: recv first", "send")

    def _check_open(self) -> None:
        if self.closed:
            raise error.ClosedEnvironmentError("this AtariVectorEnv was closed: make another")
