"""The palettes against the emulator's own gray and RGB screens."""

import ale_py
import numpy as np
import pytest
from ale_py import roms

from framering._core import palette_to_gray, palette_to_rgb

NTSC_GAMES = ["breakout", "pong", "space_invaders", "seaquest", "ms_pacman", "beam_rider", "qbert",
              "enduro", "montezuma_revenge", "journey_escape", "carnival", "pooyan"]  # fmt: skip
PAL_GAMES = ["adventure", "air_raid", "keystone_kapers", "king_kong", "klax", "laser_gates",
             "mr_do", "pacman", "sir_lancelot", "space_war"]  # fmt: skip
GAMES = [(g, "ntsc") for g in NTSC_GAMES] + [(g, "pal") for g in PAL_GAMES]

# In a saved state the four colour registers follow the TIA's name, each byte repeated four times.
FIRST_COLOUR_REGISTER = 3 + 4 * 13


def emulator(game):
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", 1)
    ale.loadROM(roms.get_rom_path(game))
    ale.reset_game()
    return ale


def check_screen(ale, palette):
    screen = ale.getScreen()
    np.testing.assert_array_equal(
        palette_to_gray(screen, palette=palette), ale.getScreenGrayscale()
    )
    np.testing.assert_array_equal(palette_to_rgb(screen, palette=palette), ale.getScreenRGB())
    return np.unique(screen)


@pytest.mark.parametrize(("game", "palette"), GAMES)
def test_gameplay_looks_as_the_emulator_shows_it(game, palette):
    ale = emulator(game)
    actions = ale.getMinimalActionSet()
    rng = np.random.default_rng(1)
    for _ in range(100):
        for _ in range(5):
            ale.act(rng.choice(actions))
        check_screen(ale, palette)
        if ale.game_over():
            ale.reset_game()


# Air Raid draws an odd number of scan lines, which costs a PAL console its colours: odd indices.
@pytest.mark.parametrize(
    ("game", "palette", "parity"), [("pong", "ntsc", 0), ("klax", "pal", 0), ("air_raid", "pal", 1)]
)
def test_every_colour_is_the_emulators(game, palette, parity):
    ale = emulator(game)
    for _ in range(20):
        ale.act(0)
    saved = ale.cloneSystemState().serialize()
    first = saved.index(b"TIA") + FIRST_COLOUR_REGISTER
    seen = set()
    for colour in range(256):
        state = saved[:first] + bytes([colour]) * 16 + saved[first + 16 :]
        ale.restoreSystemState(ale_py.ALEState(state))
        ale.act(0)
        seen.update(check_screen(ale, palette).tolist())
    assert seen >= set(range(parity, 256, 2))


@pytest.mark.parametrize("palette", ["ntsc", "pal"])
@pytest.mark.parametrize("width", [1, 31, 32, 33, 100])
def test_every_width_is_looked_up_pixel_by_pixel(width, palette):
    screen = np.random.default_rng(1).integers(0, 256, (3, width), np.uint8)
    gray, rgb = palette_to_gray(screen, palette=palette), palette_to_rgb(screen, palette=palette)
    for index in np.ndindex(screen.shape):
        pixel = screen[index].reshape(1, 1)
        assert gray[index] == palette_to_gray(pixel, palette=palette)[0, 0]
        assert (rgb[index] == palette_to_rgb(pixel, palette=palette)[0, 0]).all()


def test_output_arrays_are_filled():
    screen = np.arange(256, dtype=np.uint8).reshape(16, 16)
    gray, rgb = np.zeros((16, 16), np.uint8), np.zeros((16, 16, 3), np.uint8)
    palette_to_gray(screen, out=gray)
    palette_to_rgb(screen, out=rgb)
    np.testing.assert_array_equal(gray, palette_to_gray(screen))
    np.testing.assert_array_equal(rgb, palette_to_rgb(screen))
    assert gray.any()
    assert rgb.any()


@pytest.mark.parametrize(("palette", "message"), [("secam", "could not be measured"), ("x", "'x'")])
def test_palettes_that_are_not_known_are_refused(palette, message):
    with pytest.raises(ValueError, match=message):
        palette_to_gray(np.zeros((2, 2), np.uint8), palette=palette)


def test_a_screen_is_a_plane():
    with pytest.raises(ValueError, match="palette indices"):
        palette_to_rgb(np.zeros((2, 2, 3), np.uint8))
