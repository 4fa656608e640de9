"""Checks of numbers that a caller gives."""

from __future__ import annotations

import math
import operator
from typing import Any

WORD = 2**64 - 1
MOST = 2**40  # of whatever a ring counts


def checked_generator_state(state: Any) -> tuple[int, int, int, int]:
    """Return the state of a generator, which must not be all zeros: it would stay so for ever."""
    try:
        a, b, c, d = (integer("word", word, 0, WORD) for word in state)
    except (TypeError, ValueError):
        a = b = c = d = 0
    if not (a or b or c or d):
        raise ValueError(
            "generator_state: expected four integers from 0 to 2**64-1 that are not all 0, got "
            f"{state!r:.100}"
        )
    return a, b, c, d


def integer(name: str, value: Any, lowest: int, highest: int) -> int:
    """Return the value as an int; raise TypeError for what is none, ValueError out of range.

    NumPy's integers are integers, floats and text are not.
    """
    try:
        number = operator.index(value)
    except TypeError:
        whole = isinstance(value, float) and value.is_integer()
        remedy = f"; write {int(value)}" if whole else ""
        raise TypeError(f"{name}: expected an integer, got {value!r:.100}{remedy}") from None
    if not lowest <= number <= highest:
        raise ValueError(
            f"{name}: expected an integer from {lowest} to {_limit(highest)}, got {number}"
        )
    return number


def real(name: str, value: Any, lowest: float, highest: float = math.inf) -> float:
    """Return the value as a float; raise TypeError for what is none, ValueError out of range."""
    wanted = (
        f"a finite number of at least {lowest:g}"
        if highest == math.inf
        else f"a number from {lowest:g} to {highest:g}"
    )
    expected = f"{name}: expected {wanted}, got "
    try:
        number = float(value) if hasattr(value, "__float__") else None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        raise TypeError(f"{expected}{value!r:.100}")
    if not (lowest <= number <= highest and math.isfinite(number)):
        raise ValueError(f"{expected}{number}")
    return number


def _limit(highest: int) -> str:
    """Write powers of two, and one less, as such."""
    for text, base in (("", highest), ("-1", highest + 1)):
        if base >= 2**16 and base & (base - 1) == 0:
            return f"2**{base.bit_length() - 1}{text}"
    return str(highest)
