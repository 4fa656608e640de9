import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from framering import AtariVectorEnv
from framering.atari.emulator import AtariEmulator
from framering.atari.settings import AtariSettings
from framering.atari.state import pack_state, unpack_state
from framering.replay.buffer import ReplayBuffer

GAMES = ["pong", "breakout", "seaquest", "ms_pacman", "pitfall", "montezuma_revenge"]


def play(emulator, actions):
    frame = np.empty(emulator.settings.frame_shape, np.uint8)
    told = []
    for action in actions:
        step = emulator.step(int(action) % emulator.num_actions, frame)
        told.append((step, frame.tobytes(), emulator.lives, emulator.frame_number))
        if step.terminated or step.truncated:
            emulator.reset(frame)
            told.append(frame.tobytes())
    return told


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("order", ["cleanrl", "gymnasium"])
def test_a_restored_game_goes_on_as_the_saved_one(game, order):
    settings = AtariSettings(
        game,
        order=order,
        repeat_action_probability=0.25,
        frame_skip=(2, 5),
        max_num_frames_per_episode=900,
    )
    actions = np.random.default_rng(1).integers(0, 18, 700)
    saved = AtariEmulator(settings)
    saved.reset(np.empty(settings.frame_shape, np.uint8), seed=3)
    play(saved, actions[:200])
    state = saved.state()

    restored = AtariEmulator(settings)
    restored.restore(state)

    assert play(restored, actions[200:]) == play(saved, actions[200:])


@pytest.mark.parametrize("state", [b"", b"foreign", pack_state({})[:-3]])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(ValueError, match="expected the state of an emulator"):
        unpack_state(state)


def replay_of(envs_or_number):
    from gymnasium.spaces import Box, Discrete

    return ReplayBuffer(
        500,
        Box(0, 255, (4, 84, 84), np.uint8),
        Discrete(6),
        "cpu",
        envs_or_number,
        seed=1,
        shared=True,
    )


def vector(replay, num_workers):
    return AtariVectorEnv(
        "PongNoFrameskip-v4",
        replay.n_envs,
        num_workers,
        replay=replay,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )


@pytest.mark.parametrize("num_workers", [0, 2])
def test_saved_games_go_on_in_another_vector(num_workers):
    replay = replay_of(3)
    envs = vector(replay, num_workers)
    envs.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(30):
        envs.step(rng.integers(0, 6, 3))
    states = envs.save_games()
    actions = rng.integers(0, 6, (20, 3))
    expected = [envs.step(row)[0] for row in actions]
    envs.close()

    again = replay_of(3)
    first = vector(again, 0)
    first.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(30):
        newest = first.step(rng.integers(0, 6, 3))[0]
    first.close()
    resumed = vector(again, num_workers)
    observations, _ = resumed.restore_games(states)
    np.testing.assert_array_equal(observations, newest)
    for row, then in zip(actions, expected, strict=True):
        np.testing.assert_array_equal(resumed.step(row)[0], then)
    resumed.close()
    assert len(again) == len(replay)


def test_another_number_of_games_is_refused():
    replay = replay_of(2)
    envs = vector(replay, 0)
    envs.reset(seed=1)

    with pytest.raises(ValueError, match="2 saved games were expected, but 1 came"):
        envs.restore_games(envs.save_games()[:1])
    envs.close()
