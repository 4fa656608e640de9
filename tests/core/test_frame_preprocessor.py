"""AtariPreprocessor against the same steps taken with NumPy and cv2."""

import numpy as np
import pytest

from framering._core import AtariPreprocessor

ORDERS = ["gymnasium", "sb3", "cleanrl"]


def processed(preprocessor, last, previous, shape=(84, 84)):
    out = np.full(shape, 99, np.uint8)
    preprocessor.process(last, previous, out)
    return out


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("screen_shape", [(210, 160), (214, 160), (230, 160), (250, 160)])
@pytest.mark.parametrize("size", [(84, 84), (96, 96), (64, 64), (128, 128), (105, 80), (21, 50)])
def test_noise_equals_cv2_at_any_size(screen_shape, size, order, preprocess_with_cv2):
    preprocessor = AtariPreprocessor(screen_shape=screen_shape, output_shape=size, order=order)
    rng = np.random.default_rng(1)
    for _ in range(3):
        previous, last = rng.integers(0, 256, (2, *screen_shape), np.uint8)
        np.testing.assert_array_equal(
            processed(preprocessor, last, previous, size),
            preprocess_with_cv2(last, previous, order, size=size),
        )


@pytest.mark.parametrize("order", ORDERS)
def test_a_single_screen_takes_no_maximum(record_screens, order, preprocess_with_cv2):
    preprocessor = AtariPreprocessor(order=order)
    for previous, last in record_screens("seaquest", 20):
        processed(preprocessor, last, previous)
        np.testing.assert_array_equal(
            processed(preprocessor, last, None), preprocess_with_cv2(last, None, order)
        )


@pytest.mark.parametrize("order", ORDERS)
def test_rgb_output_equals_cv2_whatever_the_order(record_screens, order, preprocess_with_cv2):
    preprocessor = AtariPreprocessor(order=order, grayscale=False)
    for previous, last in record_screens("ms_pacman", 20):
        np.testing.assert_array_equal(
            processed(preprocessor, last, previous, (84, 84, 3)),
            preprocess_with_cv2(last, previous, order, grayscale=False),
        )


def test_writes_its_slot_and_nothing_beside_it(record_screens, preprocess_with_cv2):
    preprocessor = AtariPreprocessor(order="gymnasium")
    slots = np.full((3, 84, 84), 7, np.uint8)
    previous, last = record_screens("pong", 20)[-1]
    preprocessor.process(last, previous, slots[1])
    np.testing.assert_array_equal(slots[1], preprocess_with_cv2(last, previous, "gymnasium"))
    assert (slots[[0, 2]] == 7).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": "cv2"}, "'gymnasium', 'sb3' or 'cleanrl'.*'cv2'"),
        ({"palette": "secam"}, "could not be measured"),
        ({"output_shape": (211, 84)}, "output_shape: expected.*only shrinks"),
        ({"output_shape": (0, 84)}, "output_shape.*1 or more"),
        ({"screen_shape": (-1, 160)}, "screen_shape"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AtariPreprocessor(**{"order": "gymnasium", **arguments})


SCREEN = np.zeros((210, 160), np.uint8)
OUT = np.zeros((84, 84), np.uint8)


@pytest.mark.parametrize(
    ("last", "previous", "out", "error", "message"),
    [
        (SCREEN[:200], None, OUT, ValueError, r"last.*\(210, 160\).*\(200, 160\)"),
        (SCREEN, SCREEN[:, :80].copy(), OUT, ValueError, r"previous.*\(210, 80\)"),
        (SCREEN[..., None], None, OUT, ValueError, "last"),
        (SCREEN.astype(np.int32), None, OUT, TypeError, "last.*int32"),
        (SCREEN, SCREEN.T, OUT, ValueError, "previous.*contiguous"),
        (SCREEN, "frame", OUT, TypeError, "previous.*str"),
        (SCREEN, None, OUT[None], ValueError, r"out.*\(84, 84\).*\(1, 84, 84\)"),
        (SCREEN, None, None, TypeError, "out.*NoneType"),
        (SCREEN, None, SCREEN.reshape(-1)[:7056].reshape(84, 84), ValueError, "shares memory"),
    ],
)
def test_bad_arrays_are_refused_before_anything_is_written(last, previous, out, error, message):
    OUT[:] = 5
    with pytest.raises(error, match=message):
        AtariPreprocessor(order="gymnasium").process(last, previous, out)
    assert (OUT == 5).all()
