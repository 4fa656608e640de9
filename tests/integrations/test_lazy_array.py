"""LazyArray is indexed as a NumPy array is."""

import copy
import pickle

import numpy as np
import pytest

from framering.integrations.sb3.lazy_array import LazyArray

WHOLE = np.arange(6 * 3 * 4 * 2, dtype=np.float32).reshape(6, 3, 4, 2)


def lazy(whole=WHOLE):
    """Return a lazy array of rows, and the list of the numbers of rows that were read."""
    reads = []

    def read(positions, envs):
        reads.append(len(positions))
        return whole[positions, envs]

    return LazyArray("rows", whole.shape, whole.dtype, read), reads


MASK = np.array([True, False, True, True, False, False])
PAIRS = np.arange(18).reshape(6, 3) % 4 == 1
BASIC = [
    0, -1, np.int64(3), slice(None), slice(1, 5), slice(None, None, -2), slice(5, 2), ..., (), None,
    (2, 1), (2, -1, 3), (2, 1, 3, 1), (slice(1, 3), 2), (slice(None), slice(None), 1), (..., 1),
    (1, ..., 1), (slice(2), ..., slice(1, 3), 0), (None, 2), (1, None, 2), (2, None, ..., 1),
    (slice(None), None),
]  # fmt: skip
ADVANCED = [
    [0, 5, 0], [], np.array([[1, 2], [-1, -6]]), MASK, PAIRS, WHOLE > 100, np.array(2),
    ([1, 2], [0, 2]), ([1, 2], 1), (1, [0, 2]), ([[1], [2]], [0, 2]), ([1, 2], slice(None), [3, 0]),
    (slice(None), [0, 2]), (1, slice(None), [3, 0]), (1, 2, [3, 0]), ([1, 2], [0, 1], slice(1, 3)),
    ([1, 2], [0, 1], [2, 3]), (..., [0, 1]), (MASK, 1), (MASK, ..., [1, 0, 1]), (PAIRS, 2),
    (1, 2, slice(None), [1, 0]), (slice(None), PAIRS[0]), (np.array([1, 2], np.uint8), [0, 1]),
    (None, [1, 2]), ([1, 2], None, [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("index", BASIC, ids=str)
def test_integers_and_slices_give_read_only_arrays(index):
    array, _ = lazy()
    found = array[index]
    np.testing.assert_array_equal(found, WHOLE[index], strict=True)
    assert not found.flags.writeable


@pytest.mark.parametrize("index", ADVANCED, ids=str)
def test_arrays_of_indices_give_new_arrays(index):
    array, _ = lazy()
    found = array[index]
    np.testing.assert_array_equal(found, WHOLE[index], strict=True)
    assert found.flags.writeable


@pytest.mark.parametrize(
    "index",
    [6, -7, [0, 6], ([0], [3]), (0, 3), (0, 0, 4), [0.5], MASK[:5], PAIRS[:, :2], "a", (0,) * 5],
    ids=str,
)
def test_an_index_that_numpy_refuses_is_an_index_error(index):
    array, _ = lazy()
    with pytest.raises(IndexError):
        WHOLE[index]
    with pytest.raises(IndexError):
        array[index]


@pytest.mark.parametrize(
    ("index", "rows"), [(2, 3), (slice(1, 3), 6), (([1, 2], [0, 1]), 2), ((4, 1), 1), ([5], 3)]
)
def test_only_the_indexed_rows_are_read(index, rows):
    array, reads = lazy()
    assert array[index] is not None
    assert reads == [rows]


def test_properties_are_known_without_a_read():
    array, reads = lazy()
    for name in ("shape", "dtype", "ndim", "size", "nbytes"):
        assert getattr(array, name) == getattr(WHOLE, name)
    assert len(array) == len(WHOLE)
    assert repr(array) == "<LazyArray rows: float32 (6, 3, 4, 2)>"
    assert reads == []


def test_functions_and_operators_of_numpy_work_on_the_whole():
    array, _ = lazy()
    np.testing.assert_array_equal(2 * array - 1, 2 * WHOLE - 1)
    np.testing.assert_array_equal(array == array, np.ones_like(WHOLE, np.bool_))
    np.testing.assert_array_equal([*array], WHOLE)
    assert np.mean(array) == array.mean() == WHOLE.mean()
    assert array.reshape(-1)[5] == 5
    assert np.asarray(array, np.float64).dtype == np.float64


def test_only_a_copy_can_be_written():
    array, _ = lazy()
    assert np.array(array).flags.writeable
    assert not np.asarray(array).flags.writeable
    for made in (copy.deepcopy(array), pickle.loads(pickle.dumps(array))):
        np.testing.assert_array_equal(made, WHOLE, strict=True)
        assert made.flags.writeable
    with pytest.raises(ValueError, match="copy: expected None or True, got False"):
        array.__array__(copy=False)
    with pytest.raises(ValueError, match="rows: expected a read, got a write"):
        array += 1
    assert not hasattr(array, "_missing")
