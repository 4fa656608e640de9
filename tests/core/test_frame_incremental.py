"""The incremental preprocessor against the full recomputation and cv2, byte for byte.

One preprocessor goes through each story. What it keeps of earlier calls must never show.
"""

import functools
import math

import cv2
import numpy as np
import pytest

from framering._core import AtariPreprocessor, palette_to_gray, palette_to_rgb

ORDERS = ["gymnasium", "sb3", "cleanrl"]
NTSC_GAMES = ["alien", "asteroids", "beam_rider", "breakout", "carnival", "centipede", "enduro",
              "freeway", "frostbite", "gopher", "hero", "journey_escape", "montezuma_revenge",
              "ms_pacman", "pong", "qbert", "riverraid", "road_runner", "seaquest",
              "space_invaders", "up_n_down", "video_pinball", "yars_revenge"]  # fmt: skip
PAL_GAMES = ["adventure", "air_raid", "klax"]
GAMES = [(game, "ntsc") for game in NTSC_GAMES] + [(game, "pal") for game in PAL_GAMES]


class Story:
    """Feeds screens to one preprocessor and to a new one for each call."""

    def __init__(self, expected, order, palette="ntsc", screen_shape=(210, 160)):
        self.expected, self.order, self.palette = expected, order, palette
        self.make = functools.partial(
            AtariPreprocessor, order=order, palette=palette, screen_shape=screen_shape
        )
        self.incremental = self.make()
        self.out = np.empty((84, 84), np.uint8)

    def check(self, last, previous):
        expected = self.expected(last, previous, self.order, self.palette)
        for preprocessor in (self.incremental, self.make()):
            self.out.fill(99)
            preprocessor.process(last, previous, self.out)
            np.testing.assert_array_equal(self.out, expected)


@pytest.fixture
def story(preprocess_with_cv2):
    """A function with Story's further arguments."""
    return functools.partial(Story, preprocess_with_cv2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("game", "palette"), GAMES)
def test_gameplay_with_resets(story, record_screens, game, palette, order):
    screens = record_screens(game, 130)
    tale = story(order, palette, screens.shape[2:])
    for previous, last in screens:
        tale.check(last, previous)


@pytest.mark.parametrize("order", ORDERS)
def test_screen_flashes(story, record_screens, order):
    tale = story(order)
    for step, (previous, last) in enumerate(record_screens("space_invaders", 60)):
        tale.check(last, previous)
        flash = np.full_like(last, 2 * step)
        tale.check(flash, previous)
        tale.check(last, flash)
        tale.check(last ^ np.uint8(0x80), previous)
        tale.check(flash, flash)


@pytest.mark.parametrize("order", ORDERS)
def test_one_game_after_another(story, record_screens, order):
    tale = story(order)
    recordings = [record_screens(game, 30) for game in ("pong", "seaquest", "breakout")]
    for pairs in zip(*recordings, strict=True):
        for previous, last in pairs:
            tale.check(last, previous)
            tale.check(previous, last)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("parity", ["even", "odd", "mixed"])
def test_noise_of_even_odd_and_mixed_indices(story, order, parity):
    rng = np.random.default_rng(1)
    tale = story(order, "pal")
    for _ in range(20):
        previous, last = rng.integers(0, 256, (2, 210, 160), np.uint8)
        if parity == "even":
            previous, last = previous & 0xFE, last & 0xFE
        if parity == "odd":
            previous, last = previous | 1, last | 1
        tale.check(last, previous)
        tale.check(last, last)


@pytest.mark.parametrize("order", ORDERS)
def test_a_single_pixel_on_every_row_of_either_screen(story, order):
    rng = np.random.default_rng(2)
    tale = story(order)
    last = np.full((210, 160), 0x36, np.uint8)
    previous = last.copy()
    tale.check(last, previous)
    for row in range(210):
        for screen in (last, previous):
            screen[row, rng.integers(160)] = rng.choice([0, 0x0E, 0x5C])
            tale.check(last, previous)


def shares(size, target_size):
    """Of each source pixel, the target pixels that it is part of, with whole weights."""
    divisor = math.gcd(size, target_size)
    units, whole = size // divisor, target_size // divisor
    overlaps = [
        [(t, min(s * whole + whole, t * units + units) - max(s * whole, t * units))
         for t in range(target_size)]
        for s in range(size)
    ]  # fmt: skip
    return [[(t, overlap) for t, overlap in row if overlap > 0] for row in overlaps]


@pytest.mark.parametrize("order", ORDERS)
def test_a_tie_on_every_row(story, order):
    """One pixel changes so that a result lies exactly halfway: there the float order decides."""
    palette = np.arange(0, 256, 2, dtype=np.uint8)
    if order == "gymnasium":
        channels = palette_to_gray(palette[None])[0][:, None].astype(int)
    else:
        rgb = palette_to_rgb(palette[None])
        gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[0][:, None]
        channels = (gray if order == "sb3" else rgb[0]).astype(int)

    rng = np.random.default_rng(3)
    row_shares, column_shares = shares(210, 84), shares(160, 84)
    tale = story(order)
    for row in range(210):
        for _ in range(10_000):
            column, before, after = rng.integers([160, 128, 128])
            change = channels[after] - channels[before]
            weights = np.array(
                [u * v for _, u in row_shares[row] for _, v in column_shares[column]]
            )
            # The maximum must be the changed pixel for the change to show.
            if (change >= 0).all() and (np.outer(weights, change) % 200 == 100).any():
                break
        else:
            pytest.fail(f"found no tie for row {row}")
        last = np.full((210, 160), palette[before], np.uint8)
        previous = last.copy()
        tale.check(last, previous)
        last[row, column] = palette[after]
        tale.check(last, previous)
        last[row, column] = palette[before]
        previous[row, column] = palette[after]
        tale.check(last, previous)
