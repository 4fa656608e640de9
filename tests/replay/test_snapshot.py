"""Saving, loading and pickling of buffers; damaged and forged snapshots are refused."""

import copy
import errno
import os
import pickle

import numpy as np
import pytest
import torch
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer

STACKS = spaces.Box(0, 255, (4, 6, 5), np.uint8)
KINDS = [ReplayBuffer, PrioritizedReplayBuffer]


def buffer_of(kind=ReplayBuffer, capacity=100, n_envs=2, **options):
    options = {"device": "cpu", "seed": 3, **options}
    return kind(capacity, STACKS, spaces.Discrete(1000), n_envs=n_envs, **options)


def add(buffer, steps, seed=0, stacks=None):
    """Add steps that follow on one another, and on `stacks`; return the last next_obs."""
    random = np.random.default_rng(seed)
    n = buffer.n_envs
    if stacks is None:
        stacks = random.integers(0, 256, (n, *STACKS.shape), np.uint8)
    for _ in range(steps):
        obs, stacks = stacks, np.roll(stacks, -1, axis=1)
        stacks[:, -1] = random.integers(0, 256, (n, 6, 5))
        done = random.random(n) < 0.1
        infos = [{"TimeLimit.truncated": bool(random.random() < 0.3)} for _ in range(n)]
        buffer.add(obs, stacks, random.integers(0, 1000, n), random.normal(size=n), done, infos)
    return stacks


def filled(kind=ReplayBuffer, steps=150, **options):
    buffer = buffer_of(kind, **options)
    add(buffer, steps)
    if kind is PrioritizedReplayBuffer:
        batch = buffer.sample(40)
        buffer.update_priorities(batch.indices, batch.rewards.abs())
    return buffer


def assert_alike(first, second):
    assert (first.pos, first.full, first.size(), len(first)) == (
        second.pos,
        second.full,
        second.size(),
        len(second),
    )
    for _ in range(3):
        for mine, other in zip(first.sample(32), second.sample(32), strict=True):
            assert (mine is None and other is None) or torch.equal(mine, other)


def save_and_load(buffer, path):
    buffer.save(path)
    loaded = buffer_of(type(buffer), n_step=buffer.n_step)
    loaded.load(path)
    return loaded


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 30, 150])
def test_a_loaded_buffer_samples_as_the_saved_one(kind, steps, tmp_path):
    buffer = filled(kind, steps, n_step=3)
    loaded = save_and_load(buffer, tmp_path / "buffer")
    assert_alike(buffer, loaded)
    for each in (buffer, loaded):
        add(each, 20, seed=9)
    assert_alike(buffer, loaded)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 30, 150])
def test_n_step_returns_continue_across_a_load(kind, steps, tmp_path):
    buffer = buffer_of(kind, n_step=4)
    newest = add(buffer, steps)
    loaded = save_and_load(buffer, tmp_path / "buffer")
    for each in (buffer, loaded):
        add(each, 3, seed=9, stacks=newest)
    assert buffer.ring.published().tolist() == loaded.ring.published().tolist()
    assert_alike(buffer, loaded)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_dict_is_loaded(kind):
    buffer = filled(kind, n_step=3)
    loaded = buffer_of(kind, n_step=3, seed=8)
    loaded.load_state_dict(buffer.state_dict())
    assert_alike(buffer, loaded)


def test_a_state_dict_goes_through_torch_save(tmp_path):
    buffer = filled()
    torch.save({"replay": buffer.state_dict()}, tmp_path / "checkpoint.pt")
    loaded = buffer_of()
    loaded.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["replay"])
    assert_alike(buffer, loaded)


def test_a_state_dict_holds_what_save_writes(tmp_path):
    buffer = filled(PrioritizedReplayBuffer)
    buffer.save(tmp_path / "buffer")
    assert buffer.state_dict() == {"snapshot": (tmp_path / "buffer").read_bytes()}


def test_a_state_dict_without_a_snapshot_is_refused():
    with pytest.raises(ValueError, match="state_dict: expected the key 'snapshot'"):
        buffer_of().load_state_dict({"weights": b""})


def forged(buffer, header):
    """A snapshot whose bytes are whole, with another header than the buffer's own."""
    own = buffer._snapshotter()
    arrays = own._array_line()
    return buffer._sampler.dump(arrays + header)


GENERATOR = b"[1, 2, 3, 4]\n"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}\n",
        b"[1, 2, 3]\n",
        b"[1, 2, 3, 4, 5]\n",
        b"[0, 0, 0, 0]\n",
        b"[1, 2, 3, -4]\n",
        b"[1, 2, 3, 4.0]\n",
        b"[1, 2, 3, 18446744073709551616]\n",
        b"[true, 2, 3, 4]\n",
        b"[" * 100_000 + b"\n",
        b"\xff\n",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_generator_state_is_refused_before_anything_is_loaded(kind, header):
    loaded = buffer_of(kind)
    state = loaded.generator_state
    with pytest.raises(ValueError, match=r"snapshot .*generator"):
        loaded.load_state_dict({"snapshot": forged(filled(kind), header)})
    assert_unused(loaded, state)


