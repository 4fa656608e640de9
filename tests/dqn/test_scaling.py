import pytest
import torch

from framering.dqn.scaling import scale_images


def images(dtype, shape=(3, 4, 10, 12)):
    torch.manual_seed(1)
    return torch.randint(0, 256, shape).to(dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.float32])
def test_images_are_divided_and_put_channels_last(dtype):
    given = images(dtype)

    scaled = scale_images(given)

    assert scaled.dtype == torch.float32
    assert scaled.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(scaled, given.float() / 255)
    assert torch.equal(given, images(dtype))


@pytest.mark.parametrize(
    "view",
    [
        lambda block: block[:, 1:],
        lambda block: block[:, ::2],
        lambda block: block.transpose(2, 3),
        lambda block: block.to(memory_format=torch.channels_last),
        lambda block: block[1:2],
        lambda block: block[:0],
        lambda block: block[:, 1:2].expand(-1, 4, -1, -1),
    ],
)
def test_views_of_a_block_are_scaled_like_copies(view):
    given = view(images(torch.uint8, (3, 5, 10, 12)))

    scaled = scale_images(given)

    assert torch.equal(scaled, given.float() / 255)
    assert scaled.is_contiguous(memory_format=torch.channels_last)


def test_the_operator_passes_torchs_opcheck():
    block = images(torch.uint8)
    for given in (block, block[:, 1:], block[:1]):
        torch.library.opcheck(torch.ops.framering.scale_images, [given])
