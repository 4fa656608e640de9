"""The choice of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def choose_device(device: torch.device | str, cuda: bool = True) -> torch.device:
    """Return a torch device: "auto" is CUDA where it is available and wanted, else the CPU.

    Parameters
    ----------
    device
        "auto", or what ``torch.device`` takes.
    cuda
        Whether "auto" may choose CUDA.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if cuda and torch.cuda.is_available() else "cpu")
    return torch.device(device)
