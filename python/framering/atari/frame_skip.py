"""Frame skipping with a maximum over the last two screens, as the reference wrappers do it.

Both classes repeat an action for some emulated frames and keep the palette screens that the
observation is made of. They differ where an episode ends before the skip is over, and both keep
their reference's behaviour there exactly: the observation is then made of screens that are stale.
"""

from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from framering import _core
from framering.atari.settings import Order

Image = npt.NDArray[np.uint8]
Palette = Literal["ntsc", "pal"]


# ALE's PAL consoles are those with 250 lines; a test checks it for every ROM.
_PAL_HEIGHT = 250


def palette_of(screen_height: int) -> Palette:
    """Name the palette of a console by the height of its screen."""
    return "pal" if screen_height == _PAL_HEIGHT else "ntsc"


class Screens(NamedTuple):
    """The geometry and order of the frames that a frame skip makes."""

    order: Order
    height: int
    width: int
    output_shape: tuple[int, int]
    grayscale: bool
    palette: Palette

    def preprocessor(self) -> _core.AtariPreprocessor:
        """Make the compiled preprocessor for these screens."""
        return _core.AtariPreprocessor(
            screen_shape=(self.height, self.width),
            output_shape=self.output_shape,
            order=self.order,
            palette=self.palette,
            grayscale=self.grayscale,
        )


class FrameSkip(Protocol):
    """Repeats actions, and makes the observation of the last step or reset."""

    life_lost: bool

    def advance(self, action: Any, frames: int) -> float:
        """Repeat an action until the frames are over or the episode is; give the summed reward."""

    def hold(self) -> None:
        """Take the current screen alone as the observation, as after a reset."""

    def observe(self, out: Image) -> None:
        """Write the observation."""

    def state(self) -> dict[str, Any]:
        """Return what is held, as arrays and plain values."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what ``state`` returned."""


class MaxAndSkip:
    """Stable-Baselines3's ``MaxAndSkipEnv``, which CleanRL uses too.

    Its two screens are never cleared: a step that ends early leaves in place what an earlier step
    put there, even a step of an earlier episode (at first, black).
    """

    life_lost = False  # Its lives are counted after the whole skip, by the emulator.

    def __init__(self, ale: Any, screens: Screens) -> None:
        self._ale = ale
        self._preprocessor = screens.preprocessor()
        shape = (screens.height, screens.width)
        self._older = np.zeros(shape, np.uint8)
        self._newer = np.zeros(shape, np.uint8)
        self._held = np.zeros(shape, np.uint8)
        self._pooled = False

    def advance(self, action: Any, frames: int) -> float:
        """Repeat an action until the frames are over or the episode is; give the summed reward."""
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

    def hold(self) -> None:
        """Take the current screen alone as the observation, as after a reset."""
        self._ale.getScreen(self._held)
        self._pooled = False

    def observe(self, out: Image) -> None:
        """Write the observation."""
        if self._pooled:
            self._preprocessor.process(self._newer, self._older, out)
        else:
            self._preprocessor.process(self._held, None, out)

    def state(self) -> dict[str, Any]:
        """Return what is held, as arrays and plain values."""
        return {
            "older": self._older,
            "newer": self._newer,
            "held": self._held,
            "pooled": self._pooled,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what ``state`` returned."""
        self._older[...], self._newer[...] = state["older"], state["newer"]
        self._held[...] = state["held"]
        self._pooled = state["pooled"]


class PoolAndSkip:
    """The frame skip of Gymnasium's ``AtariPreprocessing``.

    A frame that ends the episode is not looked at: the observation is the one before. If it was the
    last of its skip, the frame before it is pooled into that observation.
    """

    def __init__(self, ale: Any, screens: Screens, *, end_at_life_loss: bool) -> None:
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
        """Repeat an action until the frames are over or the episode is; give the summed reward."""
        ale = self._ale
        reward = 0
        looked = False
        for frame in range(frames):
            reward += ale.act(action)
            if self._end_at_life_loss:
                lives = ale.lives()
                self.life_lost = lives < self._lives
                self._lives = lives
            if self.life_lost or ale.game_over():
                self._extra = self._before_last.copy() if looked else None
                return float(reward)
            if frame == frames - 1:
                ale.getScreen(self._last)
            elif frame == frames - 2:
                ale.getScreen(self._before_last)
                looked = True
        self._pooled = looked
        if looked:
            self._previous, self._before_last = self._before_last, self._previous
        self._extra = None
        return float(reward)

    def hold(self) -> None:
        """Take the current screen alone as the observation, as after a reset."""
        self._ale.getScreen(self._last)
        self._pooled = False
        self._extra = None
        self._lives = self._ale.lives()
        self.life_lost = False

    def observe(self, out: Image) -> None:
        """Write the observation."""
        previous = self._previous if self._pooled else None
        if self._extra is None:
            self._preprocessor.process(self._last, previous, out)
        else:
            self._observe_three(self._extra, out)

    def state(self) -> dict[str, Any]:
        """Return what is held, as arrays and plain values."""
        return {
            "last": self._last,
            "previous": self._previous,
            "extra": self._extra,
            "pooled": self._pooled,
            "lives": self._lives,
            "life_lost": self.life_lost,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what ``state`` returned."""
        self._last[...] = state["last"]
        self._previous = state["previous"].copy()
        self._extra = state["extra"]
        self._pooled = state["pooled"]
        self._lives = state["lives"]
        self.life_lost = state["life_lost"]

    def _observe_three(self, extra: Image, out: Image) -> None:
        """Pool a third screen, plainly: an episode rarely ends on the last frame of a skip."""
        screens = self._screens
        colour = _core.palette_to_gray if screens.grayscale else _core.palette_to_rgb
        pooled = np.maximum(
            colour(self._last, palette=screens.palette), colour(extra, palette=screens.palette)
        )
        if self._pooled:
            np.maximum(pooled, colour(self._previous, palette=screens.palette), out=pooled)
        out[...] = _core.resize_area(pooled, screens.output_shape)
