"""Random shifts and intensities of images: DrQ's augmentation (Yarats et al. 2021)."""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from framering._core import shift_stacks
from framering.dqn.scaling import scale_images

# Pixels that the edge is repeated by before the crop.
_PAD = 4
# The intensity's standard deviation, and the deviations at which it is clipped.
_INTENSITY_SCALE = 0.05
_INTENSITY_CLIP = 2.0


class Augmentation(NamedTuple):
    """The random numbers that change B observations.

    Attributes
    ----------
    shifts
        (B, 2), int64: pixels down and to the right, from −4 to 4; where they leave the image, its
        edge is repeated.
    intensities
        (B, 1, 1, 1): factors of the pixels.
    """

    shifts: Tensor
    intensities: Tensor

    def of(self, images: Tensor) -> Tensor:
        """Return shifted images (B, stack, h, w) as floats in 0 … 255, times the intensities."""
        if images.dtype == torch.uint8 and images.device.type == "cpu":
            shifted = scale_images(torch.ops.framering.shift_images(images, self.shifts))
            # scale_images has made a copy.
            return shifted.mul_(255.0 * self.intensities)
        return _shifted(images, self.shifts).float() * self.intensities


def draw_augmentation(rows: int, generator: Generator) -> Augmentation:
    """Draw the random numbers for observations of so many rows."""
    device = generator.device
    shifts = torch.randint(-_PAD, _PAD + 1, (rows, 2), generator=generator, device=device)
    normal = torch.randn((rows, 1, 1, 1), generator=generator, device=device)
    clipped = normal.clamp(-_INTENSITY_CLIP, _INTENSITY_CLIP)
    return Augmentation(shifts, 1 + _INTENSITY_SCALE * clipped)


def _shifted(images: Tensor, shifts: Tensor) -> Tensor:
    """Return images of any dtype, shifted, on any device."""
    rows, columns = (
        (torch.arange(side, device=images.device) + shifts[:, axis, None]).clamp(0, side - 1)
        for axis, side in enumerate(images.shape[2:])
    )
    batch = torch.arange(len(images), device=images.device)
    # The stack's axis is last in the index's result, as convolutions like it.
    shifted = images[batch[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return shifted.permute(0, 3, 1, 2)


def _shift_bytes(images: Tensor, shifts: Tensor) -> Tensor:
    images = images if images[:1].is_contiguous() else images.contiguous()
    shifted = torch.empty(images.shape, dtype=torch.uint8)
    shift_stacks(images.numpy(), shifts.numpy(), shifted.numpy())
    return shifted


# Torch's index takes thirty times as long on a CPU.
torch.library.define("framering::shift_images", "(Tensor images, Tensor shifts) -> Tensor")
torch.library.impl("framering::shift_images", "cpu", _shift_bytes)


@torch.library.register_fake("framering::shift_images")  # type: ignore[untyped-decorator]
def _(images: Tensor, shifts: Tensor) -> Tensor:
    return torch.empty(images.shape, dtype=torch.uint8)
