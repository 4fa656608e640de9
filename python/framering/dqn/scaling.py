"""Scaling of byte images to the floats that convolutions read."""

import torch
from torch import Tensor

from framering._core import scale_stacks


def scale_images(images: Tensor) -> Tensor:
    """Return images / 255 as float32 with channels last, the fastest format for convolutions.

    Parameters
    ----------
    images
        (B, channels, h, w), in 0 … 255, of any dtype.
    """
    if images.dtype == torch.uint8 and images.device.type == "cpu":
        scaled: Tensor = torch.ops.framering.scale_images(images)
        return scaled
    images = images.contiguous(memory_format=torch.channels_last)
    # In place where `float` has made a copy.
    return images / 255.0 if images.is_floating_point() else images.float().div_(255.0)


def _scale_bytes(images: Tensor) -> Tensor:
    images = images if images[:1].is_contiguous() else images.contiguous()
    scaled = _empty(images)
    scale_stacks(images.numpy(), scaled.permute(0, 2, 3, 1).numpy())
    return scaled


def _empty(images: Tensor) -> Tensor:
    return torch.empty_like(images, dtype=torch.float32, memory_format=torch.channels_last)


# torch makes three passes, of which the first, byte by byte, takes most of the time.
torch.library.define("framering::scale_images", "(Tensor images) -> Tensor")
torch.library.impl("framering::scale_images", "cpu", _scale_bytes)
torch.library.register_fake("framering::scale_images", _empty)
