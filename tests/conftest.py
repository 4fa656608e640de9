"""What tests in several folders share."""

import time

import cv2
import numpy as np
import pytest
import torch

# Imported here and not in a test: an editable install rebuilds the extension at its first import,
# which needs the real standard output.
from framering._core import palette_to_gray, palette_to_rgb, system_calls


def pytest_collection_modifyitems(items):
    """Skip tests of what this machine or this build can't do, with the reason."""
    for item in items:
        if item.get_closest_marker("cuda") is not None and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
        marker = item.get_closest_marker("linux")
        if marker is not None and system_calls() != "linux":
            item.add_marker(
                pytest.mark.skip(reason=f"needs Linux's system calls: {marker.args[0]}")
            )


@pytest.fixture(scope="session")
def wait_until():
    """Return a function that waits until a condition holds, and fails if it doesn't in time."""

    def wait_until(condition, seconds=60.0):
        end = time.monotonic() + seconds
        while not (holds := condition()):
            assert time.monotonic() < end, f"the condition did not hold within {seconds} seconds"
            time.sleep(0.01)
        return holds

    return wait_until


@pytest.fixture(scope="session")
def preprocess_with_cv2():
    """Return a function that computes what AtariPreprocessor computes with NumPy and cv2.

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
