import ale_py
import numpy as np
import pytest
from ale_py import roms

from framering import _core
from framering.atari.frame_skip import palette_for

# The games that have no single-player mode load, but don't start.
GAMES = sorted(set(roms.get_all_rom_ids()) - {"combat", "joust", "maze_craze", "warlords"})


@pytest.mark.parametrize("game", GAMES)
def test_the_palette_follows_from_the_screens_height(game: str) -> None:
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.loadROM(roms.get_rom_path(game))
    ale.reset_game()
    actions = ale.getMinimalActionSet()
    for step in range(20):
        ale.act(actions[step % len(actions)])
        screen, palette = ale.getScreen(), palette_for(ale.getScreenDims()[0])
        np.testing.assert_array_equal(
            _core.palette_to_rgb(screen, palette=palette), ale.getScreenRGB()
        )
        np.testing.assert_array_equal(
            _core.palette_to_gray(screen, palette=palette), ale.getScreenGrayscale()
        )
