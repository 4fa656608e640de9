"""Checks of arguments that an emulator and a vector environment share."""

import operator
from typing import Any

import numpy as np

# The emulator's own settings are 32-bit integers.
INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1


def check_integer(name: str, value: Any, low: int, high: int = INT32_MAX) -> int:
    """Return an integer in [low, high] as a Python int.

    Raises
    ------
    TypeError, ValueError
        If the value is no integer, or out of range.

    Examples
    --------
    >>> check_integer("num_envs", np.int64(8), 1)
    8
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: expected an integer, got {describe(value)}")
    try:
        number = operator.index(value)
    except TypeError:  # NumPy's arrays have __index__, but only a scalar converts.
        raise TypeError(f"{name}: expected an integer, got {describe(value)}") from None
    if not low <= number <= high:
        raise ValueError(f"{name}: expected an integer in [{low}, {high}], got {number}")
    return number


def check_flag(name: str, value: Any) -> bool:
    """Return True or False, also from NumPy's; raise TypeError for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {describe(value)}")
    return bool(value)


def check_pair(name: str, value: Any, low: int) -> tuple[int, int]:
    """Return a sequence of two integers, each at least ``low``, as a tuple."""
    if not is_sequence(value) or len(value) != 2:
        raise ValueError(f"{name}: expected an integer or a pair, got {describe(value)}")
    first, second = value
    return check_integer(name, first, low), check_integer(name, second, low)


def is_sequence(value: Any) -> bool:
    """Return whether a value is a tuple, a list, or a NumPy array with an axis."""
    return isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim > 0)


def describe(value: Any) -> str:
    """Return a value's representation on one line of at most 80 characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # A foreign __repr__ may raise anything.
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
