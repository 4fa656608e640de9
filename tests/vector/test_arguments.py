"""Arguments of AtariVectorEnv that do not fit: one clear error, and nothing has changed."""

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary

from framering import AtariVectorEnv, ReplayBuffer

BREAKOUT = "BreakoutNoFrameskip-v4"
STACKS = Box(0, 255, (4, 84, 84), np.uint8)

ODD_VALUES = [
    None,
    True,
    -1,
    0,
    10**30,
    -(2**63),
    1.5,
    math.nan,
    math.inf,
    "x",
    "",
    "two\nlines",
    b"x",
    [],
    [1, [2, 3]],
    (0, 0),
    (84, 10**6),
    (5, 2),
    {},
    object(),
    AtariVectorEnv,
    np.array([1, 2, 3]),
    np.array(math.nan),
    np.float32(0.5),
    np.int64(2),
]
ARGUMENTS = [
    "env_id",
    "num_envs",
    "num_workers",
    "replay",
    "order",
    "frame_skip",
    "noop_max",
    "terminal_on_life_loss",
    "fire_reset",
    "clip_reward",
    "screen_size",
    "stack_size",
    "grayscale_obs",
    "repeat_action_probability",
    "full_action_space",
    "max_num_frames_per_episode",
    "mode",
    "difficulty",
    "autoreset_mode",
    "copy",
    "record_statistics",
    "render_mode",
]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_odd_argument_works_or_is_named_in_one_line(name: str) -> None:
    for value in ODD_VALUES:
        # Short games: a huge frame skip lasts for a whole one.
        short = {"max_num_frames_per_episode": 300}
        arguments = {"env_id": BREAKOUT, "num_workers": 0, **short, name: value}
        try:
            envs = AtariVectorEnv(**arguments)
        except (TypeError, ValueError) as error:
            message = str(error)
            assert "\n" not in message
            assert len(message) < 400
            named = "registered environment" if name == "env_id" else name.removesuffix("_obs")
            assert named in message or "env_id: expected" in message
        else:
            envs.reset(seed=1)
            envs.step(np.zeros(envs.num_envs, np.int64))
            envs.close()


@pytest.mark.parametrize("stack_size", [1, 2, 8, 33])
def test_any_stack_size_has_the_frames_of_the_reference(stack_size: int) -> None:
    envs = AtariVectorEnv(
        BREAKOUT, 1, 0, stack_size=stack_size, autoreset_mode="SameStep", noop_max=1
    )
    single = AtariVectorEnv(BREAKOUT, 1, 0, stack_size=1, autoreset_mode="SameStep", noop_max=1)
    stack = np.repeat(single.reset(seed=1)[0], stack_size, axis=1)
    np.testing.assert_array_equal(envs.reset(seed=1)[0], stack)
    draws = np.random.default_rng(0)
    ended = 0
    while ended < 2:
        action = draws.integers(4, size=1)
        frame, _, terminations, _, infos = single.step(action)
        observations, *_, got = envs.step(action)
        if terminations[0]:
            ended += 1
            final = np.append(stack[0, 1:], infos["final_obs"][0], axis=0)
            np.testing.assert_array_equal(got["final_obs"][0], final)
            stack = np.repeat(frame, stack_size, axis=1)
        else:
            stack = np.append(stack[:, 1:], frame, axis=1)
        np.testing.assert_array_equal(observations, stack)


def test_numpy_numbers_and_lists_reach_the_workers() -> None:
    envs = AtariVectorEnv(
        BREAKOUT,
        np.int64(2),
        np.int32(1),
        frame_skip=[2, 5],
        screen_size=[np.int64(64), 48],
        noop_max=np.uint8(3),
        repeat_action_probability=np.float32(0.25),
        clip_reward=np.bool_(True),
    )
    assert envs.reset(seed=1)[0].shape == (2, 4, 48, 64)
    envs.close()


# Some of the buffers that are refused have frames with as many bytes as this one's.
FITTING: dict[str, Any] = {
    "observation_space": Box(0, 255, (4, 60, 84), np.uint8),
    "action_space": Discrete(4),
    "n_envs": 2,
    "frame_stack": 4,
}


@pytest.mark.parametrize(
    "arguments",
    [
        {"observation_space": Box(0, 255, (4, 84, 60), np.uint8)},
        {"observation_space": Box(0, 255, (4, 60, 84, 1), np.uint8), "frame_stack": 4},
        {"observation_space": Box(0, 1, (4, 21, 60), np.float32), "frame_stack": 4},
        {"observation_space": MultiBinary((4, 84, 60)), "frame_stack": 4},
        {"action_space": Box(0, 3, (1,), np.int64)},
        {"action_space": Box(-1, 1, (2,), np.float32)},
        {"action_space": Discrete(6)},
        {"action_space": Discrete(4, start=1)},
        {"action_space": Discrete(4, dtype=np.int32)},
        {"frame_stack": 2},
        {"n_envs": 3},
    ],
    ids=str,
)
def test_a_replay_buffer_for_other_environments_is_refused(arguments: dict[str, Any]) -> None:
    replay = ReplayBuffer(100, device="cpu", **{**FITTING, **arguments})
    with pytest.raises(ValueError, match=r"^replay: expected n_envs=2, .* got .*; make it with"):
        AtariVectorEnv(BREAKOUT, 2, 0, replay=replay, screen_size=(84, 60))


