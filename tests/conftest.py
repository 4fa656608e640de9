"""What several test modules need: recorded gameplay, and preprocessing as cv2 does it.

Gameplay is made when it is asked for, from the ROMs that ale-py ships.
"""

import functools

import cv2
import numpy as np
import pytest

# Imported here and not in a test: an editable install rebuilds the extension at its first import,
# which needs the real standard output.
from framering._core import palette_to_gray, palette_to_rgb


@functools.cache
def _record(game: str, steps: int, seed: int) -> np.ndarray:
    import ale_py
    from ale_py import roms

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", seed)
    ale.loadROM(roms.get_rom_path(game))
    ale.reset_game()
    actions = ale.getMinimalActionSet()
    rng = np.random.default_rng(seed)
    screens = np.empty((2 * steps, *ale.getScreenDims()), np.uint8)
    for step in range(steps):
        action = rng.choice(actions)
        for frame in range(4):
            ale.act(action)
            if frame >= 2:
                ale.getScreen(screens[2 * step + frame - 2])
        if ale.game_over() or step % 60 == 59:
            ale.reset_game()
    return screens.reshape(steps, 2, *screens.shape[1:])


@pytest.fixture(scope="session")
def record_screens():
    """A function (game, steps, seed=1) -> uint8 (steps, 2, height, width) palette screens.

    Random play with a frame skip of 4, reset every 60 steps: of each step the last two screens,
    oldest first.
    """

    def record(game: str, steps: int, seed: int = 1) -> np.ndarray:
        return _record(game, steps, seed)

    return record


@pytest.fixture(scope="session")
def preprocess_with_cv2():
    """A function that takes the steps of AtariPreprocessor with NumPy and cv2.

    The palettes have tests of their own against the emulator, so gray and RGB come from them.
    """

    def preprocess(last, previous, order, palette="ntsc", size=(84, 84), grayscale=True):
        def resize(image):
            return cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)

        def gray(image):
            return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)

        screens = (last, last if previous is None else previous)
        if grayscale and order == "gymnasium":
            return resize(np.maximum(*(palette_to_gray(s, palette=palette) for s in screens)))
        rgb = np.maximum(*(palette_to_rgb(s, palette=palette) for s in screens))
        if not grayscale:
            return resize(rgb)
        return resize(gray(rgb)) if order == "sb3" else gray(resize(rgb))

    return preprocess