@pytest.mark.parametrize(
    ("header", "values"),
    [
        (b'{"alpha": 1, "beta": 1}', 4),
        (b'{"alpha": NaN, "beta": 1, "highest": 1}', 4),
        (b'{"alpha": -1, "beta": 1, "highest": 1}', 4),
        (b'{"alpha": 1, "beta": Infinity, "highest": 1}', 4),
        (b'{"alpha": 1, "beta": "x", "highest": 1}', 4),
        (b'{"alpha": 1, "beta": 1, "highest": 1e300}', 4),
        (b"[1, 2, 3]", 4),
        (b'{"alpha": 1, "beta": 1, "highest": 1}', 3),
        (b'{"alpha": 1, "beta": 1, "highest": 1}', 5),
    ],
)
def test_forged_priorities_are_refused_before_anything_is_loaded(header, values):
    buffer = filled(PrioritizedReplayBuffer)
    slots = len(buffer._sampler.priorities()[0])
    snapshot = forged(buffer, GENERATOR + header + b"\n" + bytes(values * slots))
    loaded = buffer_of(PrioritizedReplayBuffer)
    state, parameters = loaded.generator_state, (loaded.alpha, loaded.beta)
    with pytest.raises(ValueError, match="snapshot"):
        loaded.load_state_dict({"snapshot": snapshot})
    assert_unused(loaded, state)
    assert (loaded.alpha, loaded.beta) == parameters


def test_an_empty_buffer_is_saved_and_loaded(tmp_path):
    loaded = save_and_load(buffer_of(), tmp_path / "buffer")
    assert loaded.size() == 0
    add(loaded, 3)
    assert loaded.size() == 3


def test_forgotten_transitions_are_not_saved(tmp_path):
    buffer = filled(steps=40)
    buffer.reset()
    add(buffer, 5, seed=1)
    loaded = save_and_load(buffer, tmp_path / "buffer")
    assert loaded.size() == 5
    assert_alike(buffer, loaded)


def test_a_snapshot_has_only_the_used_part_of_the_ring(tmp_path):
    small = filled(steps=10)
    small.save(tmp_path / "buffer")
    assert (tmp_path / "buffer").stat().st_size < 0.3 * small.ring.nbytes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [lambda b: pickle.loads(pickle.dumps(b)), copy.deepcopy])
def test_pickles_and_copies_sample_as_the_original(kind, copied):
    buffer = filled(kind)
    assert_alike(buffer, copied(buffer))


def test_a_larger_buffer_loads_a_snapshot(tmp_path):
    buffer = filled()
    buffer.save(tmp_path / "buffer")
    larger = buffer_of(capacity=1000)
    larger.load(tmp_path / "buffer")
    assert larger.size() == buffer.size() == 50


def test_every_flipped_byte_is_refused(tmp_path):
    path = tmp_path / "buffer"
    filled(steps=3, n_envs=1).save(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        buffer = buffer_of(n_envs=1)
        with pytest.raises(ValueError, match="snapshot"):
            buffer.load(path)
        assert buffer.size() == 0


def test_every_truncated_file_is_refused(tmp_path):
    path = tmp_path / "buffer"
    filled(steps=3, n_envs=1).save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 11):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="snapshot"):
            buffer_of(n_envs=1).load(path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: buffer_of(n_envs=1), "expected environments 1, got 2"),
        (lambda: buffer_of(capacity=10), "make it larger"),
        (
            lambda: ReplayBuffer(100, STACKS, spaces.MultiBinary(8), n_envs=2),
            "observations or actions differ",
        ),
        (
            lambda: ReplayBuffer(
                100, spaces.Box(0, 255, (4, 6, 6), np.uint8), spaces.Discrete(9), n_envs=2
            ),
            "expected bytes a frame 36, got 30",
        ),
    ],
)
def test_another_buffers_snapshot_is_refused(other, message, tmp_path):
    filled().save(tmp_path / "buffer")
    buffer = other()
    with pytest.raises(ValueError, match=message):
        buffer.load(tmp_path / "buffer")
    assert buffer.size() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_slightly_smaller_buffer_refuses_a_snapshot_and_stays_as_it_was(kind, tmp_path):
    filled(kind).save(tmp_path / "buffer")
    buffer = buffer_of(kind, capacity=98)
    state = buffer.generator_state
    with pytest.raises(ValueError, match="50 transitions in it, this buffer takes 49: make it"):
        buffer.load(tmp_path / "buffer")
    assert_unused(buffer, state)


def test_a_plain_buffers_snapshot_has_no_priorities(tmp_path):
    filled().save(tmp_path / "buffer")
    buffer = buffer_of(PrioritizedReplayBuffer)
    state = buffer.generator_state
    with pytest.raises(ValueError, match="no priorities"):
        buffer.load(tmp_path / "buffer")
    assert_unused(buffer, state)


def assert_unused(buffer, state):
    assert buffer.ring.published().tolist() == [0, 0]
    assert buffer.generator_state == state
    add(buffer, 3)
    assert buffer.size() == 3


def test_a_used_buffer_does_not_load(tmp_path):
    buffer = filled()
    buffer.save(tmp_path / "buffer")
    with pytest.raises(RuntimeError, match="this one has been used"):
        buffer.load(tmp_path / "buffer")


def test_a_full_disk_is_an_os_error():
    buffer = filled()
    with open("/dev/full", "wb") as full, pytest.raises(OSError, match="No space left") as error:
        buffer._sampler.save(full.fileno(), b"")
    assert error.value.errno == errno.ENOSPC


def test_an_error_while_saving_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "buffer"
    filled(steps=5).save(path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(errno.EIO, "the disk is gone")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        filled(steps=50).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["buffer"]
