"""Snapshots with a right checksum and wrong contents, and files that change while they are read.

Each is refused, and the buffer is as it was; or it is loaded, and the buffer works.
"""

import contextlib
import faulthandler
import json
import struct
import subprocess
import sys

import numpy as np
import pytest
from gymnasium import spaces
from tests.checksum import with_checksum

from framering import PrioritizedReplayBuffer, ReplayBuffer

# Stored raw, and as what changed.
RAW, ENCODED = spaces.Box(0, 255, (4, 3, 5), np.uint8), spaces.Box(0, 255, (4, 16, 16), np.uint8)
WORD = 2**64 - 1
PROLOGUE = 8 * 10  # magic, version, the geometry's seven words, bytes of the extra
BOUNDS_BYTES = 2 * 8 * 5  # of two environments


@pytest.fixture(autouse=True)
def watchdog():
    """End the run where a test hangs: no signal handler runs while the core does."""
    faulthandler.dump_traceback_later(100, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


def buffer_of(kind=ReplayBuffer, space=RAW, **options):
    options = {"device": "numpy", "n_envs": 2, "n_step": 3, "seed": 3, **options}
    return kind(60, space, spaces.Discrete(9), **options)


def filled(kind=ReplayBuffer, space=RAW):
    buffer = buffer_of(kind, space)
    random = np.random.default_rng(0)
    stacks = random.integers(0, 256, (2, *space.shape), np.uint8)
    for step in range(45):
        obs, stacks = stacks, np.roll(stacks, -1, axis=1)
        stacks[:, -1] = np.where(
            random.random((2, *space.shape[1:])) < 0.05,
            random.integers(0, 256, (2, *space.shape[1:])),
            obs[:, -1],
        )
        done = random.random(2) < 0.1
        buffer.add(obs, stacks, random.integers(0, 9, 2), random.normal(size=2), done, [{}, {}])
        if step == 5:
            buffer.reset()
    return buffer


def snapshot_of(buffer):
    """A snapshot without its checksum, and where the bounds of its lanes begin."""
    whole = buffer._snapshotter().to_bytes()
    assert with_checksum(whole[:-8]) == whole
    extra_bytes = struct.unpack_from("<Q", whole, PROLOGUE - 8)[0]
    return bytearray(whole[:-8]), PROLOGUE + extra_bytes


def load(body, tmp_path, kind=ReplayBuffer, space=RAW):
    path = tmp_path / "buffer"
    path.write_bytes(with_checksum(body))
    buffer = buffer_of(kind, space)
    state = buffer.generator_state
    with contextlib.suppress(ValueError):
        buffer.load(path)
        return buffer, True
    assert buffer.generator_state == state
    assert buffer.ring.published().tolist() == [0, 0]
    return buffer, False


def use(buffer):
    """Call everything that reads what was loaded, and add to it."""
    assert 0 <= buffer.size() <= 30
    assert 0 <= buffer.pos < 30
    if len(buffer):
        for _ in range(3):
            assert buffer.sample(64).observations.shape == (64, *buffer.obs_shape)
    obs = np.zeros((2, *buffer.obs_shape), np.uint8)
    for _ in range(3):
        buffer.add(obs, obs, np.zeros(2, np.int64), np.zeros(2), np.zeros(2, bool), [{}, {}])
    assert buffer.size() >= 3
    buffer.sample(64)
    buffer._snapshotter().to_bytes()


# No transition was forgotten, as the records of zeros below count none: only the bounds are wrong.
BOUNDS = {
    "high": {"first": 2**64 - 8, "low": 2**64 - 8, "high": 2**64 - 1, "forgotten": 0},
    "window": {"first": 2**64 - 30, "low": 2**64 - 20, "high": 2**64 - 10, "forgotten": 0},
    "signed": {"first": 2**63 - 4, "low": 2**63 - 2, "high": 2**63 + 2, "forgotten": 0},
    "indices": {"first": 2**62 - 4, "low": 2**62 - 2, "high": 2**62 + 2, "forgotten": 0},
    "turned": {"first": 9, "low": 4, "high": 12, "forgotten": 0},
    "empty": {"first": 5, "low": 5, "high": 5, "forgotten": 0},
    "forgotten": {"forgotten": 2**64 - 1},
    "soon": {"forgotten": 47},
}


@pytest.mark.parametrize("bounds", BOUNDS)
def test_forged_bounds_are_refused(bounds, tmp_path):
    body, at = snapshot_of(filled())
    first, low, high, forgotten, words = struct.unpack_from("<5Q", body, at)
    found = {"first": first, "low": low, "high": high, "forgotten": forgotten, **BOUNDS[bounds]}
    # As many slots as the bounds say, so that nothing else is wrong.
    slots = max(found["high"] - found["first"], 0)
    struct.pack_into("<5Q", body, at, *found.values(), slots * words // (high - first))
    end = at + BOUNDS_BYTES
    slot_bytes = (len(body) - end) // (2 * (high - first))
    body[end : end + (high - first) * slot_bytes] = bytes(slots * slot_bytes)
    buffer, loaded = load(body, tmp_path)
    assert not loaded
    use(buffer)


@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
@pytest.mark.parametrize(
    "state",
    [
        "[0,0,0,0]",
        "[1,2,3]",
        "[1,2,3,4,5]",
        "[1,2,3,-1]",
        "[1,2,3,18446744073709551616]",
        "[1,2,3,4.5]",
        '"1234"',
        "7",
        "null",
        "{}",
        "[[1],2,3,4]",
        "[1,2",
        "\xff",
        "",
    ],
)
def test_a_forged_generator_state_is_refused(kind, state, tmp_path):
    source = filled(kind)
    extra = source._snapshotter()._header()
    _, rest = extra[len(source._snapshotter()._array_line()) :].split(b"\n", 1)
    forged = source._snapshotter()._array_line() + state.encode("latin-1") + b"\n" + rest
    buffer, loaded = load(bytearray(source._sampler.dump(forged)[:-8]), tmp_path, kind)
    assert not loaded
    use(buffer)


@pytest.mark.parametrize("space", [RAW, ENCODED], ids=["raw", "encoded"])
@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_a_snapshot_with_forged_words_is_refused_or_works(kind, space, tmp_path):
    body, at = snapshot_of(filled(kind, space))
    records = at + BOUNDS_BYTES
    random = np.random.default_rng(1)
    values = [0, 1, 2, 3, 4, 5, 30, 2**16 - 1, 2**32 - 1, 2**48, 2**62, 2**63 - 1, 2**63, WORD]
    loads = 0
    for _ in range(250):
        forged = bytearray(body)
        for _ in range(random.integers(1, 4)):
            # The header, the bounds, the first records, and all of it.
            start, end = [
                (0, PROLOGUE),
                (at, records),
                (records, records + 1000),
                (0, len(body) - 8),
            ][random.integers(4)]
            place = int(random.integers(start, end)) // 4 * 4
            value = values[random.integers(len(values))]
            struct.pack_into("<Q", forged, min(place, len(forged) - 8), value)
        buffer, loaded = load(forged, tmp_path, kind, space)
        loads += loaded
        use(buffer)
    assert 0 < loads < 250


@pytest.mark.parametrize("space", [RAW, ENCODED], ids=["raw", "encoded"])
@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_bytes_that_are_added_or_missing_are_found_behind_a_right_checksum(kind, space, tmp_path):
    body, _ = snapshot_of(filled(kind, space))
    random = np.random.default_rng(2)
    for number in (1, 7, 8, 48, len(body) - PROLOGUE, len(body)):
        for forged in (body[:-number], body + random.bytes(number)):
            buffer, loaded = load(forged, tmp_path, kind, space)
            assert not loaded
            use(buffer)


def test_a_refused_snapshot_leaves_nothing_behind(tmp_path):
    body, _ = snapshot_of(filled())
    refused, loaded = load(body + b"12345678", tmp_path)
    assert not loaded
    fresh = buffer_of()
    for buffer in (refused, fresh):
        use(buffer)
    for mine, other in zip(refused.sample(50), fresh.sample(50), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_an_unreadable_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="Is a directory"):
        buffer_of().load(tmp_path)
    with open(tmp_path / "buffer", "wb") as file:
        file.write(bytes(200))
        file.flush()
        with pytest.raises(OSError, match="Bad file descriptor"):
            buffer_of()._sampler.load(file.fileno(), b"", lambda extra, slots: None)


def test_what_accept_raises_ends_the_load(tmp_path):
    class RefusedError(Exception):
        pass

    def refuse(extra, slots):
        assert slots > 0
        raise RefusedError

    source = filled()
    buffer = buffer_of()
    with pytest.raises(RefusedError):
        buffer._sampler.load_bytes(source._snapshotter().to_bytes(), b"", refuse)
    assert buffer.ring.published().tolist() == [0, 0]
    buffer._sampler.load_bytes(source._sampler.dump(b""), b"", lambda extra, slots: None)
    assert len(buffer) == len(source)


def test_a_file_that_is_cut_short_while_it_is_read_is_no_signal(tmp_path):
    script = """if True:
        import os, sys, threading, time
        import numpy as np
        from gymnasium import spaces
        from framering import ReplayBuffer

        box = spaces.Box(0, 255, (16, 1024), np.float32)
        path = sys.argv[1]
        obs = np.zeros((1, 16, 1024), np.float32)

        def new():
            return ReplayBuffer(600, box, spaces.Discrete(2), device="numpy", seed=1)

        source = new()
        for step in range(600):
            frames = obs + np.float32(step % 256)
            source.add(frames, obs, np.array([0]), np.zeros(1), np.zeros(1, bool), [{}])
        refused = 0
        for attempt in range(12):
            source.save(path)
            buffer = new()
            def cut():
                time.sleep(attempt * 0.002)
                os.truncate(path, 4096)
            thread = threading.Thread(target=cut)
            thread.start()
            try:
                buffer.load(path)
            except ValueError as error:
                assert "snapshot" in str(error)
                assert len(buffer) == 0
                refused += 1
            thread.join()
        assert refused > 0
    """
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "buffer")],
        stderr=subprocess.PIPE,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-2000:]}"


def test_the_extra_of_an_older_version_is_loaded(tmp_path):
    source = filled()
    extra = source._snapshotter()._header()
    assert json.loads(extra.split(b"\n")[1]) == list(source.generator_state)
    buffer, loaded = load(bytearray(source._sampler.dump(extra)[:-8]), tmp_path)
    assert loaded
    assert buffer.generator_state == source.generator_state
