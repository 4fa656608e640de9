"""The reset cache: restored games equal emulated ones."""

import dataclasses
import os
import re
from typing import Any

import ale_py
import numpy as np
import pytest
from ale_py import roms

from framering.atari.emulator import AtariEmulator
from framering.atari.reset_cache import DETERMINISTIC_GAMES, has_deterministic_start
from framering.atari.settings import AtariSettings

STARTS = int(os.environ.get("FRAMERING_GAME_STARTS", "6"))
# The generators' states are text; the test varies what they draw for a start.
GENERATOR = re.compile(rb"(?:\d+ ){600,}\d+")


def console_state(ale: Any) -> bytes:
    """Return a saved state without its frame counters, its generator and their lengths."""
    state = ale.cloneState().serialize()
    generator = GENERATOR.search(state)
    assert generator is not None
    rest: bytes = state[:8] + state[12:24] + state[28 : generator.start() - 4]
    return rest + state[generator.end() :]


def start_console(game: str, seed: int) -> Any:
    """Start a console whose initial memory and timer depend on a seed."""
    ale = ale_py.ALEInterface()
    ale.setInt("system_random_seed", seed)
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(roms.get_rom_path(game))
    ale.reset_game()
    return ale


@pytest.mark.parametrize("game", sorted(DETERMINISTIC_GAMES))
def test_the_first_state_of_a_game_does_not_depend_on_earlier_games(game: str) -> None:
    draws = np.random.default_rng(0)
    ale = start_console(game, 0)
    expected = console_state(ale)
    actions = ale.getMinimalActionSet()
    for start in range(STARTS):
        assert console_state(start_console(game, start + 1)) == expected
        for _ in range(draws.integers(1, 300)):
            ale.act(actions[draws.integers(len(actions))])
        if start % 2:
            for address in range(128):
                ale.setRAM(address, int(draws.integers(256)))
        ale.reset_game()
        assert console_state(ale) == expected


@pytest.mark.parametrize("game", sorted(DETERMINISTIC_GAMES))
def test_games_from_restored_states_equal_emulated_ones(game: str) -> None:
    draws = np.random.default_rng(0)
    # Few no-ops, so that their numbers repeat soon.
    settings = AtariSettings(game, noop_max=4, terminal_on_life_loss=False, fire_reset=False)
    cached, emulated = AtariEmulator(settings), AtariEmulator(settings)
    emulated._reset_cache._enabled = False
    frames = np.empty((2, *settings.frame_shape), np.uint8)
    for start in range(STARTS):
        emulators = cached, emulated
        for emulator, frame in zip(emulators, frames, strict=True):
            emulator._game_ended = True
            emulator.reset(frame, seed=7 if start % 3 == 0 else None)
        for _ in range(draws.integers(5, 100)):
            np.testing.assert_array_equal(*frames)
            np.testing.assert_array_equal(cached.screen_rgb(), emulated.screen_rgb())
            assert visible_state(cached) == visible_state(emulated)
            action = int(draws.integers(cached.num_actions))
            steps = [
                emulator.step(action, frame)
                for emulator, frame in zip(emulators, frames, strict=True)
            ]
            assert steps[0] == steps[1]
            if steps[0].terminated or steps[0].truncated:
                break


def visible_state(emulator: AtariEmulator) -> Any:
    ram = emulator._ale.getRAM().tobytes()
    return emulator.lives, emulator.frame_number, emulator.episode_frame_number, ram


def test_settings_without_a_deterministic_start_are_not_cached() -> None:
    settings = AtariSettings("breakout")
    assert has_deterministic_start(settings)
    for change in (
        {"game": "seaquest"},
        {"noop_max": 0},
        {"repeat_action_probability": 0.25},
        {"mode": 4},
        {"difficulty": 1},
    ):
        assert not has_deterministic_start(dataclasses.replace(settings, **change))


def test_a_game_that_is_truncated_within_its_no_ops_starts_again() -> None:
    settings = AtariSettings("breakout", max_num_frames_per_episode=5, fire_reset=False)
    cached, emulated = AtariEmulator(settings), AtariEmulator(settings)
    emulated._reset_cache._enabled = False
    frames = np.empty((2, *settings.frame_shape), np.uint8)
    for start in range(60):
        for emulator, frame in zip((cached, emulated), frames, strict=True):
            emulator._game_ended = True
            emulator.reset(frame, seed=start if start % 3 == 0 else None)
        np.testing.assert_array_equal(*frames)
        assert visible_state(cached) == visible_state(emulated)
