"""Preprocessing of Gymnasium environments that are no Atari games."""

import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from gymnasium.wrappers import FlattenObservation, FrameStackObservation, TransformObservation
from numpy.typing import NDArray

from framering._core import resize_area, rgb_to_gray
from framering.dqn.torsos import MIN_IMAGE_SIDE
from framering.errors import ConfigError

STACK_SIZE = 4

Environment = gymnasium.Env[Any, Any]


def preprocess(environment: Environment, screen_size: int) -> Environment:
    """Wrap an environment so that its observations suit a Q-network.

    - uint8 images, ``(h, w)``, ``(h, w, 1)`` or ``(h, w, 3)``, of at least 36×36 pixels become
      stacks of four gray frames, each side no longer than ``screen_size``.
    - uint8 stacks of such images with channels first, ``(k, h, w)``, stay as they are.
    - Any other Box of one, two or more than three axes stays as it is, and the network flattens it.
    - All else that can be flattened is: smaller images, float arrays of three axes, scalars,
      Discrete (one-hot), MultiDiscrete, MultiBinary, and Dict and Tuple of these.

    Raises
    ------
    ConfigError
        For observations of no fixed size (Sequence, Graph), of size 0, or images of other channels.
    """
    space = environment.observation_space
    if isinstance(space, Box) and _is_image(space):
        height, width = (min(side, screen_size) for side in space.shape[:2])
        frame = Box(0, 255, (height, width), np.uint8)
        to_frame = _frame_maker(space.shape, (height, width))
        return FrameStackObservation(TransformObservation(environment, to_frame, frame), STACK_SIZE)
    if isinstance(space, Box) and (len(space.shape) not in (0, 3) or _is_image_stack(space)):
        return _with_elements(environment)
    return _with_elements(_flatten(environment))


def _is_image(space: Box) -> bool:
    has_axes = space.dtype == np.uint8 and len(space.shape) in (2, 3)
    return has_axes and min(space.shape[:2]) >= MIN_IMAGE_SIDE


def _is_image_stack(space: Box) -> bool:
    return space.dtype == np.uint8 and min(space.shape[1:], default=0) >= MIN_IMAGE_SIDE


def _flatten(environment: Environment) -> Environment:
    space = environment.observation_space
    try:
        flat = FlattenObservation(environment)
    except NotImplementedError:
        flat = None
    if flat is None or not isinstance(flat.observation_space, Box):
        raise ConfigError(
            "expected observations in a Box, Discrete, MultiDiscrete or MultiBinary, or in a Dict "
            f"or Tuple of these, got {space}; wrap the environment to give arrays of one size"
        )
    return flat


def _with_elements(environment: Environment) -> Environment:
    shape = environment.observation_space.shape
    if shape is None or math.prod(shape) == 0:
        raise ConfigError(f"expected observations of at least one element, got shape {shape}")
    return environment


def _frame_maker(
    source: tuple[int, ...], size: tuple[int, int]
) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    colors = source[2] if len(source) == 3 else 1
    if colors not in (1, 3):
        raise ConfigError(
            "expected images of shape (height, width), (height, width, 1) or (height, width, 3), "
            f"got {source}"
        )

    def frame(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        image = np.ascontiguousarray(image)
        gray = rgb_to_gray(image) if colors == 3 else image.reshape(source[:2])
        return gray if gray.shape == size else resize_area(gray, size)

    return frame
