"""Where samples go: NumPy arrays, tensors on the CPU, or tensors on another device."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from framering.device import choose_device

if TYPE_CHECKING:
    import torch

Form = tuple[tuple[int, ...], np.dtype[Any]]


class DeviceTransfer:
    """Brings the arrays of batches to a device, and imports torch no sooner than it must.

    Parameters
    ----------
    device : torch.device or str
        "auto" is CUDA where there is one, else the CPU; with "numpy", arrays stay what they are.
    """

    def __init__(self, device: torch.device | str) -> None:
        self._wanted = device

    def __getstate__(self) -> dict[str, Any]:
        """The device alone, without what has been found out of it."""
        return {"_wanted": self._wanted}

    @cached_property
    def device(self) -> torch.device:
        """The device; with "numpy", that word."""
        if self._wanted == "numpy":
            return "numpy"  # type: ignore[return-value]
        return choose_device(self._wanted)

    @cached_property
    def is_cuda(self) -> bool:
        """Whether arrays that are drawn into `pinned` memory get there faster."""
        return str(self.device).startswith("cuda")

    def __call__(self, arrays: Iterable[Any]) -> list[Any]:
        """Bring arrays there, or tensors; None stays.

        A tensor on the CPU shares its array's memory. To CUDA, pinned memory is copied on the
        current stream, beside the program.
        """
        bring = self._bring
        return [None if array is None else bring(array) for array in arrays]

    @cached_property
    def _bring(self) -> Callable[[Any], Any]:
        device = self.device
        if str(device) == "numpy":
            return _as_it_is
        import torch

        if device.type == "cpu":
            return torch.from_numpy
        return lambda array: torch.as_tensor(array).to(device, non_blocking=self.is_cuda)


def _as_it_is(array: Any) -> Any:
    return array


def pinned(forms: Iterable[Form | None]) -> list[Any]:
    """Make tensors in pinned memory, of these shapes and dtypes; None stays.

    torch keeps pinned memory that is given back, and gives it out again no sooner than the copies
    that were started from it have ended: nobody has to wait for them here.
    """
    import torch

    return [
        None
        if form is None
        else torch.empty(
            form[0], dtype=torch.from_numpy(np.empty(0, form[1])).dtype, pin_memory=True
        )
        for form in forms
    ]
