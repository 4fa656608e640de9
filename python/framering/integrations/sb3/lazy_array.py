"""A read-only array whose rows are read when they are indexed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ReadRows = Callable[[NDArray[np.int64], NDArray[np.int64]], Array]
"""Returns the rows (B, ...) of B positions and environments."""


class LazyArray(np.lib.mixins.NDArrayOperatorsMixin):
    """A read-only array ``(positions, n_envs, ...)`` that reads the rows that are indexed.

    It is indexed as a NumPy array, and gives NumPy arrays: read-only ones for integers and slices,
    new ones for arrays of indices. NumPy's functions, and the other attributes and methods of
    arrays, work on the whole, read anew each time.

    Parameters
    ----------
    name : str
        The array's name in errors.
    shape : tuple of int
        Of at least two axes.
    dtype : numpy.dtype
    read : function
        See `ReadRows`.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], read: ReadRows
    ) -> None:
        self._name = name
        self._read = read
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array once it is read."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """Return the number of positions."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Return the name, shape and dtype."""
        return f"<LazyArray {self._name}: {self.dtype} {self.shape}>"

    def __iter__(self) -> Iterator[Array]:
        """Yield the rows of one position after another."""
        for position in range(len(self)):
            yield self[position]

    def __getitem__(self, index: Any) -> Any:
        """Read the indexed rows, and index them as NumPy does."""
        indices = self._normalized(index)
        found = self._rows_at(indices)
        if isinstance(found, np.ndarray) and not any(map(_is_array, indices)):
            found.flags.writeable = False
        return found

    def __setitem__(self, index: Any, value: Any) -> None:
        """Refuse to write."""
        self._refuse_write()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read the whole array."""
        if copy is False:
            raise ValueError(
                f"copy: expected None or True, got False: {self._name} has no memory of its own"
            )
        whole: Array = self[:] if dtype is None else self[:].astype(dtype)
        whole.flags.writeable = bool(copy)
        return whole

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply a function to the whole array."""
        if any(isinstance(out, LazyArray) for out in options.get("out", ())):
            self._refuse_write()
        arrays = [np.asarray(part) if isinstance(part, LazyArray) else part for part in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the whole array."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(np.asarray(self), name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as the array that was read."""
        return np.array, (np.array(self),)

    def _refuse_write(self) -> None:
        raise ValueError(
            f"{self._name}: expected a read, got a write: transitions in the buffer can't be "
            "changed; pass the values that you want to add()"
        )

    def _normalized(self, index: Any) -> tuple[Any, ...]:
        """Return an index as a tuple without Ellipsis, with masks as arrays of integers."""
        parts = list(index) if isinstance(index, tuple) else [index]
        indices: list[Any] = []
        axis = 0
        for number, part in enumerate(parts):
            if _is_basic(part):
                indices.append(part)
                axis += part is not None
            elif part is Ellipsis:
                later = sum(map(_axes_of, parts[number + 1 :]))
                indices += [slice(None)] * (self.ndim - axis - later)
                axis = self.ndim - later
            else:
                arrays = _index_arrays(part, self.shape[axis:])
                indices += arrays
                axis += len(arrays)
        return tuple(indices)

    def _rows_at(self, indices: tuple[Any, ...]) -> Any:
        size, n_envs = self.shape[:2]
        if len(indices) > 1 and _is_integral(indices[0]) and _is_integral(indices[1]):
            return self._pairs_at(*indices)
        first, *rest = indices or (slice(None),)
        if isinstance(first, slice):
            positions: Array = np.arange(*first.indices(size))
            local: Any = slice(None)
        elif _is_integral(first):
            positions = _checked(first, 0, size)
            local = _numbered(positions.shape)
        else:
            positions, local = np.arange(size), first
        positions = positions.reshape(-1)
        envs = np.tile(np.arange(n_envs), len(positions))
        rows = self._read(np.repeat(positions, n_envs), envs)
        within = (local, *rest)
        return rows.reshape(len(positions), *self.shape[1:])[within]

    def _pairs_at(self, first: Any, second: Any, *rest: Any) -> Any:
        """Read only the rows of pairs of a position and an environment."""
        positions, envs = np.broadcast_arrays(
            _checked(first, 0, self.shape[0]), _checked(second, 1, self.shape[1])
        )
        rows = self._read(positions.reshape(-1), envs.reshape(-1))
        within = (_numbered(positions.shape), *rest)
        return rows[within]


def _is_basic(part: Any) -> bool:
    return part is None or isinstance(part, slice) or _is_integer(part)


def _is_integer(part: Any) -> bool:
    return isinstance(part, int | np.integer) and not isinstance(part, bool)


def _is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray)


def _is_integral(part: Any) -> bool:
    return _is_integer(part) or _is_array(part)


def _axes_of(part: Any) -> int:
    """Return how many axes a part of an index takes."""
    if part is None:
        return 0
    if _is_basic(part):
        return 1
    array = np.asarray(part)
    return array.ndim if array.dtype == np.bool_ else 1


def _index_arrays(part: Any, shape: tuple[int, ...]) -> list[Array]:
    """Return a part of an index, for axes of this shape, as arrays of integers."""
    array = np.asarray(part)
    if array.size == 0 and array.dtype != np.bool_:
        return [array.astype(np.int64)]
    if array.dtype.kind not in "biu":
        raise IndexError(f"index: expected integers, slices or masks, got {array.dtype}")
    if array.dtype != np.bool_:
        return [array]
    if array.ndim == 0 or array.shape != shape[: array.ndim]:
        raise IndexError(f"index: expected a mask of shape {shape}, got {array.shape}")
    return list(array.nonzero())


def _checked(index: Any, axis: int, size: int) -> NDArray[np.int64]:
    """Return indices from 0 to size - 1; negative ones count from the end."""
    indices = np.asarray(index).astype(np.int64)
    wrong = (indices < -size) | (indices >= size)
    if wrong.any():
        raise IndexError(
            f"index: expected one from {-size} to {size - 1} for axis {axis}, got "
            f"{indices[wrong].flat[0]}"
        )
    return indices % size


def _numbered(shape: tuple[int, ...]) -> Any:
    """Return the numbers of the rows that were read for indices of this shape."""
    return np.arange(math.prod(shape)).reshape(shape) if shape else 0
