import pytest
import torch
from torch.nn import functional

from framering.dqn.augmentation import Augmentation, draw_augmentation


def test_shifts_are_crops_of_the_padded_image():
    images = torch.randint(0, 256, (81, 4, 12, 10), dtype=torch.uint8)
    shifts = torch.cartesian_prod(torch.arange(-4, 5), torch.arange(-4, 5))

    shifted = Augmentation(shifts, torch.ones(81, 1, 1, 1)).of(images)

    padded = functional.pad(images.float(), (4, 4, 4, 4), mode="replicate")
    for row, (down, right) in enumerate(shifts.tolist()):
        crop = padded[row, :, 4 + down : 16 + down, 4 + right : 14 + right]
        assert torch.equal(shifted[row], crop)


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
