import numpy as np

from framering.reporting.distributions import DistributionView

BARS, CHOSEN, MEAN = (90, 110, 150), (240, 180, 60), (255, 255, 255)


class Screen:
    def render(self):
        return (np.full((210, 160, 3), 7, np.uint8),)


def panel(returns, probabilities):
    view = DistributionView(Screen())
    view.show(np.array(returns, np.float32), np.array(probabilities, np.float32))
    (image,) = view.render()
    assert image.shape == (210, 320, 3)
    assert (image[:, :160] == 7).all()
    return image[:, 160:]


def columns_with(part, color):
    return np.flatnonzero((part == color).all(axis=2).any(axis=0)).tolist()


def test_each_action_has_a_row_and_the_best_one_is_coloured():
    atoms = [0.0, 1.0, 2.0, 3.0]
    picture = panel([atoms, atoms], [[1, 0, 0, 0], [0, 0, 0, 1]])
    upper, lower = picture[:105], picture[105:]

    # The returns that were predicted go from 0 to 3: the first bar and the last of forty.
    assert columns_with(upper, BARS) == [1, 2, 3]
    assert columns_with(upper, MEAN) == [0]
    assert columns_with(lower, CHOSEN) == [156, 157, 158]
    assert columns_with(lower, MEAN) == [159]


def test_a_bar_is_as_high_as_its_share_of_the_highest():
    picture = panel([[0.0, 1.0, 2.0]], [[0.5, 0.25, 0.25]])

    heights = (picture == CHOSEN).all(axis=2).sum(axis=0)
    assert heights[2] == 207
    assert heights[158] == 103


def test_the_range_grows_with_what_was_predicted():
    view = DistributionView(Screen())
    ones = np.ones((1, 2), np.float32) / 2
    view.show(np.array([[0.0, 10.0]], np.float32), ones)
    view.show(np.array([[0.0, 5.0]], np.float32), ones)

    (image,) = view.render()

    assert columns_with(image[:, 160:], MEAN) == [int(0.25 * 159)]


def test_there_is_nothing_to_draw_before_the_first_prediction():
    (image,) = DistributionView(Screen()).render()

    assert len(np.unique(image[:, 160:].reshape(-1, 3), axis=0)) == 1
