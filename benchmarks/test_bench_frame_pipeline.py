"""From two palette screens to one 84x84 frame, compared with the libraries' own steps.

pytest benchmarks/test_bench_frame_pipeline.py --benchmark-only

Every game is recorded at run time from the ROMs that ale-py ships. Before each measured call the
two screens of the next recorded step are copied into the same two arrays, as an emulator would have
filled them; with cold caches, a large array is then written over. The reference takes its screens
from the emulator, in gray or RGB, as the libraries do.
"""

import itertools

import ale_py
import cv2
import numpy as np
import pytest
from ale_py import roms

from framering._core import AtariPreprocessor

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 25, "arguments": []}

GAMES = ["breakout", "pong", "space_invaders", "seaquest", "ms_pacman", "beam_rider"]
SHAPE = (210, 160)
STEPS = 400
CACHES = np.zeros(64 << 20, np.uint8)


def start_emulator(game):
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", 1)
    ale.loadROM(roms.get_rom_path(game))
    ale.reset_game()
    for _ in range(100):
        ale.act(0)
    return ale


def reference(ale, order):
    """The steps of Gymnasium, Stable-Baselines3 and CleanRL from the screens to a frame."""
    shape = SHAPE if order == "gymnasium" else (*SHAPE, 3)
    first, second = np.empty(shape, np.uint8), np.empty(shape, np.uint8)

    def resize(image):
        return cv2.resize(image, (84, 84), interpolation=cv2.INTER_AREA)

    def gray(image):
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)

    def gymnasium():
        ale.getScreenGrayscale(first)
        ale.getScreenGrayscale(second)
        np.maximum(first, second, out=first)
        return resize(first)

    def sb3():
        ale.getScreenRGB(first)
        ale.getScreenRGB(second)
        np.maximum(first, second, out=first)
        return resize(gray(first))

    def cleanrl():
        ale.getScreenRGB(first)
        ale.getScreenRGB(second)
        np.maximum(first, second, out=first)
        return gray(resize(first))

    return {"gymnasium": gymnasium, "sb3": sb3, "cleanrl": cleanrl}[order]


def measure(benchmark, work, prepare, caches, label, order):
    def setup():
        prepare()
        if caches == "cold":
            CACHES.__iadd__(1)

    benchmark.extra_info.update(
        label=label, order=order, caches=caches, pixels=SHAPE[0] * SHAPE[1], bytes=2 * 210 * 160
    )
    rounds = STEPS if caches == "warm" else 60
    benchmark.pedantic(work, setup=setup, rounds=rounds, warmup_rounds=10)


def group_of(game, order, caches):
    return pytest.mark.benchmark(group=f"{game}, {order}'s order, {caches} caches")


CASES = [
    *itertools.product(GAMES, ["gymnasium"], ["warm", "cold"]),
    *itertools.product(["seaquest"], ["sb3", "cleanrl"], ["warm"]),
]
CASES = [pytest.param(*case, marks=group_of(*case), id="-".join(case)) for case in CASES]


@pytest.mark.parametrize(("game", "order", "caches"), CASES)
def test_time_of_the_reference_steps(benchmark, game, order, caches):
    benchmark.extra_info["reference"] = True
    work = reference(start_emulator(game), order)
    measure(benchmark, work, lambda: None, caches, "two screens, max and cv2", order)


@pytest.mark.parametrize("label", ["with the past", "with no past"])
@pytest.mark.parametrize(("game", "order", "caches"), CASES)
def test_time_of_framerings_preprocessor(benchmark, record_screens, game, order, caches, label):
    preprocessor = AtariPreprocessor(order=order)
    steps = itertools.cycle(record_screens(game, STEPS))
    last, previous, out = (
        np.empty(SHAPE, np.uint8),
        np.empty(SHAPE, np.uint8),
        np.empty((84, 84), np.uint8),
    )

    def prepare():
        recorded = next(steps)
        np.copyto(previous, recorded[0])
        np.copyto(last, recorded[1])
        if label == "with no past":
            # No byte stays the same, so that every row is computed again.
            preprocessor.process(~last, ~previous, out)

    def work():
        preprocessor.process(last, previous, out)

    measure(benchmark, work, prepare, caches, label, order)
