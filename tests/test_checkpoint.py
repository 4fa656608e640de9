import json
import os
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

from framering._core import Ring
from framering.checkpoint import load_checkpoint, save_checkpoint
from framering.config import ConfigError


def filled_ring(frames=30):
    ring = Ring(lanes=1, slots=64, frame_bytes=1000, stack=4, shared=True)
    writer = ring.writer(0)
    rng = np.random.default_rng(frames)
    writer.begin_segment(rng.integers(0, 256, 1000, np.uint8))
    for step in range(frames):
        writer.append(rng.integers(0, 256, 1000, np.uint8), step % 3, 1.0, False, False)
    return ring


def newest(ring):
    out = np.empty((1, 4, 1000), np.uint8)
    ring.gather_newest(out)
    return out.tobytes(), ring.published().tolist()


@pytest.fixture
def run(tmp_path):
    save_checkpoint(
        tmp_path, 500, {"online.weight": torch.arange(6.0)}, {"step": 500}, filled_ring()
    )
    return tmp_path


def folder(run):
    return run / "checkpoints" / "000000000500"


def test_all_comes_back(run):
    ring = Ring(lanes=1, slots=64, frame_bytes=1000, stack=4, shared=True)

    checkpoint = load_checkpoint(run)
    checkpoint.fill(ring)

    assert checkpoint.state == {"step": 500}
    assert torch.equal(checkpoint.tensors["online.weight"], torch.arange(6.0))
    assert newest(ring) == newest(filled_ring())


def test_only_the_newest_is_kept(run):
    save_checkpoint(run, 600, {"weight": torch.zeros(1)}, {"step": 600}, filled_ring(10))

    assert [path.name for path in (run / "checkpoints").iterdir()] == ["000000000600"]
    assert load_checkpoint(run).state == {"step": 600}


@pytest.mark.parametrize("name", ["tensors.safetensors", "ring.bin", "state.json"])
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
        load_checkpoint(run)


def test_another_version_is_named(run):
    text = json.dumps({"version": 99, "files": {}, "state": {}})
    seal = {"content": text, "crc32": zlib.crc32(text.encode())}
    (folder(run) / "state.json").write_text(json.dumps(seal))

    with pytest.raises(ConfigError, match="version 99, but this framering reads 1"):
        load_checkpoint(run)


def test_a_ring_of_another_geometry_is_refused(run):
    with pytest.raises(ConfigError, match="but the ring takes"):
        load_checkpoint(run).fill(Ring(lanes=2, slots=64, frame_bytes=1000, stack=4, shared=True))


def test_a_failure_leaves_the_checkpoint_before(run, monkeypatch):
    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(run, 600, {"weight": torch.zeros(1)}, {}, filled_ring())
    assert load_checkpoint(run).state == {"step": 500}
    assert len(list((run / "checkpoints").iterdir())) == 1


class KilledError(BaseException):
    """Ends a save as a kill does: nothing that handles errors sees it."""


@pytest.mark.parametrize("survived", range(7))
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
        save_checkpoint(run, 600, {"weight": torch.zeros(1)}, {"step": 600}, filled_ring())

    renamed = 5
    assert load_checkpoint(run).state == {"step": 500 if survived < renamed else 600}


def test_what_a_death_left_behind_is_cleared_away(run):
    (run / "checkpoints" / "unfinished-550").mkdir()

    save_checkpoint(run, 600, {"weight": torch.zeros(1)}, {"step": 600}, filled_ring())

    assert [path.name for path in (run / "checkpoints").iterdir()] == ["000000000600"]


WRITER = """
import sys
from pathlib import Path
import torch
from framering._core import Ring
from framering.checkpoint import save_checkpoint
ring = Ring(lanes=1, slots=2000, frame_bytes=7056, stack=4, shared=True)
print("ready", flush=True)
for step in range(1, 10**9):
    save_checkpoint(Path(sys.argv[1]), step, {"weight": torch.full((1000,), float(step))},
                    {"step": step}, ring)
"""


def test_a_kill_while_saving_leaves_a_good_checkpoint(tmp_path):
    rng = np.random.default_rng(0)
    loaded = []
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
        )
        writer.stdout.readline()
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("checkpoints/0*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        checkpoint = load_checkpoint(tmp_path)
        assert (checkpoint.tensors["weight"] == checkpoint.state["step"]).all()
        loaded.append(checkpoint.state["step"])
    assert len(loaded) == 4
