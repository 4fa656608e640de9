"""One Atari emulator with the preprocessing of deep reinforcement learning.

`AtariEmulator` drives `ale_py.ALEInterface` directly. It does what a chain of Gymnasium wrappers
does (Stable-Baselines3's and CleanRL's, or Gymnasium's own), step for step and bit for bit, without
the wrappers: it reads only the screens that an observation is made of, as palette indices.
"""

import dataclasses
import time
from typing import Any, NamedTuple

import numpy as np

from framering.atari.console import Console
from framering.atari.frame_skip import (
    FrameSkip,
    Image,
    MaxAndSkip,
    PoolAndSkip,
    ScreenSpec,
    palette_for,
)
from framering.atari.settings import AtariSettings
from framering.atari.state import pack_state, read_field, unpack_state

# Indices of actions. FireResetEnv takes the action that follows FIRE, too, whichever that is.
_NOOP, _FIRE, _AFTER_FIRE = 0, 1, 2


class Step(NamedTuple):
    """Reward and end of an episode, as returned by a step; the frame is written to an array."""

    reward: float
    terminated: bool
    truncated: bool


class FinishedGame(NamedTuple):
    """Unclipped return, emulated frames and wall-clock time of a game that has ended."""

    episode_return: float
    frames: int
    seconds: float


