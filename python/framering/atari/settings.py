"""How an Atari game is emulated and preprocessed."""

from dataclasses import dataclass
from typing import Literal, get_args

Order = Literal["cleanrl", "sb3", "gymnasium"]


@dataclass(frozen=True)
class AtariSettings:
    """How a game is emulated and preprocessed. Plain data, so that it can be sent to a process.

    Attributes
    ----------
    game
        The ROM's name, e.g. ``"breakout"``.
    order
        Whose preprocessing: ``"cleanrl"`` (maximum of two RGB screens, resize, gray), ``"sb3"``
        (maximum of two RGB screens, gray, resize) or ``"gymnasium"`` (gray, maximum, resize). It
        also says how a lost life ends an episode, and what is seen when one ends within a skip.
    frame_skip
        Emulated frames a step, or the half-open range that they are drawn from at each step.
    noop_max
        A game starts with 1 to ``noop_max`` frames without action; 0 for none.
    terminal_on_life_loss
        Whether a lost life terminates the episode. In ``"cleanrl"`` and ``"sb3"`` order it is
        looked at after the whole skip, and the reset that follows goes on with the same game after
        one step without action; in ``"gymnasium"`` order it is looked at each frame, and the reset
        that follows starts a new game.
    fire_reset
        Whether a reset presses FIRE and then the action after it, in games that have FIRE.
    clip_reward
        Whether rewards are their sign.
    screen_size
        ``(width, height)`` of an observation, as in Gymnasium.
    grayscale
        Whether an observation is gray ``(height, width)`` or, in gymnasium order alone, RGB
        ``(height, width, 3)``.
    repeat_action_probability
        Sticky actions: the probability, each frame, that the emulator goes on with the last action
        (Machado et al., 2018).
    full_action_space
        All the console's actions, or the game's own.
    max_num_frames_per_episode
        Frames of a game after which it is truncated; 0 for never.
    mode, difficulty
        The cartridge's switches (None: as they are).
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
        if self.order not in get_args(Order):
            raise ValueError(f"order must be one of {get_args(Order)}, but {self.order!r} came")
        skip = self.frame_skip if isinstance(self.frame_skip, tuple) else (self.frame_skip,)
        if min(skip) < 1 or (len(skip) == 2 and skip[0] >= skip[1]) or len(skip) > 2:
            raise ValueError(
                "frame_skip must be a positive number of frames, or (low, high) with "
                f"0 < low < high, but {self.frame_skip!r} came"
            )
        if self.noop_max < 0:
            raise ValueError(f"noop_max must not be negative, but {self.noop_max} came")
        if len(self.screen_size) != 2 or min(self.screen_size) < 1:
            raise ValueError(
                f"screen_size must be a positive (width, height), but {self.screen_size!r} came"
            )
        if not 0.0 <= self.repeat_action_probability <= 1.0:
            raise ValueError(
                "repeat_action_probability must lie in [0, 1], "
                f"but {self.repeat_action_probability} came"
            )
        if self.max_num_frames_per_episode < 0:
            raise ValueError(
                "max_num_frames_per_episode must not be negative (0: no limit), "
                f"but {self.max_num_frames_per_episode} came"
            )
        if not self.grayscale and self.order != "gymnasium":
            raise ValueError(
                f"RGB observations are made in gymnasium order alone, but order={self.order!r} came"
            )

    @property
    def mean_frame_skip(self) -> float:
        """Emulated frames a step, on average."""
        if isinstance(self.frame_skip, int):
            return self.frame_skip
        low, high = self.frame_skip
        return (low + high - 1) / 2

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of one frame: ``(height, width)``, or ``(height, width, 3)`` in colour."""
        width, height = self.screen_size
        return (height, width) if self.grayscale else (height, width, 3)
