"""Frame skipping with a maximum over the last two screens, as the reference wrappers do it.

Both classes repeat an action for some emulated frames and keep the palette screens of which the
observation is made. They differ where an episode ends before the skip is over, and both follow
their reference there exactly: the observation is then made of stale screens.
"""

from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from framering import _core
from framering.atari.settings import Order
from framering.atari.state import read_array, read_field

Image = npt.NDArray[np.uint8]
Palette = Literal["ntsc", "pal"]


# ALE's PAL consoles are those with 250 lines; a test checks this for every ROM.
_PAL_HEIGHT = 250


def palette_for(screen_height: int) -> Palette:
    """Return the palette of a console, which follows from the height of its screen."""
    return "pal" if screen_height == _PAL_HEIGHT else "ntsc"


class ScreenSpec(NamedTuple):
    """Geometry of a console's screen, and how it is preprocessed."""

    order: Order
    height: int
    width: int
    output_shape: tuple[int, int]
    grayscale: bool
    palette: Palette

    def preprocessor(self) -> _core.AtariPreprocessor:
        """Make the compiled preprocessor of these screens."""
        return _core.AtariPreprocessor(
            screen_shape=(self.height, self.width),
            output_shape=self.output_shape,
            order=self.order,
            palette=self.palette,
            grayscale=self.grayscale,
        )


class FrameSkip(Protocol):
    """Repeats actions, and makes the frame of the last step or reset."""

    life_lost: bool

    def advance(self, action: Any, frames: int) -> float:
        """Repeat an action for some frames or until the episode ends; return the summed reward."""

    def reset(self) -> None:
        """Take the current screen alone for the frame."""

    def observe(self, out: Image) -> None:
        """Write the preprocessed frame."""

    def state(self) -> dict[str, Any]:
        """Return the screens and flags, as arrays and plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what ``state`` returned; raise ValueError for anything else."""


class MaxAndSkip:
    """The frame skip of Stable-Baselines3's ``MaxAndSkipEnv``, which CleanRL uses too.

    Its two screens are never cleared: a step that ends early keeps those of an earlier step, even
    of an earlier episode (at first, black).
    """

    life_lost = False  # The emulator compares lives after the whole skip.

    def __init__(self, ale: Any, screens: ScreenSpec) -> None:
        self._ale = ale
        self._preprocessor = screens.preprocessor()
        shape = (screens.height, screens.width)
        self._older = np.zeros(shape, np.uint8)
        self._newer = np.zeros(shape, np.uint8)
        self._reset_screen = np.zeros(shape, np.uint8)
        self._pooled = False

    def advance(self, action: Any, frames: int) -> float:
        """Repeat an action for some frames or until the episode ends; return the summed reward."""
        ale = self._ale
        reward = 0
        for frame in range(frames):
            reward += ale.act(action)
            if frame == frames - 1:
                ale.getScreen(self._newer)
            elif frame == frames - 2:
                ale.getScreen(self._older)
            if ale.game_over():
                break
        self._pooled = True
        return float(reward)

    def reset(self) -> None:
        """Take the current screen alone for the frame."""
        self._ale.getScreen(self._reset_screen)
        self._pooled = False

    def observe(self, out: Image) -> None:
        """Write the preprocessed frame."""
        if self._pooled:
            self._preprocessor.process(self._newer, self._older, out)
        else:
            self._preprocessor.process(self._reset_screen, None, out)

    def state(self) -> dict[str, Any]:
        """Return the screens and flags, as arrays and plain values."""
        return {
            "older": self._older,
            "newer": self._newer,
            "held": self._reset_screen,
            "pooled": self._pooled,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what ``state`` returned; raise ValueError for anything else."""
        shape = self._newer.shape
        older, newer = read_array(state, "older", shape), read_array(state, "newer", shape)
        held, pooled = read_array(state, "held", shape), read_field(state, "pooled", bool)
        self._older[...], self._newer[...], self._reset_screen[...] = older, newer, held
        self._pooled = pooled


class PoolAndSkip:
    """The frame skip of Gymnasium's ``AtariPreprocessing``.

    The screen that ends an episode is not read: the observation is the one before. If it was the
    last of its skip, the screen before it is pooled into that observation.
    """

    def __init__(self, ale: Any, screens: ScreenSpec, *, end_at_life_loss: bool) -> None:
        self._ale = ale
        self._screens = screens
        self._preprocessor = screens.preprocessor()
        self._end_at_life_loss = end_at_life_loss
        shape = (screens.height, screens.width)
        self._last = np.zeros(shape, np.uint8)
        self._previous = np.zeros(shape, np.uint8)
        self._before_last = np.zeros(shape, np.uint8)
        self._extra: Image | None = None
        self._pooled = False
        self._lives = 0
        self.life_lost = False

    def advance(self, action: Any, frames: int) -> float:
        """Repeat an action for some frames or until the episode ends; return the summed reward."""
        ale = self._ale
        reward = 0
        has_before_last = False
        for frame in range(frames):
            reward += ale.act(action)
            if self._end_at_life_loss:
                lives = ale.lives()
                self.life_lost = lives < self._lives
                self._lives = lives
            if self.life_lost or ale.game_over():
                self._extra = self._before_last.copy() if has_before_last else None
                return float(reward)
            if frame == frames - 1:
                ale.getScreen(self._last)
            elif frame == frames - 2:
                ale.getScreen(self._before_last)
                has_before_last = True
        self._pooled = has_before_last
        if has_before_last:
            self._previous, self._before_last = self._before_last, self._previous
        self._extra = None
        return float(reward)

    def reset(self) -> None:
        """Take the current screen alone for the frame."""
        self._ale.getScreen(self._last)
        self._pooled = False
        self._extra = None
        self._lives = self._ale.lives()
        self.life_lost = False

    def observe(self, out: Image) -> None:
        """Write the preprocessed frame."""
        previous = self._previous if self._pooled else None
        if self._extra is None:
            self._preprocessor.process(self._last, previous, out)
        else:
            self._observe_three(self._extra, out)

    def state(self) -> dict[str, Any]:
        """Return the screens and flags, as arrays and plain values."""
        return {
            "last": self._last,
            "previous": self._previous,
            "extra": self._extra,
            "pooled": self._pooled,
            "lives": self._lives,
            "life_lost": self.life_lost,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what ``state`` returned; raise ValueError for anything else."""
        shape = self._last.shape
        last, previous = read_array(state, "last", shape), read_array(state, "previous", shape)
        has_extra = state.get("extra") is not None
        extra = read_array(state, "extra", shape).copy() if has_extra else None
        pooled, life_lost = read_field(state, "pooled", bool), read_field(state, "life_lost", bool)
        self._lives = read_field(state, "lives", int)
        self._last[...], self._previous[...], self._extra = last, previous, extra
        self._pooled, self.life_lost = pooled, life_lost

    def _observe_three(self, extra: Image, out: Image) -> None:
        """Pool a third screen, without the fast path: an episode rarely ends so."""
        screens = self._screens
        colour = _core.palette_to_gray if screens.grayscale else _core.palette_to_rgb
        pooled = np.maximum(
            colour(self._last, palette=screens.palette), colour(extra, palette=screens.palette)
        )
        if self._pooled:
            np.maximum(pooled, colour(self._previous, palette=screens.palette), out=pooled)
        out[...] = _core.resize_area(pooled, screens.output_shape)
