"""Gymnasium's ``AtariPreprocessing`` wrapper over framering's compiled preprocessing."""

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker

from framering.errors import OldLibraryError

try:
    from ale_py.env import AtariEnv
except ImportError as reason:
    raise OldLibraryError(
        "AtariPreprocessing needs ale-py 0.10 or newer: pip install -U gymnasium ale-py"
    ) from reason

from framering.atari.frame_skip import PoolAndSkip, ScreenSpec, palette_for

# Wrappers that gymnasium.make adds; neither changes a step.
_TRANSPARENT = (OrderEnforcing, PassiveEnvChecker)


class AtariPreprocessing(
    gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs
):
    """Preprocesses an Atari environment as Machado et al. (2018) recommend, without frame stacking.

    A drop-in for `gymnasium.wrappers.AtariPreprocessing`: the same arguments, the same spaces, and
    the same observations, rewards and flags, bit for bit, but faster: no-op starts, frame skipping
    with a maximum over the last two frames, an optional end at a lost life, and an area resize of
    the gray (or RGB) screen. It does not need OpenCV.

    Around an `AtariEnv` made by ``gymnasium.make``, the wrapper drives the emulator directly and
    reads only the screens that it needs. Other wrappers in between are stepped as usual.

    Parameters
    ----------
    env
        An ALE environment that skips no frames itself (``frameskip=1``).
    noop_max
        A game starts with 1 to ``noop_max`` frames without action; 0 for none.
    frame_skip
        Emulated frames per step.
    screen_size
        Size of an observation: both sides, or ``(width, height)``.
    terminal_on_life_loss
        Whether a lost life terminates the episode, at the frame in which it is lost.
    grayscale_obs
        Gray observations ``(height, width)``, or RGB ``(height, width, 3)``.
    grayscale_newaxis
        Whether a gray observation has a last axis of 1.
    scale_obs
        Whether observations are float32 in [0, 1] instead of uint8 in [0, 255].

    Raises
    ------
    ValueError
        If ``frame_skip``, ``screen_size`` or ``noop_max`` is out of range, if the environment skips
        frames itself, or if it has no-op starts but its first action is not NOOP.
    TypeError
        If the environment's observation space is not a Box.

    Examples
    --------
    >>> import gymnasium, ale_py
    >>> gymnasium.register_envs(ale_py)
    >>> env = AtariPreprocessing(gymnasium.make("BreakoutNoFrameskip-v4"))
    >>> observation, info = env.reset(seed=1)
    >>> observation.shape, observation.dtype
    ((84, 84), dtype('uint8'))
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        noop_max: int = 30,
        frame_skip: int = 4,
        screen_size: int | tuple[int, int] = 84,
        terminal_on_life_loss: bool = False,
        grayscale_obs: bool = True,
        grayscale_newaxis: bool = False,
        scale_obs: bool = False,
    ) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(
            self,
            noop_max=noop_max,
            frame_skip=frame_skip,
            screen_size=screen_size,
            terminal_on_life_loss=terminal_on_life_loss,
            grayscale_obs=grayscale_obs,
            grayscale_newaxis=grayscale_newaxis,
            scale_obs=scale_obs,
        )
        gymnasium.Wrapper.__init__(self, env)
        _check_arguments(env, noop_max, frame_skip, screen_size)
        self.noop_max = noop_max
        self.frame_skip = frame_skip
        self.screen_size = (
            screen_size if isinstance(screen_size, tuple) else (screen_size, screen_size)
        )
        self.terminal_on_life_loss = terminal_on_life_loss
        self.grayscale_obs = grayscale_obs
        self.grayscale_newaxis = grayscale_newaxis
        self.scale_obs = scale_obs
        self.lives = 0
        self.game_over = False

        width, height = self.screen_size
        self._frame_shape = (height, width) if grayscale_obs else (height, width, 3)
        shape = (
            (*self._frame_shape, 1) if grayscale_obs and grayscale_newaxis else self._frame_shape
        )
        self.observation_space = (
            Box(0, 1, shape, np.float32) if scale_obs else Box(0, 255, shape, np.uint8)
        )
        self._has_reset = False
        self._make_skip()

    @property
    def ale(self) -> Any:
        """The environment's `ALEInterface`."""
        return self.env.unwrapped.ale  # type: ignore[attr-defined]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Start a new game with its no-ops and return the first observation and info."""
        _, info = self.env.reset(seed=seed, options=options)
        self._has_reset = True
        if self.noop_max > 0:
            for _ in range(self.env.unwrapped.np_random.integers(1, self.noop_max + 1)):
                _, _, terminated, truncated, step_info = self.env.step(0)
                info.update(step_info)
                if terminated or truncated:
                    _, info = self.env.reset(seed=seed, options=options)
        self._skip.reset()
        self.lives = self.ale.lives()
        return self._observation(), info

    def step(
        self, action: Any
    ) -> tuple[npt.NDArray[Any], SupportsFloat, bool, bool, dict[str, Any]]:
        """Repeat an action for a frame skip, or until the episode ends."""
        if not self._has_reset:
            self.env.step(
                action
            )  # Raises ResetNeeded if the environment enforces the order of calls.
        console = self._console
        reward = self._skip.advance(console.action(action), self.frame_skip)
        terminated, truncated, info = console.outcome()
        self.game_over = terminated = terminated or self._skip.life_lost
        if self.terminal_on_life_loss:
            self.lives = self.ale.lives()
        return self._observation(), reward, terminated, truncated, info

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_skip"], state["_console"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_skip()

    def _make_skip(self) -> None:
        self._console: _EmulatorConsole | _WrappedConsole = (
            _EmulatorConsole(self.env.unwrapped)
            if _is_bare(self.env)
            else _WrappedConsole(self.env, self.ale)
        )
        height, width = self.ale.getScreenDims()
        screens = ScreenSpec(
            order="gymnasium",
            height=height,
            width=width,
            output_shape=(self.screen_size[1], self.screen_size[0]),
            grayscale=self.grayscale_obs,
            palette=palette_for(height),
        )
        self._skip = PoolAndSkip(
            self._console.ale, screens, end_at_life_loss=self.terminal_on_life_loss
        )

    def _observation(self) -> npt.NDArray[Any]:
        frame = np.empty(self._frame_shape, np.uint8)
        self._skip.observe(frame)
        observation: npt.NDArray[Any] = frame
        if self.scale_obs:
            observation = np.asarray(frame, dtype=np.float32) / 255.0
        if self.grayscale_obs and self.grayscale_newaxis:
            observation = observation[..., np.newaxis]
        return observation


