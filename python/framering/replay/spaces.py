"""How the observations and actions of a Gymnasium space are stored."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

_MOST_CHANNELS = 4
_LEAST_ROW = 8
_LEAST_FRAME = 256
_MOST_FRAME = 2**19 - 32  # what the core encodes


@dataclass(frozen=True)
class ArraySpec:
    """The dtype and shape in which one environment's observation or action is stored.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the elements.
    shape : tuple of int
        Of one observation; for actions, ``(action_dim,)``.
    stack : int
        Number of frames in the first axis; 1 where the array is no stack of frames.
    flat : bool
        Whether `add` also takes other shapes of the same size, as ``()`` for a Discrete.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    stack: int = 1
    flat: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of one observation or action."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame of the stack."""
        return self.nbytes // self.stack

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of a frame that is an image worth encoding; 0 for other arrays."""
        frame = (self.shape[0] // self.stack, *self.shape[1:]) if self.shape else ()
        axes = [axis for axis in frame if axis > 1]
        if self.dtype != np.uint8 or len(axes) < 2:
            return 0
        # With the channels last, a row has all of them.
        row = math.prod(axes[-2:]) if len(axes) > 2 and axes[-1] <= _MOST_CHANNELS else axes[-1]
        small = row < _LEAST_ROW or self.frame_bytes < _LEAST_FRAME
        return 0 if small or self.frame_bytes > _MOST_FRAME else row


def observation_spec(space: spaces.Space[Any], frame_stack: int | None) -> ArraySpec:
    """Return how a space's observations are stored.

    Without `frame_stack`, a uint8 Box ``(k, H, W)`` is a stack of frames, as Gymnasium's
    FrameStackObservation and SB3's transposed VecFrameStack give it, unless k is 1 or 3 (a
    grayscale or colour image) or W the shortest axis (an image with its channels last); so is a
    uint8 Box of four axes whose first is shorter than the longest.
    """
    if isinstance(space, spaces.Discrete):
        spec = ArraySpec(_native(space), (1,), flat=True)
    elif isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        spec = ArraySpec(_native(space), tuple(space.shape))
    else:
        raise TypeError(
            "observation_space: expected a Box, Discrete, MultiDiscrete or MultiBinary, got "
            f"{space}: flatten it with gymnasium.wrappers.FlattenObservation, or use "
            "stable_baselines3's DictReplayBuffer"
        )
    shape = spec.shape
    if math.prod(shape) == 0:
        raise ValueError(f"observation_space: expected at least one element, got shape {shape}")
    if frame_stack is None:
        frame_stack = shape[0] if spec.dtype == np.uint8 and _is_stack(shape) else 1
    elif frame_stack > 1 and (not shape or shape[0] % frame_stack != 0):
        raise ValueError(
            f"frame_stack: expected a divisor of the first axis of {shape}, got {frame_stack}"
        )
    return ArraySpec(spec.dtype, shape, frame_stack, spec.flat)


def _is_stack(shape: tuple[int, ...]) -> bool:
    if len(shape) == 3:
        return shape[0] not in (1, 3) and shape[0] <= min(shape[1:])
    return len(shape) == 4 and shape[0] < max(shape[1:])


def action_spec(space: spaces.Space[Any]) -> ArraySpec:
    """Return how a space's actions are stored: flattened, float64 as float32 (as in SB3)."""
    dtype = np.dtype(np.float32) if space.dtype == np.float64 else _native(space)
    if isinstance(space, spaces.Discrete):
        return ArraySpec(dtype, (1,), flat=True)
    if isinstance(space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return ArraySpec(dtype, (math.prod(space.shape),), flat=True)
    raise TypeError(
        f"action_space: expected a Box, Discrete, MultiDiscrete or MultiBinary, got {space}"
    )


def action_limits(space: spaces.Space[Any], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return the lowest and the highest action of a Discrete space, None for any other.

    Limits beyond the dtype are those of the dtype: no array can hold an action beyond.
    """
    if not isinstance(space, spaces.Discrete):
        return None
    lowest, limits = int(space.start), np.iinfo(dtype)
    highest = lowest + int(space.n) - 1
    return np.array([max(lowest, limits.min), min(highest, limits.max)], dtype)


def _native(space: spaces.Space[Any]) -> np.dtype[Any]:
    # The core and torch read numbers in this machine's byte order.
    native: np.dtype[Any] = np.dtype(space.dtype).newbyteorder("=")
    return native
