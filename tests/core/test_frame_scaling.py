"""Stacks of bytes to floats with channels last, against NumPy's division."""

import numpy as np
import pytest

from framering._core import scale_stacks


def expected(stacks):
    return np.moveaxis(stacks.astype(np.float32) / np.float32(255), 1, 3)


def scaled(stacks):
    rows, stack, height, width = stacks.shape
    out = np.full((rows, height, width, stack), np.nan, np.float32)
    scale_stacks(stacks, out)
    return out


@pytest.mark.parametrize("stack", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(84, 84), (1, 1), (3, 5), (4, 4), (7, 33), (0, 4)])
@pytest.mark.parametrize("rows", [9, 1, 0])
def test_every_byte_is_divided_as_numpy_divides_it(rows, stack, size):
    stacks = np.random.default_rng(1).integers(0, 256, (rows, stack, *size), np.uint8)

    np.testing.assert_array_equal(scaled(stacks), expected(stacks))


def test_every_byte_is_scaled_to_the_float_that_torch_computes():
    stacks = np.arange(256, dtype=np.uint8).repeat(4).reshape(1, 4, 16, 16)

    np.testing.assert_array_equal(scaled(stacks), expected(stacks))


def test_rows_may_lie_apart_and_be_read_only():
    block = np.random.default_rng(1).integers(0, 256, (6, 5, 12, 12), np.uint8)
    block.flags.writeable = False

    np.testing.assert_array_equal(scaled(block[:, 1:]), expected(block[:, 1:]))
    np.testing.assert_array_equal(scaled(block[::2, :4]), expected(block[::2, :4]))
    flat = np.lib.stride_tricks.as_strided(block, (2, 4, 1, 12), (720, 12, 999, 1))
    np.testing.assert_array_equal(scaled(flat), expected(flat))


STACKS = np.zeros((2, 4, 6, 8), np.uint8)
OUT = np.zeros((2, 6, 8, 4), np.float32)
READ_ONLY = OUT.copy()
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ("stacks", "out", "error", "message"),
    [
        (
            STACKS[0],
            OUT,
            ValueError,
            r"stacks: expected shape \(rows, stack, height, width\), got \(4, 6, 8\)",
        ),
        (STACKS[:, ::2], OUT[..., ::2].copy(), ValueError, "strides in them"),
        (STACKS[..., ::2], OUT[:, :, ::2].copy(), ValueError, "strides in them"),
        (STACKS[::-1], OUT, ValueError, "negative stride"),
        (STACKS.astype(np.float32), OUT, TypeError, "stacks: expected a uint8 array, got float32"),
        (STACKS, OUT[:1], ValueError, r"out: expected shape \(2, 6, 8, 4\), .* got \(1, 6, 8, 4\)"),
        (STACKS, OUT.reshape(2, 4, 6, 8), ValueError, "out: expected"),
        (
            STACKS,
            OUT.swapaxes(1, 2).copy().swapaxes(1, 2),
            ValueError,
            "out: expected a C-contiguous",
        ),
        (STACKS, READ_ONLY, ValueError, "out: expected a writable"),
        (STACKS, OUT.astype(np.float64), TypeError, "out: expected a float32 array, got float64"),
    ],
)
def test_what_does_not_fit_is_an_error(stacks, out, error, message):
    with pytest.raises(error, match=message):
        scale_stacks(stacks, out)
