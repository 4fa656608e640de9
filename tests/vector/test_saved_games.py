"""Saved games of a vector environment: restored exactly, or refused before anything has changed."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from framering import AtariVectorEnv, ReplayBuffer
from framering.atari import console
from framering.atari.emulator import AtariEmulator
from framering.atari.settings import AtariSettings
from framering.atari.state import pack_state, unpack_state
from framering.errors import OldLibraryError

PONG = "PongNoFrameskip-v4"


def make_replay(n_envs: int) -> ReplayBuffer:
    stacks = Box(0, 255, (4, 84, 84), np.uint8)
    return ReplayBuffer(500, stacks, Discrete(6), "cpu", n_envs, seed=1, shared=True)


def make(num_workers: int, replay: ReplayBuffer, env_id: str = PONG, **options: Any) -> Any:
    return AtariVectorEnv(
        env_id, replay.n_envs, num_workers, replay=replay, autoreset_mode="SameStep", **options
    )


def play(envs: AtariVectorEnv, steps: int) -> Any:
    """Reset with a seed and take random actions; return the last result."""
    rng = np.random.default_rng(0)
    result: Any = envs.reset(seed=1)
    for _ in range(steps):
        result = envs.step(rng.integers(0, 6, envs.num_envs))
    return result


@pytest.mark.parametrize("num_workers", [0, 2])
def test_restored_games_continue_as_the_saved_ones(num_workers: int) -> None:
    replay = make_replay(3)
    envs = make(num_workers, replay)
    *_, saved_infos = play(envs, 30)
    states = envs.save_games()
    actions = np.random.default_rng(5).integers(0, 6, (20, 3))
    expected = [envs.step(row) for row in actions]
    envs.close()

    again = make_replay(3)
    first = make(0, again)
    newest = play(first, 30)[0]
    first.close()
    restored = make(num_workers, again)
    observations, infos = restored.restore_games(states)
    np.testing.assert_array_equal(observations, newest)
    for name in ("lives", "frame_number", "episode_frame_number"):
        np.testing.assert_array_equal(infos[name], saved_infos[name])
    for row, (next_observations, *_, next_infos) in zip(actions, expected, strict=True):
        observations, *_, infos = restored.step(row)
        np.testing.assert_array_equal(observations, next_observations)
        np.testing.assert_array_equal(infos["frame_number"], next_infos["frame_number"])
    restored.close()
    assert len(again) == len(replay)


def test_restored_games_are_not_marked_restarted() -> None:
    envs = make(0, make_replay(2))
    play(envs, 10)
    states = envs.save_games()
    envs._stepper.executor.columns.restarted[:] = True
    envs.restore_games(states)
    *_, truncations, infos = envs.step(np.zeros(2, int))
    assert not truncations.any()
    assert "worker_restarted" not in infos


def repacked(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def mutate(state: bytes) -> bytes:
        fields = unpack_state(state)
        change(fields)
        return pack_state(fields)

    return mutate


def other_game(**options: Any) -> Callable[[bytes], bytes]:
    def mutate(state: bytes) -> bytes:
        settings = AtariSettings(**{"game": "pong", **options})
        emulator = AtariEmulator(settings)
        emulator.reset(np.empty(settings.frame_shape, np.uint8), seed=1)
        return emulator.state()

    return mutate


def other_game_without_settings(**options: Any) -> Callable[[bytes], bytes]:
    forget_settings = repacked(lambda fields: fields.pop("settings"))
    return lambda state: forget_settings(other_game(**options)(state))


DAMAGE = {
    "empty": lambda state: b"",
    "foreign": lambda state: b"foreign",
    "truncated": lambda state: state[:-3],
    "extended": lambda state: state + b"xyz",
    "too long": lambda state: state * 50,
    "no dictionary": lambda state: pack_state([]),
    "no fields": lambda state: pack_state({}),
    "deep": lambda state: __import__("zlib").compress(b"[" * 100_000),
    "another game": other_game(game="breakout"),
    "another old game": other_game_without_settings(game="breakout"),
    "another order": other_game(order="gymnasium"),
    "another old order": other_game_without_settings(order="gymnasium"),
    "another frame skip": other_game(frame_skip=(2, 5)),
    "another screen size": other_game(screen_size=(64, 64)),
    "unknown settings": repacked(lambda fields: fields["settings"].update(sound=True)),
    "settings out of range": repacked(lambda fields: fields["settings"].update(noop_max=-1)),
    "console cut": repacked(lambda fields: fields.update(console=fields["console"][:-9])),
    "console extended": repacked(lambda fields: fields.update(console=fields["console"] + b"x")),
    "no console": repacked(lambda fields: fields.update(console=b"")),
    "lives missing": repacked(lambda fields: fields.pop("lives")),
    "lives negative": repacked(lambda fields: fields.update(lives=-1)),
    "huge frame number": repacked(lambda fields: fields.update(frame_number=10**30)),
    "infinite return": repacked(lambda fields: fields.update({"return": float("inf")})),
    "seconds NaN": repacked(lambda fields: fields.update(seconds=float("nan"))),
    "flag as number": repacked(lambda fields: fields.update(game_ended=1)),
    "another generator": repacked(lambda fields: fields["draws"].update(bit_generator="MT19937")),
    "generator without state": repacked(lambda fields: fields["draws"].pop("state")),
    "huge generator state": repacked(lambda fields: fields["draws"]["state"].update(inc=2**200)),
    "screen missing": repacked(lambda fields: fields["skip"].pop("held")),
    "small screen": repacked(lambda fields: fields["skip"].update(held=np.zeros((2, 2), np.uint8))),
    "screen as text": repacked(lambda fields: fields["skip"].update(newer="black")),
    "skip as list": repacked(lambda fields: fields.update(skip=[])),
}


@pytest.mark.parametrize("num_workers", [0, 1])
def test_damaged_states_are_refused_and_the_games_continue(num_workers: int) -> None:
    envs, alone = make(num_workers, make_replay(2)), make(0, make_replay(2))
    for one in (envs, alone):
        play(one, 10)
    states = envs.save_games()
    for name, damage in DAMAGE.items():
        # The last state is damaged: those before it must not be restored either.
        with pytest.raises(ValueError, match=r"^states\[1\]: ") as caught:
            envs.restore_games([states[0], damage(states[1])])
        assert "\n" not in str(caught.value), name
        got, expected = envs.step(np.array([2, 3])), alone.step(np.array([2, 3]))
        for one, other in zip(got[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
        np.testing.assert_array_equal(got[4]["frame_number"], expected[4]["frame_number"])
    np.testing.assert_array_equal(envs.reset(seed=3)[0], alone.reset(seed=3)[0])
    envs.restore_games(states)
    envs.close()


def is_harmless(damaged: bytes, state: bytes) -> bool:
    """Whether the fields are still the same: deflate ignores some padding bits."""
    try:
        return pack_state(unpack_state(damaged)) == state
    except ValueError:
        return False


def test_a_state_with_random_damage_is_refused_by_an_emulator_that_continues() -> None:
    settings = AtariSettings("pong")
    emulator, reference = AtariEmulator(settings), AtariEmulator(settings)
    frames = np.empty((2, *settings.frame_shape), np.uint8)
    emulator.reset(frames[0], seed=1)
    reference.reset(frames[1], seed=1)
    state = emulator.state()
    rng = random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(state)
        for _ in range(rng.choice([1, 1, 2, 10])):
            if rng.random() < 0.5:
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            else:
                start = rng.randrange(len(damaged))
                del damaged[start : start + rng.randrange(1, 5)]
        if is_harmless(bytes(damaged), state):
            continue
        refused += 1
        with pytest.raises(ValueError, match=r"^state: expected"):
            emulator.restore(bytes(damaged))
    assert refused > 250
    for action in range(100):
        got, expected = emulator.step(action % 6, frames[0]), reference.step(action % 6, frames[1])
        assert got == expected
        np.testing.assert_array_equal(*frames)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_ale_py_that_cannot_save_is_refused_and_the_games_continue(num_workers, monkeypatch):
    envs = AtariVectorEnv("PongNoFrameskip-v4", 2, num_workers)
    envs.reset(seed=1)
    monkeypatch.setattr(console, "_ALE_VERSION", "0.11.2")

    with pytest.raises(OldLibraryError, match=r"ale-py: expected 0\.12 or newer"):
        envs.save_games()

    *_, infos = envs.step(np.zeros(2, np.int64))
    assert "worker_restarted" not in infos
    envs.close()


@pytest.mark.parametrize("game", ["pong", "breakout", "seaquest", "ms_pacman"])
@pytest.mark.parametrize("order", ["cleanrl", "gymnasium"])
def test_random_fields_of_a_state_are_refused(game: str, order: Any) -> None:
    settings = AtariSettings(game, order=order)
    emulator = AtariEmulator(settings)
    emulator.reset(np.empty(settings.frame_shape, np.uint8), seed=1)
    fields = unpack_state(emulator.state())
    ram = emulator._ale.getRAM().tobytes()
    for name in fields.keys() - {"settings"}:
        for wrong in (None, "x", [], {}, -1, 1.5, 10**30, float("nan"), b"", True):
            if type(wrong) is type(fields[name]) or (name, wrong) == ("extra", None):
                continue
            with pytest.raises(ValueError, match=r"^state: expected"):
                emulator.restore(pack_state({**fields, name: wrong}))
    assert emulator._ale.getRAM().tobytes() == ram


@pytest.mark.parametrize(
    ("states", "expected", "message"),
    [
        (lambda states: states[:1], ValueError, "states: expected 2 saved games, got 1"),
        (lambda states: [*states, states[0]], ValueError, "states: expected 2 saved games, got 3"),
        (lambda states: [states[0], "text"], TypeError, r"states\[1\]: expected bytes, got 'text'"),
        (lambda states: [states[0], None], TypeError, r"states\[1\]: expected bytes, got None"),
        (lambda states: states[0], TypeError, "states: expected a list of bytes"),
        (lambda states: None, TypeError, "states: expected a list of bytes, got None"),
        (lambda states: 5, TypeError, "states: expected a list of bytes, got 5"),
    ],
)
def test_something_else_than_a_list_of_states_is_refused(
    states: Any, expected: type[Exception], message: str
) -> None:
    envs = make(0, make_replay(2))
    play(envs, 3)
    with pytest.raises(expected, match=message):
        envs.restore_games(states(envs.save_games()))
    envs.step(np.zeros(2, int))


def test_an_empty_replay_buffer_is_refused_before_games_are_restored() -> None:
    envs = make(0, make_replay(2))
    play(envs, 3)
    states = envs.save_games()
    empty = make(0, make_replay(2))
    with pytest.raises(ValueError, match="replay: expected the frames"):
        empty.restore_games(states)
    empty.reset()
    empty.step(np.zeros(2, int))


@pytest.mark.parametrize("mode", ["NextStep", "Disabled"])
def test_games_are_restored_only_in_same_step_mode(mode: str) -> None:
    envs = AtariVectorEnv(PONG, 1, 0, autoreset_mode=mode)
    envs.reset()
    with pytest.raises(ValueError, match="autoreset_mode: expected SAME_STEP"):
        envs.restore_games(envs.save_games())


def test_states_of_version_0_1_0_have_no_settings_and_are_restored() -> None:
    envs = make(0, make_replay(1))
    play(envs, 20)
    state = envs.save_games()[0]
    forget_settings = repacked(lambda fields: fields.pop("settings"))
    expected = envs.step(np.array([2]))[0]
    envs.reset(seed=9)
    envs.restore_games([forget_settings(state)])
    np.testing.assert_array_equal(envs.step(np.array([2]))[0][:, -1], expected[:, -1])
