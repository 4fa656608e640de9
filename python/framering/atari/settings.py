"""How an Atari game is emulated and preprocessed."""

from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np

from framering.atari.arguments import check_flag, check_integer, check_pair, describe, is_sequence

Order = Literal["cleanrl", "sb3", "gymnasium"]

_FLAGS = (
    "terminal_on_life_loss",
    "fire_reset",
    "clip_reward",
    "grayscale",
    "full_action_space",
)


@dataclass(frozen=True)
class AtariSettings:
    """Settings of an emulator and its preprocessing: plain data that can be sent to a process.

    Attributes
    ----------
    game
        The ROM's name, e.g. ``"breakout"``.
    order
        The library whose preprocessing is followed: ``"cleanrl"`` (maximum of two RGB screens,
        resize, gray), ``"sb3"`` (maximum of two RGB screens, gray, resize) or ``"gymnasium"``
        (gray, maximum, resize). It also determines how a lost life ends an episode, and what is
        observed when one ends within a skip.
    frame_skip
        Emulated frames per step, or the half-open range from which each step draws them.
    noop_max
        A game starts with 1 to ``noop_max`` frames without action; 0 for none.
    terminal_on_life_loss
        Whether a lost life terminates the episode. In ``"cleanrl"`` and ``"sb3"`` order lives
        are compared after the whole skip, and the reset that follows continues the same game after
        one step without action; in ``"gymnasium"`` order they are compared after each frame, and
        the reset that follows starts a new game.
    fire_reset
        Whether a reset presses FIRE and then the action after it, in games that have FIRE.
    clip_reward
        Whether a reward is replaced by its sign.
    screen_size
        ``(width, height)`` of an observation, as in Gymnasium.
    grayscale
        Whether an observation is gray ``(height, width)`` or, in gymnasium order alone, RGB
        ``(height, width, 3)``.
    repeat_action_probability
        Sticky actions: the probability, at each frame, that the emulator repeats the last action
        (Machado et al., 2018).
    full_action_space
        Whether actions are all 18 of the console, or the minimal set of the game.
    max_num_frames_per_episode
        Emulated frames after which a game is truncated; 0 for no limit.
    mode, difficulty
        The game's mode and difficulty; None for its defaults.

    Raises
    ------
    TypeError, ValueError
        If a value is of another type or out of range.
    """

    game: str
    order: Order = "cleanrl"
    frame_skip: int | tuple[int, int] = 4
    noop_max: int = 30
    terminal_on_life_loss: bool = True
    fire_reset: bool = True
    clip_reward: bool = True
    screen_size: tuple[int, int] = (84, 84)
    grayscale: bool = True
    repeat_action_probability: float = 0.0
    full_action_space: bool = False
    max_num_frames_per_episode: int = 108_000
    mode: int | None = None
    difficulty: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.game, str):
            raise TypeError(f"game: expected the name of a ROM, got {describe(self.game)}")
        if not isinstance(self.order, str) or self.order not in get_args(Order):
            raise ValueError(
                f"order: expected one of {get_args(Order)}, got {describe(self.order)}"
            )
        for name in _FLAGS:
            self._set(name, check_flag(name, getattr(self, name)))
        for name in ("noop_max", "max_num_frames_per_episode"):
            self._set(name, check_integer(name, getattr(self, name), 0))
        for name in ("mode", "difficulty"):
            if getattr(self, name) is not None:
                self._set(name, check_integer(name, getattr(self, name), 0))
        self._set("frame_skip", _check_frame_skip(self.frame_skip))
        self._set("screen_size", check_pair("screen_size", self.screen_size, 1))
        self._set("repeat_action_probability", _check_probability(self.repeat_action_probability))
        if not self.grayscale and self.order != "gymnasium":
            raise ValueError(
                "grayscale: expected True, as RGB frames need order='gymnasium', got False with "
                f"order={self.order!r}"
            )

    def _set(self, name: str, value: Any) -> None:
        """Set a field of this frozen dataclass to its checked value, a plain Python one."""
        object.__setattr__(self, name, value)

    @property
    def mean_frame_skip(self) -> float:
        """Mean number of emulated frames per step."""
        if isinstance(self.frame_skip, int):
            return self.frame_skip
        low, high = self.frame_skip
        return (low + high - 1) / 2

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of one frame: ``(height, width)``, or ``(height, width, 3)`` in colour."""
        width, height = self.screen_size
        return (height, width) if self.grayscale else (height, width, 3)


def _check_frame_skip(frame_skip: Any) -> int | tuple[int, int]:
    if not is_sequence(frame_skip):
        return check_integer("frame_skip", frame_skip, 1)
    low, high = check_pair("frame_skip", frame_skip, 1)
    if low >= high:
        raise ValueError(
            "frame_skip: expected a range (low, high) with 0 < low < high, got "
            f"{describe(frame_skip)}"
        )
    return low, high


def _check_probability(value: Any) -> float:
    name = "repeat_action_probability"
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name}: expected a number, got {describe(value)}")
    if not 0 <= float(value) <= 1:
        raise ValueError(f"{name}: expected a number in [0, 1], got {describe(value)}")
    return float(value)
