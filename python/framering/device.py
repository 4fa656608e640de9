"""The choice of a device, and of the precision that fits it."""

from __future__ import annotations

from pathlib import Path
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


def check_device(device: torch.device | str) -> None:
    """Raise ValueError for a device that torch doesn't know, or for CUDA where it finds none.

    torch is imported only to check what needs it: not for "auto", "cpu" and "numpy".
    """
    if isinstance(device, str) and device in ("auto", "cpu", "numpy"):
        return
    import torch

    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device: expected 'auto', 'cpu', 'cuda', 'numpy' or another device of torch, got "
            f"{device!r:.100}; 'auto' is CUDA where torch finds it, else the CPU"
        ) from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device: expected a device that torch finds, got {str(device)!r}, of which it finds "
            "none; use 'cpu' or 'auto'"
        )


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16, so that it is faster than float32."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return bool({"avx512_bf16", "amx_bf16"} & set(flags.split()))