class AtariEmulator:
    """An Atari game that is preprocessed frame by frame into arrays of the caller.

    With the same seed it follows the trajectory of the wrappers of its order exactly: the same
    observations, rewards, terminations and truncations. ``"cleanrl"`` and ``"sb3"`` follow
    Stable-Baselines3's ``atari_wrappers`` (NoopReset, MaxAndSkip, EpisodicLife, FireReset,
    ClipReward, from the inside out), and ``"gymnasium"`` follows Gymnasium's
    ``AtariPreprocessing``, around ALE's Gymnasium environment.

    Parameters
    ----------
    settings
        The game and its preprocessing.

    Attributes
    ----------
    settings : AtariSettings
        As given.
    finished_game : FinishedGame | None
        The game that the last `step` ended, or None. A lost life ends no game, unless the reset
        that follows starts a new one. A game that ends within a reset is not reported, as in
        CleanRL.

    Raises
    ------
    ValueError
        If the game is unknown, has no NOOP or FIRE where the settings need one, or has no such
        mode or difficulty.

    Examples
    --------
    >>> import numpy as np
    >>> emulator = AtariEmulator(AtariSettings("pong"))
    >>> frame = np.empty(emulator.settings.frame_shape, np.uint8)
    >>> emulator.reset(frame, seed=1)
    >>> emulator.step(0, frame)
    Step(reward=0.0, terminated=False, truncated=False)
    """

    def __init__(self, settings: AtariSettings) -> None:
        self.settings = settings
        self.finished_game: FinishedGame | None = None
        self._console = Console(settings)
        self._ale = self._console.ale
        self._reset_cache = self._console.reset_cache
        self._seed(None)
        self._actions = self._console.actions()
        self._presses_fire = settings.fire_reset and "FIRE" in self.action_meanings
        self._check_actions()
        self._continues_after_life = (
            settings.terminal_on_life_loss and settings.order != "gymnasium"
        )
        self._skip = self._make_skip()
        self._lives = 0
        self._game_ended = True
        self._return = 0.0
        self._start_time = time.perf_counter()

    @property
    def num_actions(self) -> int:
        """Number of actions; an action is an index below it."""
        return len(self._actions)

    @property
    def action_meanings(self) -> list[str]:
        """Names of the actions, e.g. ``["NOOP", "FIRE", "RIGHT", "LEFT"]``."""
        return [action.name for action in self._actions]

    @property
    def screen_shape(self) -> tuple[int, int, int]:
        """Shape of the console's screen in RGB: (height, width, 3)."""
        height, width = self._ale.getScreenDims()
        return height, width, 3

    @property
    def lives(self) -> int:
        """Lives left."""
        return int(self._ale.lives())

    @property
    def frame_number(self) -> int:
        """Emulated frames since the ROM was loaded."""
        return self._reset_cache.frame_number

    @property
    def episode_frame_number(self) -> int:
        """Emulated frames since the game began."""
        return int(self._ale.getEpisodeFrameNumber())

    def screen_rgb(self) -> Image:
        """Copy the console's current screen, RGB, shape (height, width, 3)."""
        screen: Image = self._ale.getScreenRGB()
        return screen

    def reset(self, out: Image, seed: int | None = None) -> None:
        """Start an episode and write its first frame.

        Parameters
        ----------
        out
            uint8 array of `AtariSettings.frame_shape`, C-contiguous, that is overwritten.
        seed
            Seeds the number of no-ops and the console, as ``AtariEnv.reset`` does, and starts a new
            game. None keeps the generators, and continues the game after a lost life.
        """
        if seed is not None:
            self._game_ended = True
        self._start_episode(seed)
        if not self._presses_fire:
            self._skip.observe(out)
            return
        if self._press(_FIRE):
            self._start_episode(seed)
        ended = self._press(_AFTER_FIRE)
        self._skip.observe(out)
        if ended:
            # FireResetEnv resets here, but returns the observation from before.
            self._start_episode(seed)

    def step(self, action: int, out: Image) -> Step:
        """Repeat one action for a frame skip and write the resulting frame.

        Parameters
        ----------
        action
            Index of the action, below `num_actions`.
        out
            uint8 array of `AtariSettings.frame_shape`, C-contiguous, that is overwritten.

        Returns
        -------
        Step
            The reward of the skip (its sign, if clipped), and whether the episode has terminated or
            was truncated.

        Raises
        ------
        ValueError
            If the action is out of range; nothing has changed then.
        """
        if not 0 <= action < len(self._actions):
            raise ValueError(
                f"action: expected an index in [0, {len(self._actions)}) for {self.settings.game}, "
                f"got {action}"
            )
        reward, terminated, truncated = self._advance(action)
        self.finished_game = None
        if self._game_ended:
            seconds = time.perf_counter() - self._start_time
            self.finished_game = FinishedGame(self._return, self.episode_frame_number, seconds)
        self._skip.observe(out)
        if self.settings.clip_reward:
            reward = float((reward > 0) - (reward < 0))
        return Step(reward, terminated, truncated)

    def state(self) -> bytes:
        """Return the whole state: console, generators, and what the wrappers hold.

        One thing is missing, as ALE neither saves nor shows it: the action that sticky actions
        would repeat. With ``repeat_action_probability`` > 0 a restored game can therefore differ
        until its first action takes effect. ale-py older than 0.12 raises OldLibraryError.
        """
        return pack_state({"settings": dataclasses.asdict(self.settings), **self._state_fields()})

    def restore(self, state: bytes) -> None:
        """Continue from what `state` returned in an emulator of the same settings.

        Raises
        ------
        TypeError, ValueError
            If it is no such state; nothing has changed then.
        """
        fields = unpack_state(state)
        before = self._state_fields()
        try:
            self._check_saved_settings(fields)
            self._restore_fields(fields)
        except (ValueError, TypeError) as reason:
            self._restore_fields(before)
            raise ValueError(
                f"state: expected a saved game of {self.settings.game}, but {reason}"
            ) from reason

    def _state_fields(self) -> dict[str, Any]:
        return {
            "console": self._console.state(),
            "draws": self._np_random.bit_generator.state,
            "lives": self._lives,
            "game_ended": self._game_ended,
            "frame_number": self.frame_number,
            "return": self._return,
            "seconds": time.perf_counter() - self._start_time,
            "skip": self._skip.state(),
        }

    def _restore_fields(self, fields: dict[str, Any]) -> None:
        self._console.restore(read_field(fields, "console", bytes))
        self._reset_cache.frame_number = read_field(fields, "frame_number", int)
        self._restore_generator(read_field(fields, "draws", dict))
        self._lives = read_field(fields, "lives", int)
        self._game_ended = read_field(fields, "game_ended", bool)
        self._return = read_field(fields, "return", float)
        self._start_time = time.perf_counter() - read_field(fields, "seconds", float)
        self._skip.restore(read_field(fields, "skip", dict))

    def _restore_generator(self, saved: dict[str, Any]) -> None:
        generator = self._np_random.bit_generator
        try:
            generator.state = saved
        except (KeyError, OverflowError) as reason:
            raise ValueError(f"draws: expected the state of a PCG64, got {reason!r}") from reason
        if generator.state != saved:
            raise ValueError("draws: expected the state of a PCG64, got other fields")

    def _check_saved_settings(self, fields: dict[str, Any]) -> None:
        """Refuse a game that was saved with other settings; version 0.1.0 saved none."""
        if "settings" not in fields:
            return
        saved = AtariSettings(**read_field(fields, "settings", dict))
        for field in dataclasses.fields(saved):
            here, there = getattr(self.settings, field.name), getattr(saved, field.name)
            if here != there:
                raise ValueError(f"{field.name}: expected {here!r}, got {there!r}")

    def _advance(self, action: int) -> Step:
        """Repeat one action for a frame skip: EpisodicLifeEnv.step around MaxAndSkipEnv.step."""
        ale = self._ale
        reward = self._skip.advance(self._actions[action], self._frames())
        self._return += reward
        terminated = truncated = False
        if ale.game_over():
            terminated = ale.game_over(with_truncation=False)
            truncated = ale.game_truncated()
        self._game_ended = terminated or truncated
        if self._skip.life_lost:
            # Gymnasium's wrapper starts a new game after it, so this one ends here.
            terminated = self._game_ended = True
        elif self._continues_after_life:
            lives = ale.lives()
            terminated = terminated or 0 < lives < self._lives
            self._lives = lives
        return Step(reward, terminated, truncated)

    def _press(self, action: int) -> bool:
        """Take an action within a reset; return whether it ended the episode."""
        _, terminated, truncated = self._advance(action)
        return terminated or truncated

    def _start_episode(self, seed: int | None) -> None:
        """Start a game, or continue this one after a lost life: EpisodicLifeEnv.reset."""
        if self._game_ended or not self._continues_after_life:
            self._start_game(seed)
        else:
            self._return += self._skip.advance(self._actions[_NOOP], self._frames())
            if self._ale.game_over():
                self._start_game(seed)
        self._lives = self._ale.lives()

    def _start_game(self, seed: int | None) -> None:
        """Start a game with its no-ops: NoopResetEnv.reset."""
        self._restart(seed)
        noop_max = self.settings.noop_max
        frames = int(self._np_random.integers(1, noop_max + 1)) if noop_max > 0 else 0
        for frame in range(self._reset_cache.reset_game(frames), frames):
            if frame == frames - 1 and self._return == 0:
                self._reset_cache.store(frame)
            self._return += self._ale.act(self._actions[_NOOP])
            if self._ale.game_over():
                self._restart(seed)
                self._ale.reset_game()
        self._skip.reset()

    def _restart(self, seed: int | None) -> None:
        if seed is not None:
            self._seed(seed)
        self._return = 0.0
        self._start_time = time.perf_counter()

    def _seed(self, seed: int | None) -> None:
        """Seed the generators as ``AtariEnv.seed_game`` does, and load the ROM."""
        draws, console = np.random.SeedSequence(seed).generate_state(n_words=2)
        self._np_random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(int(draws))))
        self._console.load(int(console.astype(np.int32)))

    def _frames(self) -> int:
        skip = self.settings.frame_skip
        return skip if isinstance(skip, int) else int(self._np_random.integers(*skip))

    def _make_skip(self) -> FrameSkip:
        settings = self.settings
        height, width = self._ale.getScreenDims()
        if settings.screen_size[0] > width or settings.screen_size[1] > height:
            raise ValueError(
                f"screen_size: expected at most {(width, height)}, the size of the screen, got "
                f"{settings.screen_size}"
            )
        screens = ScreenSpec(
            order=settings.order,
            height=height,
            width=width,
            output_shape=(settings.screen_size[1], settings.screen_size[0]),
            grayscale=settings.grayscale,
            palette=palette_for(height),
        )
        if settings.order == "gymnasium":
            return PoolAndSkip(self._ale, screens, end_at_life_loss=settings.terminal_on_life_loss)
        return MaxAndSkip(self._ale, screens)

    def _check_actions(self) -> None:
        meanings = self.action_meanings
        needs_noop = self.settings.noop_max > 0 or self.settings.terminal_on_life_loss
        if needs_noop and meanings[0] != "NOOP":
            raise ValueError(
                f"noop_max, terminal_on_life_loss: expected a game whose first action is NOOP, got "
                f"{self.settings.game} with {meanings[0]}; "
                "set noop_max=0 and terminal_on_life_loss=False, or full_action_space=True"
            )
        if self._presses_fire and (meanings[1] != "FIRE" or len(meanings) < 3):
            raise ValueError(
                "fire_reset: expected a game with FIRE as the second of three or more actions, got "
                f"{self.settings.game} with {meanings}; set fire_reset=False"
            )