def test_a_replay_buffer_for_these_environments_is_accepted() -> None:
    envs = AtariVectorEnv(
        BREAKOUT, 2, 0, replay=ReplayBuffer(100, device="cpu", **FITTING), screen_size=(84, 60)
    )
    envs.reset()


def test_an_object_that_is_no_replay_buffer_is_refused() -> None:
    with pytest.raises(TypeError, match="replay: expected a ReplayBuffer, got"):
        AtariVectorEnv(BREAKOUT, 2, 0, replay=object())


def test_a_replay_buffer_in_private_memory_is_refused_for_workers() -> None:
    replay = ReplayBuffer(100, STACKS, Discrete(4), "cpu", n_envs=2)
    with pytest.raises(ValueError, match="make it with shared=True"):
        AtariVectorEnv(BREAKOUT, 2, 2, replay=replay)


@pytest.mark.parametrize("num_workers", [-1, 3])
def test_more_workers_than_games_are_refused(num_workers: int) -> None:
    with pytest.raises(ValueError, match=r"num_workers: expected an integer in \[0, 2\]"):
        AtariVectorEnv(BREAKOUT, 2, num_workers)


@pytest.mark.parametrize("name", ["mode", "difficulty"])
def test_a_mode_or_difficulty_that_the_game_lacks_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: expected one of \[0, "):
        AtariVectorEnv("PongNoFrameskip-v4", 1, 0, **{name: 99})


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("actions", "expected", "message"),
    [
        ([0, 4], ValueError, r"actions: expected integers in \[0, 4\), got \[0, 4\]"),
        ([-1, 0], ValueError, "expected integers in"),
        ([2**62, 0], ValueError, "expected integers in"),
        (np.array([2**64 - 1, 0], np.uint64), ValueError, "expected integers in"),
        ([0], ValueError, r"expected shape \(2,\)"),
        ([[0, 1]], ValueError, r"expected shape \(2,\)"),
        ([[0, 1], [2]], ValueError, r"expected shape \(2,\)"),
        ([], TypeError, "expected integers, got float64"),
        (1, ValueError, r"expected shape \(2,\)"),
        ([0.0, 1.0], TypeError, "expected integers, got float64"),
        ([math.nan, 1], TypeError, "expected integers, got float64"),
        ([True, False], TypeError, "expected integers, got bool"),
        ([10**30, 0], TypeError, "expected integers, got object"),
        (None, TypeError, "expected integers, got object"),
        ("ab", TypeError, "expected integers"),
        (Unprintable(), TypeError, "expected integers, got object"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Unprintable) else str(value),
)
def test_odd_actions_change_nothing(actions: Any, expected: type[Exception], message: str) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 0)
    _, before = envs.reset(seed=0)
    with pytest.raises(expected, match=f"^actions: .*{message.removeprefix('actions: ')}"):
        envs.step(actions)
    *_, after = envs.step(np.zeros(2, int))
    assert (after["frame_number"] == before["frame_number"] + 4).all()


@pytest.mark.parametrize(
    ("call", "expected", "message"),
    [
        ({"seed": [1]}, ValueError, "seed: expected one for each of 2 games, got 1"),
        ({"seed": -1}, ValueError, "seed: expected an integer in"),
        ({"seed": 2**64 - 1}, ValueError, "seed: expected an integer in"),
        ({"seed": 10**30}, ValueError, "seed: expected an integer in"),
        ({"seed": 1.5}, TypeError, "seed: expected None, an integer or a sequence, got 1.5"),
        ({"seed": [1.5, 2]}, TypeError, "seed: expected an integer, got 1.5"),
        ({"seed": [math.nan, 2]}, TypeError, "seed: expected an integer, got nan"),
        ({"seed": "ab"}, TypeError, "seed: expected None"),
        ({"seed": {0: 1, 1: 2}}, TypeError, "seed: expected None"),
        ({"seed": np.ones((2, 2), int)}, TypeError, "seed: expected an integer"),
        ({"options": 5}, TypeError, "options: expected a dict, got 5"),
        ({"options": {"reset_mask": [True, False]}}, TypeError, "expected a NumPy array of bool"),
        ({"options": {"reset_mask": np.ones(2)}}, TypeError, "got float64"),
        ({"options": {"reset_mask": np.ones(3, bool)}}, ValueError, r"expected shape \(2,\)"),
        ({"options": {"reset_mask": np.zeros(2, bool)}}, ValueError, "got only False"),
    ],
    ids=str,
)
def test_odd_resets_change_nothing(
    call: dict[str, Any], expected: type[Exception], message: str
) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 0)
    _, before = envs.reset(seed=0)
    with pytest.raises(expected, match=message):
        envs.reset(**call)
    *_, after = envs.step(np.zeros(2, int))
    assert (after["frame_number"] == before["frame_number"] + 4).all()


def test_the_largest_seed_is_accepted() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 0)
    envs.reset(seed=2**64 - 2)
    envs.reset(seed=[None, np.uint64(2**64 - 1)])


def test_games_are_saved_only_after_a_reset() -> None:
    envs = AtariVectorEnv(BREAKOUT, 1, 0)
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset first"):
        envs.save_games()
