"""The emulator beside the wrapper chains that it replaces, step for step."""

from collections.abc import Callable
from typing import Any

import ale_py
import cv2
import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation, RecordEpisodeStatistics
from stable_baselines3.common.atari_wrappers import (
    AtariWrapper,
    ClipRewardEnv,
    EpisodicLifeEnv,
    FireResetEnv,
    MaxAndSkipEnv,
    NoopResetEnv,
)

from framering.atari.emulator import AtariEmulator
from framering.atari.registry import settings_for
from framering.atari.settings import AtariSettings

gymnasium.register_envs(ale_py)

# Steps to compare of each game.
STEPS = {
    "Breakout": 5000,
    "Pong": 5000,
    "SpaceInvaders": 2000,
    "Seaquest": 2000,
    "MsPacman": 2000,
    "BeamRider": 2000,
    "Qbert": 2000,
    "Enduro": 2000,
}


class CleanRLFrames(gymnasium.ObservationWrapper[Any, Any, Any]):
    """CleanRL's ResizeObservation and GrayScaleObservation of gymnasium 0.29, which are cv2's."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0, 255, (84, 84), np.uint8)

    def observation(self, observation: Any) -> Any:
        resized = cv2.resize(observation, (84, 84), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY)


class DropLastAxis(gymnasium.ObservationWrapper[Any, Any, Any]):
    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0, 255, (84, 84), np.uint8)

    def observation(self, observation: Any) -> Any:
        return observation[..., 0]


def cleanrl_chain(env_id: str, **make: Any) -> gymnasium.Env[Any, Any]:
    env = RecordEpisodeStatistics(gymnasium.make(env_id, **make))
    env = EpisodicLifeEnv(MaxAndSkipEnv(NoopResetEnv(env, noop_max=30), skip=4))
    if "FIRE" in env.unwrapped.get_action_meanings():
        env = FireResetEnv(env)
    return FrameStackObservation(CleanRLFrames(ClipRewardEnv(env)), 4)


def sb3_chain(env_id: str, **make: Any) -> gymnasium.Env[Any, Any]:
    env = RecordEpisodeStatistics(gymnasium.make(env_id, **make))
    return FrameStackObservation(DropLastAxis(AtariWrapper(env)), 4)


def gymnasium_chain(env_id: str, **wrapper: Any) -> gymnasium.Env[Any, Any]:
    env = RecordEpisodeStatistics(gymnasium.make(env_id))
    return FrameStackObservation(AtariPreprocessing(env, **wrapper), 4)


class StackedEmulator:
    """Our emulator with a stack that a reset fills with copies, to compare whole observations."""

    def __init__(self, settings: AtariSettings) -> None:
        self.emulator = AtariEmulator(settings)
        self._frame = np.empty(settings.frame_shape, np.uint8)
        self._stack = np.empty((4, *settings.frame_shape), np.uint8)

    def reset(self, seed: int | None = None) -> Any:
        self.emulator.reset(self._frame, seed)
        self._stack[:] = self._frame
        return self._stack

    def step(self, action: int) -> Any:
        step = self.emulator.step(action, self._frame)
        self._stack[:-1] = self._stack[1:].copy()
        self._stack[-1] = self._frame
        return self._stack, *step


def assert_same_trajectory(
    reference: gymnasium.Env[Any, Any], settings: AtariSettings, steps: int, seed: int = 7
) -> int:
    """Step both with the same random actions; return the number of episodes that ended."""
    ours = StackedEmulator(settings)
    draws = np.random.default_rng(seed)
    ended = 0
    np.testing.assert_array_equal(ours.reset(seed), reference.reset(seed=seed)[0])
    for step in range(steps):
        action = int(draws.integers(ours.emulator.num_actions))
        observation, *outcome, info = reference.step(action)
        our_observation, *our_outcome = ours.step(action)
        assert our_outcome == outcome, step
        np.testing.assert_array_equal(our_observation, observation, err_msg=str(step))
        game = ours.emulator.finished_game
        if "episode" in info:
            assert game is not None
            assert game[:2] == (info["episode"]["r"], info["episode"]["l"])
        elif settings.order != "gymnasium":
            assert game is None
        if outcome[1] or outcome[2]:
            ended += 1
            np.testing.assert_array_equal(ours.reset(), reference.reset()[0])
    reference.close()
    return ended


@pytest.mark.parametrize(("game", "steps"), STEPS.items())
def test_cleanrl_order_is_exact(game: str, steps: int) -> None:
    env_id = f"{game}NoFrameskip-v4"
    assert_same_trajectory(cleanrl_chain(env_id), settings_for(env_id), steps)


@pytest.mark.parametrize("game", STEPS)
def test_sb3_order_is_exact(game: str) -> None:
    env_id = f"{game}NoFrameskip-v4"
    assert_same_trajectory(sb3_chain(env_id), settings_for(env_id, order="sb3"), 1000)


def gymnasium_settings(env_id: str, **flags: Any) -> AtariSettings:
    plain = {"terminal_on_life_loss": False, "fire_reset": False, "clip_reward": False}
    return settings_for(env_id, order="gymnasium", **{**plain, **flags})


@pytest.mark.parametrize(("game", "steps"), STEPS.items())
def test_gymnasium_order_is_exact(game: str, steps: int) -> None:
    env_id = f"{game}NoFrameskip-v4"
    assert_same_trajectory(gymnasium_chain(env_id), gymnasium_settings(env_id), steps)


@pytest.mark.parametrize("game", ["Breakout", "Qbert", "Seaquest"])
def test_gymnasium_life_loss_is_exact(game: str) -> None:
    env_id = f"{game}NoFrameskip-v4"
    ended = assert_same_trajectory(
        gymnasium_chain(env_id, terminal_on_life_loss=True),
        gymnasium_settings(env_id, terminal_on_life_loss=True),
        1500,
    )
    # Enough that some end on the last frame of a skip, where Gymnasium pools three screens.
    assert ended >= 10


@pytest.mark.parametrize(
    ("wrapper", "flags"),
    [
        ({"frame_skip": 1}, {"frame_skip": 1}),
        ({"frame_skip": 2}, {"frame_skip": 2}),
        ({"frame_skip": 7, "noop_max": 0}, {"frame_skip": 7, "noop_max": 0}),
        ({"screen_size": (64, 96)}, {"screen_size": (64, 96)}),
        ({"grayscale_obs": False}, {"grayscale": False}),
    ],
    ids=str,
)
def test_gymnasium_arguments_are_exact(wrapper: dict[str, Any], flags: dict[str, Any]) -> None:
    env_id = "BreakoutNoFrameskip-v4"
    settings = gymnasium_settings(env_id, terminal_on_life_loss=True, **flags)
    reference = gymnasium_chain(env_id, terminal_on_life_loss=True, **wrapper)
    assert_same_trajectory(reference, settings, 300)


def test_sticky_actions_are_exact() -> None:
    env_id = "SpaceInvadersNoFrameskip-v4"
    reference = cleanrl_chain(env_id, repeat_action_probability=0.25)
    settings = settings_for(env_id, repeat_action_probability=0.25)
    assert_same_trajectory(reference, settings, 1000)


def test_full_action_space_is_exact() -> None:
    env_id = "PongNoFrameskip-v4"
    reference = cleanrl_chain(env_id, full_action_space=True)
    settings = settings_for(env_id, full_action_space=True)
    assert AtariEmulator(settings).num_actions == 18
    assert_same_trajectory(reference, settings, 300)


@pytest.mark.parametrize("limit", [201, 202, 203, 204])
def test_truncation_is_exact(limit: int) -> None:
    """The frame limit is at each frame of a skip; the last screens of the reference are stale."""
    env_id = "PongNoFrameskip-v4"
    for chain, settings in (
        (cleanrl_chain, settings_for(env_id, max_num_frames_per_episode=limit)),
        (sb3_chain, settings_for(env_id, order="sb3", max_num_frames_per_episode=limit)),
    ):
        reference = chain(env_id, max_num_frames_per_episode=limit)
        assert assert_same_trajectory(reference, settings, 300) >= 4
    reference = FrameStackObservation(
        AtariPreprocessing(gymnasium.make(env_id, max_num_frames_per_episode=limit)), 4
    )
    settings = gymnasium_settings(env_id, max_num_frames_per_episode=limit)
    assert assert_same_trajectory(reference, settings, 300) >= 4


@pytest.mark.parametrize("limit", [12, 33, 36])
@pytest.mark.parametrize("order", ["cleanrl", "sb3"])
def test_games_that_end_within_a_reset_are_exact(order: Any, limit: int) -> None:
    """The frame limit ends games within their no-ops, when FIRE is pressed, and just after."""
    chain = {"cleanrl": cleanrl_chain, "sb3": sb3_chain}[order]
    reference = chain("BreakoutNoFrameskip-v4", max_num_frames_per_episode=limit)
    settings = settings_for("BreakoutNoFrameskip-v4", order=order, max_num_frames_per_episode=limit)
    assert assert_same_trajectory(reference, settings, 150) >= 30


def test_a_last_life_without_game_over_goes_on() -> None:
    """Frogger has no lives for some frames before ALE reports the end of the game."""
    reference = cleanrl_chain("ALE/Frogger-v5", frameskip=1, repeat_action_probability=0.0)
    settings = settings_for("ALE/Frogger-v5", repeat_action_probability=0.0)
    assert_same_trajectory(reference, settings, 1500)


def test_registered_games_are_truncated_after_108000_frames() -> None:
    settings = settings_for("PongNoFrameskip-v4")
    assert settings.max_num_frames_per_episode == 108_000


def test_a_game_without_fire_needs_none() -> None:
    env_id = "FreewayNoFrameskip-v4"
    assert "FIRE" not in AtariEmulator(settings_for(env_id)).action_meanings
    assert_same_trajectory(cleanrl_chain(env_id), settings_for(env_id), 300)


def test_a_pal_game_is_exact() -> None:
    env_id = "AirRaidNoFrameskip-v4"
    assert_same_trajectory(cleanrl_chain(env_id), settings_for(env_id), 300)
    assert_same_trajectory(gymnasium_chain(env_id), gymnasium_settings(env_id), 300)


def test_stochastic_frame_skip_draws_from_its_range() -> None:
    emulator = AtariEmulator(settings_for("Breakout-v4"))
    frame = np.empty((84, 84), np.uint8)
    emulator.reset(frame, seed=1)
    counts = set()
    for _ in range(50):
        before = emulator.frame_number
        emulator.step(0, frame)
        counts.add(emulator.frame_number - before)
    assert counts == {2, 3, 4}


def test_a_seed_repeats_a_game_at_any_time() -> None:
    emulator = AtariEmulator(settings_for("ALE/Breakout-v5"))

    def play() -> list[bytes]:
        frame = np.empty((84, 84), np.uint8)
        emulator.reset(frame, seed=3)
        frames = [frame.tobytes()]
        for step in range(60):
            emulator.step(step % 4, frame)
            frames.append(frame.tobytes())
        return frames

    assert play() == play()


def test_only_the_given_array_is_written() -> None:
    emulator = AtariEmulator(AtariSettings("pong"))
    block = np.full((3, 84, 84), 77, np.uint8)
    emulator.reset(block[1], seed=1)
    emulator.step(0, block[1])
    assert (block[[0, 2]] == 77).all()
    assert (block[1] != 77).any()


@pytest.mark.parametrize("action", [-1, 6])
def test_an_action_out_of_range_changes_nothing(action: int) -> None:
    emulator = AtariEmulator(AtariSettings("pong"))
    frame = np.empty((84, 84), np.uint8)
    emulator.reset(frame, seed=1)
    before = emulator.frame_number
    with pytest.raises(ValueError, match=r"action: expected an index in \[0, 6\) for pong, got"):
        emulator.step(action, frame)
    assert emulator.frame_number == before


def test_an_unknown_game_is_refused() -> None:
    with pytest.raises(ValueError, match=r"game: expected a ROM of ale_py .*, got 'pongg'"):
        AtariEmulator(AtariSettings("pongg"))


def test_a_game_that_has_no_noop_is_refused() -> None:
    with pytest.raises(ValueError, match="first action is NOOP, got backgammon with FIRE"):
        AtariEmulator(AtariSettings("backgammon"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"order": "envpool"}, "order: expected one of"),
        ({"frame_skip": 0}, "frame_skip: expected an integer in"),
        ({"frame_skip": (3, 3)}, "frame_skip: expected a range"),
        ({"noop_max": -1}, "noop_max: expected an integer in"),
        ({"screen_size": (84, 0)}, "screen_size: expected an integer in"),
        ({"repeat_action_probability": 1.5}, r"expected a number in \[0, 1\], got 1.5"),
        ({"max_num_frames_per_episode": -1}, "max_num_frames_per_episode: expected an integer in"),
        ({"grayscale": False}, "RGB frames need order='gymnasium'"),
    ],
    ids=lambda value: str(value),
)
def test_settings_out_of_range_are_refused(flags: Callable[..., Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AtariSettings("pong", **flags)
