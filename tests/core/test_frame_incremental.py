"""The incremental preprocessor against the full recomputation and cv2, byte for byte.

One preprocessor processes a whole sequence of screens. What it keeps of earlier calls must not
show.
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


class ReferenceComparison:
    """Compares one preprocessor, and a new one for each call, with the reference."""

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
def compare_frames(preprocess_with_cv2):
    """A function that makes a `ReferenceComparison` with cv2 as its reference."""
    return functools.partial(ReferenceComparison, preprocess_with_cv2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("game", "palette"), GAMES)
def test_frames_of_gameplay_with_resets_equal_the_reference(
    compare_frames, record_screens, game, palette, order
):
    screens = record_screens(game, 130)
    comparison = compare_frames(order, palette, screens.shape[2:])
    for previous, last in screens:
        comparison.check(last, previous)


@pytest.mark.parametrize("order", ORDERS)
def test_frames_equal_the_reference_when_every_pixel_changes(compare_frames, record_screens, order):
    comparison = compare_frames(order)
    for step, (previous, last) in enumerate(record_screens("space_invaders", 60)):
        comparison.check(last, previous)
        flash = np.full_like(last, 2 * step)
        comparison.check(flash, previous)
        comparison.check(last, flash)
        comparison.check(last ^ np.uint8(0x80), previous)
        comparison.check(flash, flash)


@pytest.mark.parametrize("order", ORDERS)
def test_one_game_after_another(compare_frames, record_screens, order):
    comparison = compare_frames(order)
    recordings = [record_screens(game, 30) for game in ("pong", "seaquest", "breakout")]
    for pairs in zip(*recordings, strict=True):
        for previous, last in pairs:
            comparison.check(last, previous)
            comparison.check(previous, last)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("parity", ["even", "odd", "mixed"])
def test_noise_of_even_odd_and_mixed_indices(compare_frames, order, parity):
    rng = np.random.default_rng(1)
    comparison = compare_frames(order, "pal")
    for _ in range(20):
        previous, last = rng.integers(0, 256, (2, 210, 160), np.uint8)
        if parity == "even":
            previous, last = previous & 0xFE, last & 0xFE
        if parity == "odd":
            previous, last = previous | 1, last | 1
        comparison.check(last, previous)
        comparison.check(last, last)


@pytest.mark.parametrize("order", ORDERS)
def test_a_single_pixel_on_every_row_of_either_screen(compare_frames, order):
    rng = np.random.default_rng(2)
    comparison = compare_frames(order)
    last = np.full((210, 160), 0x36, np.uint8)
    previous = last.copy()
    comparison.check(last, previous)
    for row in range(210):
        for screen in (last, previous):
            screen[row, rng.integers(160)] = rng.choice([0, 0x0E, 0x5C])
            comparison.check(last, previous)


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
def test_a_tie_on_every_row(compare_frames, order):
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
    comparison = compare_frames(order)
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
        comparison.check(last, previous)
        last[row, column] = palette[after]
        comparison.check(last, previous)
        last[row, column] = palette[before]
        previous[row, column] = palette[after]
        comparison.check(last, previous)