class _EmulatorConsole:
    """Steps the emulator of a bare `AtariEnv`, so that no screen is rendered in between."""

    def __init__(self, env: Any) -> None:
        self.ale = env.ale
        self._env = env

    def action(self, action: Any) -> Any:
        return self._env._action_set[action]

    def outcome(self) -> tuple[bool, bool, dict[str, Any]]:
        ale = self.ale
        return (
            ale.game_over(with_truncation=False),
            ale.game_truncated(),
            {
                "lives": ale.lives(),
                "episode_frame_number": ale.getEpisodeFrameNumber(),
                "frame_number": ale.getFrameNumber(),
            },
        )


class _WrappedConsole:
    """Steps an environment through its wrappers, with the interface of an `ALEInterface`."""

    def __init__(self, env: gymnasium.Env[Any, Any], ale: Any) -> None:
        self._env = env
        self.ale = self
        self.lives = ale.lives
        self.getScreen = ale.getScreen
        self._outcome: tuple[bool, bool, dict[str, Any]] = (False, False, {})

    def action(self, action: Any) -> Any:
        return action

    def act(self, action: Any) -> float:
        _, reward, terminated, truncated, info = self._env.step(action)
        self._outcome = (terminated, truncated, info)
        return float(reward)

    def game_over(self) -> bool:
        terminated, truncated, _ = self._outcome
        return terminated or truncated

    def outcome(self) -> tuple[bool, bool, dict[str, Any]]:
        return self._outcome


def _is_bare(env: gymnasium.Env[Any, Any]) -> bool:
    """Return whether only ``gymnasium.make`` has wrapped an emulator of single frames."""
    while type(env) in _TRANSPARENT:
        env = env.env  # type: ignore[attr-defined]
    return type(env) is AtariEnv and env._frameskip == 1 and not env.continuous


def _check_arguments(
    env: gymnasium.Env[Any, Any], noop_max: int, frame_skip: int, screen_size: Any
) -> None:
    if frame_skip <= 0:
        raise ValueError(f"Expect the `frame_skip` to be positive, actually: {frame_skip}")
    sides = screen_size if isinstance(screen_size, tuple) else (screen_size, screen_size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ValueError(f"Expect the `screen_size` to be positive, actually: {screen_size}")
    if frame_skip > 1 and getattr(env.unwrapped, "_frameskip", None) != 1:
        raise ValueError(
            "Disable frame-skipping in the original env: make it with frameskip=1, or take a "
            "NoFrameskip id. Otherwise, more than one frame-skip will happen as through this "
            "wrapper"
        )
    if noop_max < 0:
        raise ValueError(f"Expect the `noop_max` to be non-negative, actually: {noop_max}")
    if noop_max > 0 and env.unwrapped.get_action_meanings()[0] != "NOOP":  # type: ignore[attr-defined]
        raise ValueError("When noop_max > 0, the first action meaning must be 'NOOP'")
    if not isinstance(env.observation_space, Box):
        raise TypeError(
            "AtariPreprocessing wrapper requires a Box observation space, "
            f"got {type(env.observation_space)}"
        )
