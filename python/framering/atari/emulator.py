"""One Atari emulator with the preprocessing of deep reinforcement learning.

`AtariEmulator` drives `ale_py.ALEInterface` directly. It does what a chain of Gymnasium wrappers
does (Stable-Baselines3's and CleanRL's, or Gymnasium's own), step for step and bit for bit, without
the wrappers: it looks only at the screens that an observation is made of, as palette indices.
"""

import time
from typing import Any, NamedTuple

import ale_py
import numpy as np
from ale_py import roms

from framering.atari.frame_skip import (
    FrameSkip,
    Image,
    MaxAndSkip,
    PoolAndSkip,
    Screens,
    palette_of,
)
from framering.atari.reset_cache import GameStart
from framering.atari.settings import AtariSettings
from framering.atari.state import pack_state, unpack_state

_NOOP, _FIRE, _AFTER_FIRE = 0, 1, 2


class Step(NamedTuple):
    """What a step gives, beside its frame."""

    reward: float
    terminated: bool
    truncated: bool


class Game(NamedTuple):
    """A whole game that has ended: its unclipped return, emulated frames, and wall-clock time."""

    episode_return: float
    frames: int
    seconds: float


class AtariEmulator:
    """An Atari game, preprocessed frame by frame into arrays that the caller gives.

    Given the same seed it is trajectory-exact with the wrappers of its order: the same
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
    finished_game : Game | None
        The game that the last `step` ended, if it ended one; a lost life does not, unless the
        reset that follows starts a new game. A game that ends within a reset is not reported, as
        in CleanRL.

    Raises
    ------
    ValueError
        If the game is unknown, or has no NOOP or FIRE where the settings need one.

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
        self.finished_game: Game | None = None
        self._rom = _rom_path(settings.game)
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self._ale = ale = ale_py.ALEInterface()
        ale.setFloat("repeat_action_probability", settings.repeat_action_probability)
        ale.setInt("max_num_frames_per_episode", settings.max_num_frames_per_episode)
        self._start = GameStart(ale, settings)
        self._seed(None)
        self._actions = (
            ale.getLegalActionSet() if settings.full_action_space else ale.getMinimalActionSet()
        )
        self._fires = settings.fire_reset and "FIRE" in self.action_meanings
        self._check_actions()
        self._continues_after_life = (
            settings.terminal_on_life_loss and settings.order != "gymnasium"
        )
        self._skip = self._make_skip()
        self._lives = 0
        self._game_ended = True
        self._return = 0.0
        self._began = time.perf_counter()

    @property
    def num_actions(self) -> int:
        """Number of actions; an action is an index below it."""
        return len(self._actions)

    @property
    def action_meanings(self) -> list[str]:
        """What each action presses, e.g. ``["NOOP", "FIRE", "RIGHT", "LEFT"]``."""
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
        return self._start.frame_number

    @property
    def episode_frame_number(self) -> int:
        """Emulated frames since the game began."""
        return int(self._ale.getEpisodeFrameNumber())

    def screen_rgb(self) -> Image:
        """Copy the console's current screen, RGB, shape (height, width, 3)."""
        screen: Image = self._ale.getScreenRGB()
        return screen

    def reset(self, out: Image, seed: int | None = None) -> None:
        """Begin an episode and write its first frame.

        Parameters
        ----------
        out
            uint8 array of `AtariSettings.frame_shape`, C-contiguous, that is overwritten.
        seed
            Seeds the no-op draw and the console, as ``AtariEnv.reset`` does, and starts a new game.
            None goes on with the generators as they are, and, after a lost life, with the game.
        """
        if seed is not None:
            self._game_ended = True
        self._begin_episode(seed)
        if not self._fires:
            self._skip.observe(out)
            return
        if self._press(_FIRE):
            self._begin_episode(seed)
        ended = self._press(_AFTER_FIRE)
        self._skip.observe(out)
        if ended:
            # FireResetEnv resets here, and still gives the observation from before.
            self._begin_episode(seed)

    def step(self, action: int, out: Image) -> Step:
        """Take one action for a frame skip and write the frame that it leads to.

        Parameters
        ----------
        action
            Index of the action, below `num_actions`.
        out
            uint8 array of `AtariSettings.frame_shape`, C-contiguous, that is overwritten.

        Returns
        -------
        Step
            The reward of the skip (its sign, if clipped), and how the episode ended, if it did.

        Raises
        ------
        ValueError
            If the action is out of range; nothing has moved then.
        """
        if not 0 <= action < len(self._actions):
            raise ValueError(
                f"the action must lie in [0, {len(self._actions)}) for {self.settings.game}, "
                f"but {action} came"
            )
        reward, terminated, truncated = self._advance(action)
        self.finished_game = None
        if self._game_ended:
            seconds = time.perf_counter() - self._began
            self.finished_game = Game(self._return, self.episode_frame_number, seconds)
        self._skip.observe(out)
        if self.settings.clip_reward:
            reward = float(np.sign(reward))
        return Step(reward, terminated, truncated)

    def state(self) -> bytes:
        """Return the whole state: the console, the generators, and what the wrappers hold."""
        return pack_state(
            {
                "console": self._ale.cloneState(include_rng=True).serialize(),
                "draws": self._np_random.bit_generator.state,
                "lives": self._lives,
                "game_ended": self._game_ended,
                "frame_number": self.frame_number,
                "return": self._return,
                "seconds": time.perf_counter() - self._began,
                "skip": self._skip.state(),
            }
        )

    def restore(self, state: bytes) -> None:
        """Take up what `state` returned, in an emulator of the same settings, and go on from there.

        Raises
        ------
        ValueError
            If it is no such state.
        """
        held = unpack_state(state)
        self._ale.restoreState(ale_py.ALEState(held["console"]))
        self._start.frame_number = held["frame_number"]
        self._np_random.bit_generator.state = held["draws"]
        self._lives = held["lives"]
        self._game_ended = held["game_ended"]
        self._return = held["return"]
        self._began = time.perf_counter() - held["seconds"]
        self._skip.restore(held["skip"])

    def _advance(self, action: int) -> Step:
        """Take one action for a frame skip: EpisodicLifeEnv.step around MaxAndSkipEnv.step."""
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
        """Take an action within a reset; say whether it ended the episode."""
        _, terminated, truncated = self._advance(action)
        return terminated or truncated

    def _begin_episode(self, seed: int | None) -> None:
        """Begin a game, or go on with this one after a lost life: EpisodicLifeEnv.reset."""
        if self._game_ended or not self._continues_after_life:
            self._begin_game(seed)
        else:
            self._return += self._skip.advance(self._actions[_NOOP], self._frames())
            if self._ale.game_over():
                self._begin_game(seed)
        self._lives = self._ale.lives()

    def _begin_game(self, seed: int | None) -> None:
        """Begin a game with its no-op start: NoopResetEnv.reset."""
        self._restart(seed)
        noop_max = self.settings.noop_max
        frames = int(self._np_random.integers(1, noop_max + 1)) if noop_max > 0 else 0
        for frame in range(self._start.begin(frames), frames):
            if frame == frames - 1 and self._return == 0:
                self._start.remember(frame)
            self._return += self._ale.act(self._actions[_NOOP])
            if self._ale.game_over():
                self._restart(seed)
                self._ale.reset_game()
        self._skip.hold()

    def _restart(self, seed: int | None) -> None:
        if seed is not None:
            self._seed(seed)
        self._return = 0.0
        self._began = time.perf_counter()

    def _seed(self, seed: int | None) -> None:
        """Seed the draws and the console as ``AtariEnv.seed_game`` does, and load the ROM."""
        draws, console = np.random.SeedSequence(seed).generate_state(n_words=2)
        self._np_random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(int(draws))))
        self._ale.setInt("random_seed", console.astype(np.int32))
        self._ale.loadROM(self._rom)
        self._start.rom_loaded()
        if self.settings.mode is not None:
            self._ale.setMode(self.settings.mode)
        if self.settings.difficulty is not None:
            self._ale.setDifficulty(self.settings.difficulty)

    def _frames(self) -> int:
        skip = self.settings.frame_skip
        return skip if isinstance(skip, int) else int(self._np_random.integers(*skip))

    def _make_skip(self) -> FrameSkip:
        settings = self.settings
        height, width = self._ale.getScreenDims()
        screens = Screens(
            order=settings.order,
            height=height,
            width=width,
            output_shape=(settings.screen_size[1], settings.screen_size[0]),
            grayscale=settings.grayscale,
            palette=palette_of(height),
        )
        if settings.order == "gymnasium":
            return PoolAndSkip(self._ale, screens, end_at_life_loss=settings.terminal_on_life_loss)
        return MaxAndSkip(self._ale, screens)

    def _check_actions(self) -> None:
        meanings = self.action_meanings
        needs_noop = self.settings.noop_max > 0 or self.settings.terminal_on_life_loss
        if needs_noop and meanings[0] != "NOOP":
            raise ValueError(
                f"{self.settings.game}'s first action is {meanings[0]}, not NOOP: "
                "set noop_max=0 and terminal_on_life_loss=False, or full_action_space=True"
            )
        if self._fires and (meanings[1] != "FIRE" or len(meanings) < 3):
            raise ValueError(
                f"{self.settings.game}'s actions are {meanings}, but a fire reset presses FIRE as "
                "the second of at least three actions: set fire_reset=False"
            )


def _rom_path(game: str) -> Any:
    if game not in roms.get_all_rom_ids():
        raise ValueError(f"{game!r} is not a ROM of ale_py; its names look like 'ms_pacman'")
    return roms.get_rom_path(game)
