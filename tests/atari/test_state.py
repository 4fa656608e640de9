"""States of an emulator as bytes."""

import numpy as np
import pytest

from framering.atari import console
from framering.atari.emulator import AtariEmulator
from framering.atari.settings import AtariSettings
from framering.atari.state import pack_state, unpack_state
from framering.errors import OldLibraryError

GAMES = ["pong", "breakout", "seaquest", "ms_pacman", "pitfall", "montezuma_revenge"]


def play(emulator, actions):
    frame = np.empty(emulator.settings.frame_shape, np.uint8)
    results = []
    for action in actions:
        step = emulator.step(int(action) % emulator.num_actions, frame)
        results.append((step, frame.tobytes(), emulator.lives, emulator.frame_number))
        if step.terminated or step.truncated:
            emulator.reset(frame)
            results.append(frame.tobytes())
    return results


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
def test_bytes_that_are_no_state_are_refused(state):
    with pytest.raises(ValueError, match="expected the state of an emulator"):
        unpack_state(state)


@pytest.mark.parametrize("version", ["0.10.2", "0.11.2"])
def test_an_ale_py_that_cannot_save_is_refused_in_one_line(version, monkeypatch):
    monkeypatch.setattr(console, "_ALE_VERSION", version)

    with pytest.raises(OldLibraryError, match=f"^ale-py: expected 0.12 or newer .*{version}; pip"):
        AtariEmulator(AtariSettings("pong")).state()


@pytest.mark.parametrize("version", ["0.12.0", "0.12.1.dev3", "1.0"])
def test_an_ale_py_that_saves_is_accepted(version, monkeypatch):
    monkeypatch.setattr(console, "_ALE_VERSION", version)

    console.check_can_save()
