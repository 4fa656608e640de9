"""framering.AtariPreprocessing beside Gymnasium's, argument for argument."""

import copy
import inspect
import pickle
from typing import Any

import ale_py
import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from framering import AtariPreprocessing

gymnasium.register_envs(ale_py)

BREAKOUT = "BreakoutNoFrameskip-v4"


def both(env_id: str = BREAKOUT, **arguments: Any) -> tuple[Any, Any]:
    reference = gymnasium.wrappers.AtariPreprocessing(gymnasium.make(env_id), **arguments)
    return AtariPreprocessing(gymnasium.make(env_id), **arguments), reference


def assert_same(one: Any, other: Any) -> None:
    np.testing.assert_array_equal(one[0], other[0])
    assert one[0].dtype == other[0].dtype
    assert one[1:] == other[1:]


def assert_same_steps(ours: Any, reference: Any, steps: int) -> int:
    assert ours.observation_space == reference.observation_space
    ours_reset, reference_reset = ours.reset(seed=4), reference.reset(seed=4)
    assert_same(ours_reset, reference_reset)
    draws = np.random.default_rng(2)
    ended = 0
    for _ in range(steps):
        action = int(draws.integers(ours.action_space.n))
        got = ours.step(action)
        assert_same(got, reference.step(action))
        assert (ours.lives, ours.game_over) == (reference.lives, reference.game_over)
        if got[2] or got[3]:
            ended += 1
            assert_same(ours.reset(), reference.reset())
    return ended


def test_the_signature_is_gymnasiums() -> None:
    def arguments(cls: Any) -> list[tuple[str, Any]]:
        parameters = inspect.signature(cls.__init__).parameters.values()
        return [(one.name, one.default) for one in parameters]

    assert arguments(AtariPreprocessing) == arguments(gymnasium.wrappers.AtariPreprocessing)


@pytest.mark.parametrize("game", ["Breakout", "Pong", "SpaceInvaders", "MsPacman", "Qbert"])
def test_defaults_are_exact(game: str) -> None:
    assert_same_steps(*both(f"{game}NoFrameskip-v4"), steps=1000)


@pytest.mark.parametrize(
    "arguments",
    [
        {"terminal_on_life_loss": True},
        {"frame_skip": 1, "terminal_on_life_loss": True},
        {"frame_skip": 2, "noop_max": 0},
        {"screen_size": 96, "grayscale_newaxis": True},
        {"screen_size": (64, 128), "grayscale_obs": False, "terminal_on_life_loss": True},
        {"grayscale_obs": False, "grayscale_newaxis": True},
        {"scale_obs": True, "grayscale_newaxis": True},
        {"scale_obs": True, "grayscale_obs": False},
    ],
    ids=str,
)
def test_arguments_are_exact(arguments: dict[str, Any]) -> None:
    ended = assert_same_steps(*both(**arguments), steps=400)
    if "terminal_on_life_loss" in arguments:
        assert ended >= 3


def test_wrappers_in_between_are_stepped_through() -> None:
    def wrapped() -> gymnasium.Env[Any, Any]:
        env = gymnasium.wrappers.TimeLimit(gymnasium.make(BREAKOUT), max_episode_steps=403)
        return gymnasium.wrappers.RecordEpisodeStatistics(env)

    ours = AtariPreprocessing(wrapped())
    reference = gymnasium.wrappers.AtariPreprocessing(wrapped())
    ours.reset(seed=4)
    reference.reset(seed=4)
    lengths = []
    for _ in range(400):
        *got, info = ours.step(1)
        *expected, expected_info = reference.step(1)
        assert_same(got, expected)
        assert ("episode" in info) == ("episode" in expected_info)
        if "episode" in info:
            lengths.append(info["episode"]["l"])
            assert info["episode"]["l"] == expected_info["episode"]["l"]
            assert_same(ours.reset(), reference.reset())
    assert len(lengths) >= 3


def test_a_frame_skip_of_the_environments_own_is_left_to_it() -> None:
    ours = AtariPreprocessing(gymnasium.make("ALE/Pong-v5"), frame_skip=1)
    reference = gymnasium.wrappers.AtariPreprocessing(gymnasium.make("ALE/Pong-v5"), frame_skip=1)
    assert_same_steps(ours, reference, steps=100)


def test_truncation_is_exact() -> None:
    def limited() -> gymnasium.Env[Any, Any]:
        return gymnasium.make("PongNoFrameskip-v4", max_num_frames_per_episode=203)

    ours = AtariPreprocessing(limited())
    reference = gymnasium.wrappers.AtariPreprocessing(limited())
    assert assert_same_steps(ours, reference, steps=300) >= 4


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        ({}, {"frame_skip": 0}),
        ({}, {"screen_size": 0}),
        ({}, {"screen_size": (84, -1)}),
        ({}, {"screen_size": (84, 84, 3)}),
        ({}, {"screen_size": 84.0}),
        ({}, {"noop_max": -1}),
        ({"frameskip": 4}, {}),
        ({"obs_type": "ram", "sound_obs": True}, {}),
    ],
    ids=str,
)
def test_wrong_arguments_raise_the_errors_of_gymnasiums_wrapper(
    make: dict[str, Any], arguments: dict[str, Any]
) -> None:
    env = gymnasium.make(BREAKOUT, **make)
    with pytest.raises((ValueError, TypeError)) as expected:
        gymnasium.wrappers.AtariPreprocessing(env, **arguments)
    with pytest.raises(expected.type) as got:
        AtariPreprocessing(env, **arguments)
    # Ours may say more, after the same beginning.
    assert str(got.value)[:40] == str(expected.value)[:40]


def test_a_first_action_that_is_no_noop_is_refused() -> None:
    env = gymnasium.make("ALE/Backgammon-v5", frameskip=1)
    with pytest.raises(ValueError, match="the first action meaning must be 'NOOP'"):
        AtariPreprocessing(env)


def test_a_step_before_reset_is_an_error() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        AtariPreprocessing(gymnasium.make(BREAKOUT)).step(0)


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_it_passes_gymnasiums_checks() -> None:
    env = gymnasium.make(BREAKOUT, render_mode="rgb_array")
    check_env(AtariPreprocessing(env), skip_render_check=False)


def test_it_is_recorded_in_the_spec() -> None:
    env = AtariPreprocessing(gymnasium.make(BREAKOUT), screen_size=64)
    again = gymnasium.make(env.spec)
    assert isinstance(again, AtariPreprocessing)
    assert again.observation_space.shape == (64, 64)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_it_can_be_copied_and_pickled(duplicate: Any) -> None:
    env = AtariPreprocessing(gymnasium.make(BREAKOUT))
    twin = duplicate(env)
    np.testing.assert_array_equal(env.reset(seed=1)[0], twin.reset(seed=1)[0])
    np.testing.assert_array_equal(env.step(1)[0], twin.step(1)[0])
