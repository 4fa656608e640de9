"""The layout of a sample, and arrays of the caller that take one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from framering.replay.device import Layout
from framering.replay.spaces import ArraySpec

Layouts = dict[str, Layout | None]
"""The layout of each field of a sample; None for a field that is None."""


def column(batch_size: int) -> Layout:
    """Return the layout of one float32 number for each transition."""
    return (batch_size, 1), np.dtype(np.float32)


def sample_layouts(
    batch_size: int, observations: ArraySpec, actions: ArraySpec, n_step: int
) -> Layouts:
    """Return the layouts of a batch, in the order of `ReplayBufferSamples`."""
    obs = ((batch_size, *observations.shape), observations.dtype)
    return {
        "observations": obs,
        "actions": ((batch_size, *actions.shape), actions.dtype),
        "next_observations": obs,
        "dones": column(batch_size),
        "rewards": column(batch_size),
        "discounts": None if n_step == 1 else column(batch_size),
    }


def output_arrays(out: Any, samples: type[Any], layouts: Layouts) -> list[NDArray[Any] | None]:
    """Return the arrays to fill, which share the memory of the fields of `out`.

    Raises
    ------
    TypeError
        If `out` is another kind of samples, or a field is neither a tensor nor an array.
    ValueError
        If a field has another layout, or its memory can't be written.
    """
    if getattr(out, "_fields", None) != tuple(layouts):
        raise TypeError(
            f"out: expected {samples.__name__}, got {type(out).__name__}: make one with a tensor "
            f"for each of {', '.join(layouts)}"
        )
    return [
        _output_array(f"out.{name}", part, layout)
        for part, (name, layout) in zip(out, layouts.items(), strict=True)
    ]


def _output_array(name: str, part: Any, layout: Layout | None) -> NDArray[Any] | None:
    if layout is None:
        if part is not None:
            raise ValueError(
                f"{name}: expected None, got {type(part).__name__}: with n_step=1 a sample has none"
            )
        return None
    shape, dtype = layout
    expected = f"{name}: expected a writable, contiguous {dtype} {shape}, got"
    if not hasattr(part, "__array__"):
        raise TypeError(f"{expected} {type(part).__name__}")
    array = np.asarray(part)
    fits = array.shape == shape and array.dtype == dtype
    if not (fits and array.flags.c_contiguous and array.flags.writeable):
        raise ValueError(f"{expected} {_describe(array)}")
    return array


def _describe(array: NDArray[Any]) -> str:
    kind = "" if array.flags.c_contiguous else "not contiguous "
    kind += "" if array.flags.writeable else "read-only "
    return f"{kind}{array.dtype} {array.shape}"
