"""Transfer of batches to a device: NumPy arrays, tensors on the CPU or on another device."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from framering.device import check_device, choose_device

if TYPE_CHECKING:
    import torch

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
        """Whether batches should be drawn into pinned memory (see `empty_pinned`)."""
        return str(self.device).startswith("cuda")

    def __call__(self, arrays: Iterable[Any]) -> list[Any]:
        """Transfer arrays or tensors; None stays None.

        A tensor on the CPU shares its array's memory. Pinned memory is copied to CUDA on the
        current stream, asynchronously.
        """
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


def empty_pinned(layouts: Iterable[Layout | None]) -> list[Any]:
    """Allocate tensors in pinned memory; None stays None.

    The caller need not wait for copies out of them: torch's allocator reuses a freed block only
    after the copies that were started from it have ended.
    """
    import torch

    return [
        None
        if layout is None
        else torch.empty(
            layout[0], dtype=torch.from_numpy(np.empty(0, layout[1])).dtype, pin_memory=True
        )
        for layout in layouts
    ]
