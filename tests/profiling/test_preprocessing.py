import numpy as np
import pytest

from framering.atari.registry import settings_for
from framering.profiling import preprocessing


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preprocessing, "_ROUNDS", 2)
        return preprocessing.profile_preprocessing("PongNoFrameskip-v4", 30)


def test_each_stage_is_compared_with_copying_as_many_bytes(found):
    stages = {stage.name: stage.nbytes for stage in found.stages}

    assert stages["fused, as it changes"] == stages["fused, all rows changed"] == 2 * 210 * 160
    assert stages["gather a stack"] == 4 * 84 * 84
    for stage in found.stages:
        assert found.times.ratio(stage.name, stage.copied).median > 0


def test_changed_rows_are_counted(monkeypatch):
    black = np.zeros((210, 160), np.uint8)
    other = black.copy()
    other[3, 5] = other[7, 9] = 2
    screens = [preprocessing._Screens(black, black), preprocessing._Screens(black, other)]

    facts = preprocessing._facts(screens)
    assert facts["rows of a screen"] == 210
    assert facts["rows changed from one step to the next"] == 2
    assert facts["share of rows equal in both screens of a step"] == pytest.approx(1 - 1 / 210)


def test_the_recorded_screens_are_the_last_two_of_each_skip():
    settings = settings_for("PongNoFrameskip-v4", order="cleanrl")
    recorded = list(preprocessing._play(settings, 5))

    console = preprocessing.Console(settings)
    console.load(1)
    ale, actions = console.ale, console.actions()
    ale.reset_game()
    for pair, action in zip(
        recorded, np.random.default_rng(1).integers(len(actions), size=5), strict=True
    ):
        screens = []
        for _ in range(4):
            ale.act(actions[action])
            screens.append(ale.getScreen())
        np.testing.assert_array_equal(pair.older, screens[2])
        np.testing.assert_array_equal(pair.newer, screens[3])
