"""Each stage of the preprocessing alone, compared with ALE and cv2.

pytest benchmarks/test_bench_frame_stages.py --benchmark-only
"""

import ale_py
import cv2
import numpy as np
import pytest
from ale_py import roms

from framering import resize_area
from framering._core import palette_to_gray, palette_to_rgb, rgb_to_gray

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 20, "arguments": ["--benchmark-max-time=0.5"]}

SIZES = [(84, 84), (96, 96), (64, 64), (128, 128)]
SOURCES = [(210, 160), (210, 160, 3), (250, 160), (480, 640, 3)]
LIBRARIES = ["reference", "framering"]


def run(benchmark, library, label, image, work):
    benchmark.extra_info.update(
        label=label, pixels=image.shape[0] * image.shape[1], bytes=image.nbytes
    )
    benchmark.extra_info["reference"] = library == "reference"
    benchmark(work)


@pytest.fixture(scope="module")
def ale():
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", 1)
    ale.loadROM(roms.get_rom_path("seaquest"))
    ale.reset_game()
    for _ in range(200):
        ale.act(0)
    return ale


@pytest.mark.benchmark(group="palette to gray")
@pytest.mark.parametrize("library", LIBRARIES)
def test_time_of_palette_to_gray(benchmark, ale, library):
    screen, out = ale.getScreen(), ale.getScreenGrayscale()
    if library == "reference":
        run(benchmark, library, "ALE", screen, lambda: ale.getScreenGrayscale(out))
    else:
        run(benchmark, library, "framering", screen, lambda: palette_to_gray(screen, out=out))


@pytest.mark.benchmark(group="palette to RGB")
@pytest.mark.parametrize("library", LIBRARIES)
def test_time_of_palette_to_rgb(benchmark, ale, library):
    screen, out = ale.getScreen(), ale.getScreenRGB()
    if library == "reference":
        run(benchmark, library, "ALE", screen, lambda: ale.getScreenRGB(out))
    else:
        run(benchmark, library, "framering", screen, lambda: palette_to_rgb(screen, out=out))


@pytest.mark.benchmark(group="RGB to gray")
@pytest.mark.parametrize("library", LIBRARIES)
def test_time_of_rgb_to_gray(benchmark, ale, library):
    image, out = ale.getScreenRGB(), ale.getScreenGrayscale()
    if library == "reference":
        run(benchmark, library, "cv2", image, lambda: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY, out))
    else:
        run(benchmark, library, "framering", image, lambda: rgb_to_gray(image, out=out))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("source", "size"),
    [
        pytest.param(source, size, marks=pytest.mark.benchmark(group=f"resize {source} to {size}"))
        for source in SOURCES
        for size in SIZES
    ],
)
def test_time_of_an_area_resize(benchmark, source, size, library):
    image = np.random.default_rng(0).integers(0, 256, source, np.uint8)
    out = np.empty((*size, *source[2:]), np.uint8)
    if library == "reference":
        area = cv2.INTER_AREA
        run(
            benchmark,
            library,
            "cv2",
            image,
            lambda: cv2.resize(image, size, out, interpolation=area),
        )
    else:
        run(benchmark, library, "framering", image, lambda: resize_area(image, size, out=out))
