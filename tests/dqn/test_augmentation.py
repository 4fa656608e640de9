import numpy as np
import pytest
import torch
from torch.nn import functional

from framering._core import shift_stacks
from framering.dqn.augmentation import Augmentation, draw_augmentation


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("contiguous", [False, True])
def test_shifts_are_crops_of_the_padded_image(dtype, contiguous):
    block = torch.randint(0, 256, (81, 5, 12, 10), dtype=torch.uint8).to(dtype)
    images = block[:, :4].contiguous() if contiguous else block[:, :4]
    shifts = torch.cartesian_prod(torch.arange(-4, 5), torch.arange(-4, 5))

    shifted = Augmentation(shifts, torch.ones(81, 1, 1, 1)).of(images)

    padded = functional.pad(images.float(), (4, 4, 4, 4), mode="replicate")
    for row, (down, right) in enumerate(shifts.tolist()):
        crop = padded[row, :, 4 + down : 16 + down, 4 + right : 14 + right]
        torch.testing.assert_close(shifted[row], crop, rtol=0, atol=1e-4)


def test_shifts_beyond_the_image_repeat_its_edge():
    images = np.arange(6, dtype=np.uint8).reshape(1, 1, 2, 3)
    out = np.empty_like(images)

    shift_stacks(images, np.array([[-(2**62), 2**62]]), out)

    assert out.tolist() == [[[[2, 2, 2], [2, 2, 2]]]]


@pytest.mark.parametrize(
    ("shifts", "out", "message"),
    [
        (np.zeros((2, 2), np.int64), np.zeros((1, 1, 2, 3), np.uint8), "shifts: expected shape"),
        (np.zeros((1, 2), np.int32), np.zeros((1, 1, 2, 3), np.uint8), "shifts: expected"),
        (np.zeros((1, 2), np.int64), np.zeros((1, 1, 3, 2), np.uint8), "out: expected shape"),
    ],
)
def test_arrays_of_another_shape_or_dtype_are_refused(shifts, out, message):
    with pytest.raises((TypeError, ValueError), match=message):
        shift_stacks(np.zeros((1, 1, 2, 3), np.uint8), shifts, out)


def test_all_frames_of_a_stack_move_together_and_rows_apart():
    images = torch.arange(12 * 12).reshape(1, 1, 12, 12).expand(40, 4, 12, 12).to(torch.uint8)

    shifted = draw_augmentation(40, torch.Generator().manual_seed(1)).of(images)

    assert all(torch.equal(shifted[:, 0], shifted[:, frame]) for frame in range(4))
    assert len({tuple(row.flatten().tolist()) for row in shifted[:, 0]}) > 30


def test_draws_cover_all_shifts_and_clipped_intensities():
    shifts, intensities = draw_augmentation(5000, torch.Generator().manual_seed(1))

    assert shifts.unique().tolist() == list(range(-4, 5))
    assert intensities.min().item() == pytest.approx(0.9)
    assert intensities.max().item() == pytest.approx(1.1)
    assert intensities.std().item() == pytest.approx(0.05, abs=0.005)
