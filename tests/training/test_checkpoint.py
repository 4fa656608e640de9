import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete

from framering import ReplayBuffer
from framering.errors import ConfigError
from framering.training.checked_files import dump_checked_json
from framering.training.checkpoint import load_checkpoint, save_checkpoint


def memory(side=20):
    stacks = Box(0, 255, (4, side, side), np.uint8)
    return ReplayBuffer(50, stacks, Discrete(3), device="numpy", seed=1)


def filled_memory(steps=30):
    replay = memory()
    obs = np.random.default_rng(steps).integers(0, 256, (steps + 1, 1, 4, 20, 20), np.uint8)
    for step in range(steps):
        action, reward, done = np.array([step % 3]), np.array([1.0]), np.array([False])
        replay.add(obs[step], obs[step + 1], action, reward, done, [{}])
    return replay


def state_at(step):
    """A state with every kind of value that components have."""
    return {
        "config": {"env_id": "CartPole-v1", "hf_entity": None},
        "step": step,
        "learner": {"q_network": {"weight": torch.full((6,), float(step))}},
        "exploration": {"rng": random.Random(1).getstate(), "state": 2**127 + 1},
        "environments": {"games": [bytes(range(256)), b"game"]},
    }


def drawn(replay):
    return [part.tobytes() for part in replay.sample(16) if part is not None]


@pytest.fixture
def run(tmp_path):
    save_checkpoint(tmp_path, 500, state_at(500), filled_memory())
    return tmp_path


def folder(run):
    return run / "checkpoints" / "000000000500"


def test_the_saved_state_and_transitions_are_loaded(run):
    replay = memory()

    checkpoint = load_checkpoint(run)
    checkpoint.load_replay(replay)

    saved, expected = checkpoint.state, state_at(500)
    weight = saved.pop("learner")["q_network"]["weight"]
    assert torch.equal(weight, expected.pop("learner")["q_network"]["weight"])
    assert saved == expected
    assert drawn(replay) == drawn(filled_memory())


def test_only_the_newest_is_kept(run):
    save_checkpoint(run, 600, state_at(600), filled_memory(10))

    assert [path.name for path in (run / "checkpoints").iterdir()] == ["000000000600"]
    assert load_checkpoint(run).state["step"] == 600


@pytest.mark.parametrize("name", ["state.pt", "replay", "checkpoint.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "replace", "delete"])
def test_a_damaged_file_is_named(run, name, damage):
    path = folder(run) / name
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        path.write_bytes(data[:-1])
    elif damage == "flip":
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
    elif damage == "replace":
        path.write_bytes(b"cos\nsystem\n(S'touch executed'\ntR.")
    else:
        path.unlink()

    with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
        load_checkpoint(run).load_replay(memory())


def test_a_checkpoint_of_a_newer_version_is_refused(run):
    (folder(run) / "checkpoint.json").write_bytes(dump_checked_json({"version": 99}))

    with pytest.raises(ConfigError, match="expected version 4 or older, got 99"):
        load_checkpoint(run)


@pytest.mark.parametrize("content", ["exploit", "names", "nothing"])
def test_a_state_that_is_forged_is_refused_and_never_executed(run, tmp_path, content):
    class Exploit:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    data = io.BytesIO()
    if content != "nothing":
        torch.save({"config": Exploit()} if content == "exploit" else {"config": {}}, data)
    written = data.getvalue()
    (folder(run) / "state.pt").write_bytes(written)
    header = {"version": 3, "state": [len(written), zlib.crc32(written)]}
    (folder(run) / "checkpoint.json").write_bytes(dump_checked_json(header))

    with pytest.raises(ConfigError, match=r"state\.pt: expected"):
        load_checkpoint(run)
    assert not (tmp_path / "executed").exists()


def test_a_replay_buffer_for_other_observations_is_refused(run):
    with pytest.raises(ConfigError, match=r"replay: expected the run's replay buffer, got"):
        load_checkpoint(run).load_replay(memory(side=21))


def test_a_failure_leaves_the_checkpoint_before(run, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(run, 600, state_at(600), filled_memory())
    assert load_checkpoint(run).state["step"] == 500
    assert len(list((run / "checkpoints").iterdir())) == 1


class KilledError(BaseException):
    """Ends a save as a kill does: no handler of errors catches it."""


@pytest.mark.parametrize("survived", range(8))
def test_a_death_at_any_write_to_the_disk_leaves_a_good_checkpoint(run, monkeypatch, survived):
    calls = 0

    def mortal(plain):
        def call(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls > survived:
                raise KilledError
            return plain(*arguments, **named)

        return call

    monkeypatch.setattr(os, "fsync", mortal(os.fsync))
    monkeypatch.setattr(Path, "rename", mortal(Path.rename))
    monkeypatch.setattr(shutil, "rmtree", mortal(shutil.rmtree))

    with pytest.raises(KilledError):
        save_checkpoint(run, 600, state_at(600), filled_memory())

    renamed = 6
    assert load_checkpoint(run).state["step"] == (500 if survived < renamed else 600)


def test_an_unfinished_checkpoint_is_deleted(run):
    (run / "checkpoints" / "unfinished-550").mkdir()

    save_checkpoint(run, 600, state_at(600), filled_memory())

    assert [path.name for path in (run / "checkpoints").iterdir()] == ["000000000600"]


WRITER = """
import sys
from pathlib import Path
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from framering import ReplayBuffer
from framering.training.checkpoint import save_checkpoint
box = Box(0, 255, (4, 84, 84), np.uint8)
replay = ReplayBuffer(2000, box, Discrete(3), device="numpy")
for step in range(1000):
    obs = np.full((2, 1, 4, 84, 84), step % 256, np.uint8)
    replay.add(*obs, np.array([0]), np.array([1.0]), np.array([False]), [{}])
print("ready", flush=True)
for step in range(1, 10**9):
    state = {"config": {}, "step": step, "learner": torch.full((1000,), float(step)),
             "exploration": {}, "environments": {}}
    save_checkpoint(Path(sys.argv[1]), step, state, replay)
"""


def test_a_kill_while_saving_leaves_a_good_checkpoint(tmp_path, wait_until):
    rng = np.random.default_rng(0)
    loaded = []
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
        )
        writer.stdout.readline()
        wait_until(lambda: list(tmp_path.glob("checkpoints/0*")))
        time.sleep(rng.uniform(0, 0.1))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        checkpoint = load_checkpoint(tmp_path)
        assert (checkpoint.state["learner"] == checkpoint.state["step"]).all()
        loaded.append(checkpoint.state["step"])
    assert len(loaded) == 4
