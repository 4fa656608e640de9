"""AtariVectorEnv against Gymnasium's SyncVectorEnv over CleanRL's wrappers."""

from pathlib import Path
from typing import Any

import ale_py
import cv2
import gymnasium
import gymnasium.wrappers.vector as vector_wrappers
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from gymnasium.utils import env_checker, passive_env_checker, performance
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation, RecordEpisodeStatistics
from stable_baselines3.common.atari_wrappers import (
    ClipRewardEnv,
    EpisodicLifeEnv,
    FireResetEnv,
    MaxAndSkipEnv,
    NoopResetEnv,
)

from framering import AtariVectorEnv, ReplayBuffer

gymnasium.register_envs(ale_py)

BREAKOUT = "BreakoutNoFrameskip-v4"


def cleanrl_env() -> gymnasium.Env[Any, Any]:
    env = RecordEpisodeStatistics(gymnasium.make(BREAKOUT))
    env = FireResetEnv(EpisodicLifeEnv(MaxAndSkipEnv(NoopResetEnv(env, noop_max=30), skip=4)))
    frames = gymnasium.wrappers.TransformObservation(
        ClipRewardEnv(env),
        lambda rgb: cv2.cvtColor(
            cv2.resize(rgb, (84, 84), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
        ),
        gymnasium.spaces.Box(0, 255, (84, 84), np.uint8),
    )
    return FrameStackObservation(frames, 4)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_steps_are_those_of_gymnasiums_vector_env(mode: AutoresetMode) -> None:
    reference = SyncVectorEnv([cleanrl_env] * 3, autoreset_mode=mode)
    ours = AtariVectorEnv(BREAKOUT, 3, 0, autoreset_mode=mode)
    assert ours.single_observation_space == reference.single_observation_space
    assert ours.observation_space == reference.observation_space
    assert ours.action_space == reference.action_space
    assert ours.metadata["autoreset_mode"] is mode
    np.testing.assert_array_equal(ours.reset(seed=5)[0], reference.reset(seed=5)[0])
    draws = np.random.default_rng(0)
    ended = games = 0
    for _ in range(600):
        actions = draws.integers(4, size=3)
        *expected, expected_infos = reference.step(actions)
        *got, infos = ours.step(actions)
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
        ended += (got[2] | got[3]).sum()
        if mode is AutoresetMode.SAME_STEP:
            assert ("final_obs" in infos) == ("final_obs" in expected_infos)
        if "final_obs" in expected_infos:
            compare_final(infos, expected_infos)
        final = expected_infos.get("final_info", expected_infos)
        assert ("_episode" in infos) == ("_episode" in final)
        if "_episode" in final:
            games += final["_episode"].sum()
            np.testing.assert_array_equal(infos["_episode"], final["_episode"])
            for key in ("r", "l"):
                np.testing.assert_array_equal(infos["episode"][key], final["episode"][key])
            assert (infos["episode"]["t"][infos["_episode"]] > 0).all()
    assert ended >= 30
    assert games >= 5
    reference.close()
    ours.close()


def compare_final(infos: dict[str, Any], expected: dict[str, Any]) -> None:
    np.testing.assert_array_equal(infos["_final_obs"], expected["_final_obs"])
    np.testing.assert_array_equal(infos["_final_info"], expected["_final_info"])
    for obs, expected_obs in zip(infos["final_obs"], expected["final_obs"], strict=True):
        assert (obs is None) == (expected_obs is None)
        if obs is not None:
            np.testing.assert_array_equal(obs, expected_obs)
    for key in ("lives", "frame_number", "episode_frame_number"):
        for name in (key, f"_{key}"):
            np.testing.assert_array_equal(infos["final_info"][name], expected["final_info"][name])


def test_disabled_autoreset_resets_by_mask() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 0, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = envs.reset(seed=0)
    draws = np.random.default_rng(0)
    ended = np.zeros(2, bool)
    while not ended.any() or ended.all():
        observations, _, terminations, truncations, _ = envs.step(draws.integers(4, size=2))
        ended = terminations | truncations
        if ended.all():
            observations, _ = envs.reset()
    with pytest.raises(gymnasium.error.ResetNeeded, match="have ended"):
        envs.step(np.zeros(2, int))
    after, _ = envs.reset(options={"reset_mask": ended})
    np.testing.assert_array_equal(after[~ended], observations[~ended])
    # A stack after a reset is copies of one frame.
    assert (after[ended] == after[ended][:, :1]).all()
    envs.step(np.zeros(2, int))


def test_transitions_are_in_the_replay_buffers_ring() -> None:
    stacks = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    replay = ReplayBuffer(2000, stacks, gymnasium.spaces.Discrete(4), "cpu", n_envs=2)
    envs = AtariVectorEnv(BREAKOUT, 2, 0, replay=replay, autoreset_mode=AutoresetMode.SAME_STEP)
    draws = np.random.default_rng(3)
    observations, _ = envs.reset(seed=1)
    lanes: list[int] = []
    slots: list[int] = []
    expected = []
    arrivals = replay.ring.published().astype(np.int64)
    for _ in range(200):
        actions = draws.integers(4, size=2)
        after, _, terminations, truncations, infos = envs.step(actions)
        for lane in range(2):
            ended = terminations[lane] or truncations[lane]
            lanes.append(lane)
            slots.append(arrivals[lane])
            final = infos["final_obs"][lane] if ended else after[lane]
            expected.append((observations[lane], final))
            arrivals[lane] += 2 if ended else 1
        np.testing.assert_array_equal(replay.ring.published(), arrivals)
        observations = after
    obs = np.empty((len(lanes), 4, 84, 84), np.uint8)
    next_obs = np.empty_like(obs)
    replay.ring.gather(np.array(lanes), np.array(slots), obs, next_obs)
    np.testing.assert_array_equal(obs, np.stack([before for before, _ in expected]))
    np.testing.assert_array_equal(next_obs, np.stack([after for _, after in expected]))


def test_one_seed_is_expanded_to_consecutive_ones() -> None:
    envs = AtariVectorEnv(BREAKOUT, 3, 0)
    together, _ = envs.reset(seed=10)
    one_by_one, _ = envs.reset(seed=[10, 11, 12])
    np.testing.assert_array_equal(together, one_by_one)
    swapped, _ = envs.reset(seed=[12, 11, 10])
    np.testing.assert_array_equal(swapped, together[::-1])


def test_observations_are_new_arrays_unless_copy_is_false() -> None:
    envs = AtariVectorEnv("PongNoFrameskip-v4", 1, 0)
    first, _ = envs.reset(seed=0)
    second = envs.step(np.array([2]))[0]
    assert not np.shares_memory(first, second)
    assert not np.array_equal(first, second)
    reusing = AtariVectorEnv("PongNoFrameskip-v4", 1, 0, copy=False)
    view, _ = reusing.reset(seed=0)
    np.testing.assert_array_equal(view, first)
    assert reusing.step(np.array([2]))[0] is view
    np.testing.assert_array_equal(view, second)


def address(observations: Any) -> int:
    return int(observations.__array_interface__["data"][0])


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("num_workers", [2, None])
@pytest.mark.parametrize("encoded", [True, False])
def test_lent_observations_are_those_that_the_caller_gathers(
    mode: AutoresetMode, num_workers: int | None, encoded: bool
) -> None:
    spaces = Box(0, 255, (4, 84, 84), np.uint8), Discrete(4)
    replay = ReplayBuffer(3000, *spaces, "numpy", n_envs=3, shared=True) if encoded else None
    lending = AtariVectorEnv(BREAKOUT, 3, num_workers, replay=replay, autoreset_mode=mode)
    gathering = AtariVectorEnv(BREAKOUT, 3, 0, autoreset_mode=mode)
    np.testing.assert_array_equal(lending.reset(seed=5)[0], gathering.reset(seed=5)[0])
    draws = np.random.default_rng(0)
    addresses, ended = set(), 0
    for step in range(300):
        if step == 100:
            np.testing.assert_array_equal(lending.reset()[0], gathering.reset()[0])
        actions = draws.integers(4, size=3)
        got, expected = lending.step(actions), gathering.step(actions)
        for one, other in zip(got[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(one, other)
        if "final_obs" in expected[4]:
            compare_final(got[4], expected[4])
        ended += (expected[2] | expected[3]).sum()
        addresses.add(address(got[0]))
    assert ended >= 10
    # What is given back is lent again: the caller keeps one of a step, and one of that before.
    assert len(addresses) <= 3
    lending.close()
    gathering.close()


@pytest.mark.parametrize("keep", [np.asarray, lambda array: array[1:, 2], torch.from_numpy])
def test_lent_observations_stay_as_long_as_anybody_refers_to_them(keep: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 3, 2)
    envs.reset(seed=1)
    kept, copies, addresses = [], [], set()
    for _ in range(12):
        observations = envs.step(np.array([1, 2, 3]))[0]
        kept.append(keep(observations))
        copies.append(keep(observations.copy()))
        addresses.add(address(observations))
    assert len(addresses) == 12
    del observations
    kept, copies = kept[1:], copies[1:]
    assert address(envs.step(np.array([1, 2, 3]))[0]) in addresses
    envs.close()
    for one, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(one, copy)


def test_colour_observations_have_the_given_size() -> None:
    envs = AtariVectorEnv(
        BREAKOUT, 2, 0, order="gymnasium", grayscale_obs=False, screen_size=(64, 96), stack_size=2
    )
    observations, _ = envs.reset(seed=0)
    assert observations.shape == (2, 2, 96, 64, 3)
    assert observations in envs.observation_space


def test_render_returns_the_consoles_screens() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 0, render_mode="rgb_array")
    envs.reset(seed=0)
    screens = envs.render()
    assert [screen.shape for screen in screens] == [(210, 160, 3)] * 2
    assert AtariVectorEnv(BREAKOUT, 1, 0).render() is None


def test_statistics_can_be_left_to_gymnasiums_wrapper() -> None:
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        AtariVectorEnv(BREAKOUT, 2, 0, terminal_on_life_loss=False, record_statistics=False)
    )
    envs.reset(seed=0)
    draws = np.random.default_rng(0)
    infos: dict[str, Any] = {}
    while "episode" not in infos:
        infos = envs.step(draws.integers(4, size=2))[-1]
    assert infos["episode"]["l"].max() > 10


def test_it_passes_gymnasiums_checks() -> None:
    # One game, as these checks are written for single environments.
    envs = AtariVectorEnv(BREAKOUT, 1, 1)
    env_checker.check_reset_seed_determinism(envs)
    env_checker.check_reset_options(envs)
    env_checker.check_reset_return_type(envs)
    env_checker.check_returned_data_not_reused(envs)
    passive_env_checker.check_space(envs.observation_space, "observation", lambda space: None)
    passive_env_checker.check_obs(envs.reset()[0], envs.observation_space, "reset")
    assert performance.benchmark_vector_step(envs, target_duration=1) > 0
    envs.close()


# Until version 0.1, importing the module registered the ids.
@pytest.mark.parametrize("module", ["", "framering.vector_env:"])
def test_it_is_made_by_make_vec(module: str) -> None:
    envs = gymnasium.make_vec(
        f"{module}framering/Pong-v5", num_envs=2, num_workers=0, clip_reward=False
    )
    assert isinstance(envs, AtariVectorEnv)
    assert envs.spec.id == "framering/Pong-v5"
    assert envs.settings.repeat_action_probability == 0.25
    assert not envs.settings.clip_reward


def test_each_game_of_ale_py_has_its_vector_id() -> None:
    gymnasium.register_envs(ale_py)
    registered = gymnasium.registry.values()
    games = {spec.id for spec in registered if spec.entry_point == "ale_py.env:AtariEnv"}
    ours = {spec.id: spec.kwargs["env_id"] for spec in registered if spec.namespace == "framering"}
    assert set(ours.values()) == games
    assert all(name == f"framering/{ours[name].removeprefix('ALE/')}" for name in ours)


def test_gymnasiums_vector_wrappers_work_around_it(tmp_path: Path) -> None:
    envs: Any = AtariVectorEnv(BREAKOUT, 2, 2, render_mode="rgb_array", record_statistics=False)
    envs = vector_wrappers.RecordEpisodeStatistics(envs)
    videos = tmp_path / "videos"
    envs = vector_wrappers.RecordVideo(envs, str(videos), step_trigger=lambda step: step == 0)
    envs = vector_wrappers.ClipReward(envs, -1, 1)
    envs = vector_wrappers.DtypeObservation(envs, np.float32)
    envs = vector_wrappers.RescaleObservation(envs, 0, 1)
    envs = vector_wrappers.DictInfoToList(envs)
    observations, infos = envs.reset(seed=0)
    assert observations.shape == (2, 4, 84, 84)
    assert 0 < observations.max() <= 1
    for _ in range(60):
        observations, *_, infos = envs.step(np.array([1, 2]))
    assert [set(info) >= {"lives", "frame_number"} for info in infos] == [True, True]
    envs.close()
    assert list(videos.glob("*.mp4"))


def test_calls_out_of_order_are_errors() -> None:
    envs = AtariVectorEnv(BREAKOUT, 1, 0)
    action = np.array([0])
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset first"):
        envs.step(action)
    with pytest.raises(gymnasium.error.ResetNeeded, match="reset all games once"):
        envs.reset(options={"reset_mask": np.array([True])})
    envs.reset()
    with pytest.raises(gymnasium.error.NoAsyncCallError, match="recv came without send"):
        envs.recv()
    envs.send(action)
    with pytest.raises(gymnasium.error.AlreadyPendingCallError, match="send came after send"):
        envs.send(action)
    with pytest.raises(gymnasium.error.AlreadyPendingCallError, match="reset came after send"):
        envs.reset()
    envs.recv()
    envs.close()
    for call in (envs.reset, lambda: envs.step(action), envs.recv, envs.render):
        with pytest.raises(gymnasium.error.ClosedEnvironmentError, match="closed"):
            call()
    envs.close()
