import json

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from rich.console import Console

from framering import cli
from framering.profiling import replay
from framering.replay.buffer import ReplayBuffer
from framering.vector.env import AtariVectorEnv


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "_ROUNDS", 2)
        return replay.profile_replay("PongNoFrameskip-v4", 1000, 16)


@pytest.fixture
def facts(found):
    return found.facts


def test_the_bytes_of_a_transition_are_those_that_its_words_take(facts):
    """Of the same play: the words that differ from the frame before, their masks, and records."""
    envs = AtariVectorEnv("PongNoFrameskip-v4", 1, 0, autoreset_mode="SameStep")
    frames = [
        np.concatenate([each.obs[0, -1:], each.next_obs[0, -1:]])
        for each in replay._play(envs, 1000)
    ]
    envs.close()
    changed = np.array([(a != b).reshape(-1, 8).any(axis=1).sum() for a, b in frames])
    least, most = 8 * changed.mean(), facts["bytes of a raw frame"]

    assert least < facts["bytes of a transition"] < most
    assert facts["share of 8-byte words changed"] == pytest.approx(changed.mean() / (7056 / 8))
    rows = [(a != b).any(axis=1).sum() for a, b in frames]
    assert facts["rows changed from one frame to the next"] == pytest.approx(np.mean(rows))


def test_every_frame_is_of_one_kind(facts):
    shares = [value for name, value in facts.items() if name.startswith("share of frames")]

    assert sum(shares) == pytest.approx(1)
    # A key frame comes every 16 slots, and at each segment's start; the first slot is not counted.
    assert 0.06 < facts["share of frames that are key frames"] < 0.2


def test_raw_frames_of_noise_are_counted_as_raw():
    buffer = ReplayBuffer(100, *spaces(), "cpu")
    draws = np.random.default_rng(1)
    stack = draws.integers(0, 256, (1, 4, 84, 84), np.uint8)
    for _ in range(50):
        following = np.concatenate(
            [stack[:, 1:], draws.integers(0, 256, (1, 1, 84, 84), np.uint8)], axis=1
        )
        buffer.add(stack, following, np.array([0]), np.zeros(1), np.zeros(1, bool), [{}])
        stack = following
    facts = replay._facts(replay._Filled(buffer, buffer.ring, *[np.empty(0)] * 2, [], 0.0, 0.0))

    assert facts["share of frames that are raw"] == 1
    # Of 54 frames, each with a header and a record.
    assert facts["bytes of a transition"] == pytest.approx((7056 + 8 + 32) * 54 / 50)


def spaces():
    return Box(0, 255, (4, 84, 84), np.uint8), Discrete(4)


def test_stages_are_compared_with_copying_what_they_write(found):
    stages = {stage.name.strip(): stage.nbytes for stage in found.stages}

    assert stages["add"] == stages["encode and store"] == 84 * 84
    assert stages["sample(16)"] == stages["gather and decode"] == 16 * 5 * 84 * 84


def test_the_table_fits_80_columns(found, capsys):
    found.report(Console(width=80))

    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "memcpy" not in line and "(" in line]) == 8
    assert max(map(len, lines)) <= 80


def test_the_command_writes_its_figures(found, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(replay, "measure", lambda *_: found)
    cli.main(["profile", "replay", "--json", str(tmp_path / "json")])

    document = json.loads((tmp_path / "json").read_text())
    assert document["settings"]["batch_size"] == 16
    assert document["facts"] == pytest.approx(found.facts)
    assert {"stage", "microseconds", "bytes", "memcpy_microseconds", "ratio"} == set(
        document["stages"][0]
    )
