"""Transfer of batches to a device: NumPy arrays, tensors on the CPU or on another device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from framering.device import check_device, choose_device

if TYPE_CHECKING:
    import torch

# A vector register's bytes.
_ALIGNMENT = 64

Layout = tuple[tuple[int, ...], np.dtype[Any]]
"""The shape and dtype of an array."""


class DeviceTransfer:
    """Transfers batches to a device.

    For "auto" and "cpu", torch is imported on first use; for "numpy", it isn't at all.

    Parameters
    ----------
    device : torch.device or str
        "auto" is CUDA where it is available, else the CPU; with "numpy", arrays stay as they are.

    Raises
    ------
    ValueError
        If torch doesn't know the device, or finds no CUDA.
    """

    def __init__(self, device: torch.device | str) -> None:
        check_device(device)
        self._wanted = device

    def __getstate__(self) -> dict[str, Any]:
        """Return the requested device, without the properties that were derived from it."""
        return {"_wanted": self._wanted}

    @cached_property
    def device(self) -> torch.device:
        """The device, or the string "numpy"."""
        if self._wanted == "numpy":
            return "numpy"  # type: ignore[return-value]
        return choose_device(self._wanted)

    @cached_property
    def is_cuda(self) -> bool:
        """Whether batches should be drawn into pinned memory (see `PinnedBlock`)."""
        return str(self.device).startswith("cuda")

    def __call__(self, arrays: Iterable[Any]) -> list[Any]:
        """Transfer arrays; None stays None. A tensor on the CPU shares its array's memory."""
        transfer = self._transfer
        return [None if array is None else transfer(array) for array in arrays]

    @cached_property
    def _transfer(self) -> Callable[[Any], Any]:
        device = self.device
        if str(device) == "numpy":
            return _identity
        import torch

        if device.type == "cpu":
            return torch.from_numpy
        return lambda array: torch.as_tensor(array).to(device, non_blocking=self.is_cuda)


def _identity(array: Any) -> Any:
    return array


class PinnedBlock:
    """Pinned memory for the arrays of a batch, which are copied to CUDA all at once.

    The caller need not wait for the copy: torch's allocator reuses a freed block of pinned memory
    only after the copies that were started from it have ended.

    Parameters
    ----------
    layouts
        Those of the arrays; None for an array that is None.
    """

    def __init__(self, layouts: tuple[Layout | None, ...]) -> None:
        import torch

        self._parts, size = _parts_of_a_block(layouts)
        self._block = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        data = self._block.numpy()
        self.arrays = [
            None if part is None else data[part.where].view(part.array_type).reshape(part.shape)
            for part in self._parts
        ]

    def to(self, device: torch.device) -> list[torch.Tensor | None]:
        """Start the copy on the current stream; return the tensors, which share memory."""
        block = self._block.to(device, non_blocking=True)
        return [
            None if part is None else block[part.where].view(part.tensor_type).view(part.shape)
            for part in self._parts
        ]


class _Part(NamedTuple):
    """Where an array lies in a block of bytes."""

    where: slice
    shape: tuple[int, ...]
    array_type: np.dtype[Any]
    tensor_type: torch.dtype


@lru_cache(maxsize=16)
def _parts_of_a_block(layouts: tuple[Layout | None, ...]) -> tuple[list[_Part | None], int]:
    """Return where each array lies in a block, and the size of the block in bytes."""
    import torch

    parts: list[_Part | None] = []
    end = 0
    for layout in layouts:
        if layout is None:
            parts.append(None)
            continue
        shape, dtype = layout
        begin = -(-end // _ALIGNMENT) * _ALIGNMENT
        end = begin + math.prod(shape) * dtype.itemsize
        tensor_type = torch.from_numpy(np.empty(0, dtype)).dtype
        parts.append(_Part(slice(begin, end), shape, dtype, tensor_type))
    return parts, end
