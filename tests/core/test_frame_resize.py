"""framering.resize_area and rgb_to_gray against cv2 itself."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framering import resize_area
from framering._core import rgb_to_gray


def cv2_area(image, size):
    resized = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return resized.reshape(*size, *image.shape[2:])  # cv2 drops a last axis of one channel


def noise(seed, shape, levels=256):
    rng = np.random.default_rng(seed)
    # Few levels make sums that lie exactly between two results, where the rounding order shows.
    return rng.choice(np.linspace(0, 255, levels).astype(np.uint8), shape)


@st.composite
def shrinks(draw):
    size = draw(st.tuples(st.integers(1, 50), st.integers(1, 50)))
    growth = st.one_of(
        st.tuples(st.integers(1, 7), st.integers(1, 7)),  # whole ratios, one axis or both kept too
        st.tuples(st.floats(1, 6), st.floats(1, 6)),
    )
    down, across = draw(growth)
    channels = draw(st.sampled_from([(), (1,), (2,), (3,), (4,)]))
    shape = (int(size[0] * down), int(size[1] * across), *channels)
    return draw(st.integers(0, 2**32)), shape, draw(st.sampled_from([2, 3, 256])), size


@given(shrinks())
@settings(max_examples=500, deadline=None)
def test_any_shrink_equals_cv2(case):
    seed, shape, levels, size = case
    image = noise(seed, shape, levels)
    np.testing.assert_array_equal(resize_area(image, size), cv2_area(image, size))


@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("size", [(84, 84), (96, 96), (64, 64), (128, 128), (42, 42), (105, 80)])
@pytest.mark.parametrize("source", [(210, 160), (250, 160), (480, 640), (1080, 1920)])
def test_common_sizes_equal_cv2(source, size, channels):
    image = noise(1, (*source, *channels))
    np.testing.assert_array_equal(resize_area(image, size), cv2_area(image, size))


@pytest.mark.parametrize("channels", [5, 8])
def test_more_channels_than_cv2_averages_are_resized_one_by_one(channels):
    image = noise(2, (50, 40, channels))
    each = [cv2_area(np.ascontiguousarray(image[..., c]), (21, 17)) for c in range(channels)]
    np.testing.assert_array_equal(resize_area(image, (21, 17)), np.stack(each, axis=-1))


@pytest.mark.parametrize("ratio", [49, 98, 103, 107])
def test_ratios_whose_double_inverse_is_no_whole_number_equal_cv2(ratio):
    image = noise(3, (4 * ratio, 2 * ratio))
    np.testing.assert_array_equal(resize_area(image, (4, 2)), cv2_area(image, (4, 2)))


@pytest.mark.parametrize(("shape", "size"), [((99_991, 1), (2, 1)), ((1, 99_991), (1, 3))])
def test_white_stays_white_over_very_many_pixels(shape, size):
    image = np.full(shape, 255, np.uint8)
    np.testing.assert_array_equal(resize_area(image, size), cv2_area(image, size))


def test_same_size_is_a_copy():
    image = noise(4, (30, 20, 3))
    result = resize_area(image, (30, 20))
    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


def test_writes_into_out_and_nothing_else():
    image = noise(5, (210, 160))
    memory = np.full((3, 84, 84), 7, np.uint8)
    assert resize_area(image, (84, 84), out=memory[1]) is not None
    np.testing.assert_array_equal(memory[1], cv2_area(image, (84, 84)))
    assert (memory[[0, 2]] == 7).all()


@pytest.mark.parametrize(
    ("image", "size", "error", "message"),
    [
        (np.zeros((8, 8), np.float32), (4, 4), TypeError, "uint8.*float32"),
        ([[1]], (1, 1), TypeError, "image: expected a uint8 array, got list; pass a NumPy"),
        (np.zeros((8, 8), np.uint8)[:, ::2], (4, 4), ValueError, "C-contiguous"),
        (np.zeros(8, np.uint8), (4, 4), ValueError, r"got \(8,\)"),
        (
            np.zeros((8, 8), np.uint8),
            (9, 4),
            ValueError,
            r"size: expected at most the source\'s \(8, 8\).*\(9, 4\).*only shrinks",
        ),
        (np.zeros((8, 8), np.uint8), (4, 9), ValueError, "only shrinks"),
        (np.zeros((8, 8), np.uint8), (0, 4), ValueError, "1 or more"),
        (np.zeros((0, 8), np.uint8), (0, 4), ValueError, "1 or more"),
    ],
)
def test_bad_images_and_sizes_are_refused(image, size, error, message):
    with pytest.raises(error, match=message):
        resize_area(image, size)


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((4, 5), np.uint8), ValueError, r"shape \(4, 4\).*\(4, 5\)"),
        (np.zeros((4, 4), np.int8), TypeError, "int8"),
        (np.zeros((4, 8), np.uint8)[:, ::2], ValueError, "contiguous"),
        (read_only(np.zeros((4, 4), np.uint8)), ValueError, "writable"),
    ],
)
def test_bad_outputs_are_refused(out, error, message):
    with pytest.raises(error, match=message):
        resize_area(np.zeros((8, 8), np.uint8), (4, 4), out=out)


def test_an_output_inside_the_image_is_refused():
    image = np.zeros((8, 8), np.uint8)
    with pytest.raises(ValueError, match="shares memory"):
        resize_area(image, (4, 8), out=image[2:6])


def test_rgb_to_gray_equals_cvt_color_for_every_colour():
    levels = np.arange(256, dtype=np.uint8)
    for red in range(0, 256, 5):
        plane = np.empty((256, 256, 3), np.uint8)
        plane[..., 0], plane[..., 1], plane[..., 2] = red, levels[:, None], levels
        np.testing.assert_array_equal(rgb_to_gray(plane), cv2.cvtColor(plane, cv2.COLOR_RGB2GRAY))


@pytest.mark.parametrize("width", [1, 31, 32, 33, 100])
def test_rgb_to_gray_equals_cvt_color_at_any_width(width):
    image = noise(6, (3, width, 3))
    np.testing.assert_array_equal(rgb_to_gray(image), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def test_rgb_to_gray_wants_three_channels():
    with pytest.raises(ValueError, match="RGB"):
        rgb_to_gray(np.zeros((4, 4), np.uint8))
