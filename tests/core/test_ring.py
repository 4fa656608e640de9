"""The ring's bindings: what they check, and that what goes in comes out."""

import multiprocessing

import numpy as np
import pytest

from framering._core import LaneWriter, Ring

FRAME = (3, 5)
STACK = 4


def small_ring(*, lanes: int = 1, slots: int = 32, shared: bool = False) -> Ring:
    return Ring(lanes=lanes, slots=slots, frame_bytes=15, stack=STACK, shared=shared)


def frame(value: int) -> np.ndarray:
    return np.full(FRAME, value, np.uint8)


def write_segment(writer: LaneWriter, values: range) -> None:
    writer.begin_segment(frame(values[0]))
    for value in values[1:]:
        writer.append(frame(value), value, float(value), False, False)


def newest(ring: Ring) -> np.ndarray:
    out = np.empty((ring.lanes, STACK, *FRAME), np.uint8)
    ring.gather_newest(out)
    return out[:, :, 0, 0]


def test_the_newest_stacks_are_gathered_lane_by_lane():
    ring = small_ring(lanes=2)
    write_segment(ring.writer(0), range(1, 7))
    write_segment(ring.writer(1), range(50, 52))
    assert ring.published().tolist() == [6, 2]
    assert newest(ring).tolist() == [[3, 4, 5, 6], [50, 50, 50, 51]]


def test_a_subset_of_lanes_is_gathered():
    ring = small_ring(lanes=3)
    for lane in range(3):
        write_segment(ring.writer(lane), range(10 * lane, 10 * lane + 4))
    out = np.empty((1, STACK, *FRAME), np.uint8)
    ring.gather_newest(out, first_lane=1, number=1)
    assert out[0, :, 0, 0].tolist() == [10, 11, 12, 13]


def test_transitions_are_gathered_as_blocks_or_as_two_stacks():
    ring = small_ring()
    write_segment(ring.writer(0), range(1, 9))
    lanes, slots = np.zeros(2, np.int64), np.array([7, 1])
    block = np.empty((2, STACK + 1, *FRAME), np.uint8)
    ring.gather(lanes, slots, block)
    assert block[:, :, 0, 0].tolist() == [[4, 5, 6, 7, 8], [1, 1, 1, 1, 2]]
    obs, next_obs = np.empty((2, 2, STACK, *FRAME), np.uint8)
    ring.gather(lanes, slots, obs, next_obs)
    np.testing.assert_array_equal(obs, block[:, :-1])
    np.testing.assert_array_equal(next_obs, block[:, 1:])


def write_from_child(fd: int) -> None:
    write_segment(Ring.attach(fd).writer(0), range(1, 6))


def test_a_child_process_writes_what_the_parent_gathers():
    ring = small_ring(shared=True)
    child = multiprocessing.get_context("fork").Process(target=write_from_child, args=(ring.fd,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert newest(ring).tolist() == [[2, 3, 4, 5]]


def test_private_memory_has_no_descriptor():
    assert small_ring().fd == -1


def test_attaching_to_something_else_is_an_error(tmp_path):
    path = tmp_path / "foreign"
    path.write_bytes(b"\x00" * 8192)
    with path.open("r+b") as file, pytest.raises(ValueError, match="holds no ring"):
        Ring.attach(file.fileno())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lanes": 0}, "at least 1 lane, got 0"),
        ({"slots": 8}, "more than twice as many slots as frames in a stack, got 8"),
        ({"frame_bytes": 0}, "frames of at least 1 byte, got 0"),
    ],
)
def test_a_geometry_that_no_ring_can_have_is_refused(arguments, message):
    geometry = {"lanes": 1, "slots": 32, "frame_bytes": 15, "stack": 4}
    with pytest.raises(ValueError, match=message):
        Ring(**{**geometry, **arguments})


@pytest.mark.parametrize("shared", [False, True])
def test_a_ring_beyond_memory_says_what_it_needs(shared):
    with pytest.raises(
        MemoryError, match=r"memory: expected at most the available \d+ MiB, got \d+ MiB for a ring"
    ):
        Ring(lanes=1, slots=1 << 30, frame_bytes=1 << 24, stack=1, shared=shared)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.zeros(FRAME, np.float32), TypeError, r"expected uint8 of 15 .*got float32 \(3, 5\)"),
        (np.zeros((3, 4), np.uint8), ValueError, r"expected uint8 of 15 .*got uint8 \(3, 4\)"),
        (np.zeros((3, 10), np.uint8)[:, ::2], ValueError, "C-contiguous"),
    ],
)
def test_a_wrong_frame_is_refused_and_changes_nothing(bad, error, message):
    ring = small_ring()
    writer = ring.writer(0)
    writer.begin_segment(frame(1))
    with pytest.raises(error, match=message):
        writer.append(bad, 0, 0.0, False, False)
    with pytest.raises(error, match=message):
        writer.begin_segment(bad)
    assert ring.published().tolist() == [1]


def test_append_before_a_segment_has_begun_is_an_error():
    with pytest.raises(RuntimeError, match="call begin_segment first"):
        small_ring().writer(0).append(frame(1), 0, 0.0, False, False)


def test_a_wrong_action_is_refused():
    writer = small_ring().writer(0)
    writer.begin_segment(frame(1))
    with pytest.raises(ValueError, match=r"expected 8 contiguous bytes, got float32 \(1,\)"):
        writer.append(frame(2), np.zeros(1, np.float32), 0.0, False, False)


def test_an_int_is_refused_where_actions_are_wider():
    writer = Ring(lanes=1, slots=32, frame_bytes=15, stack=1, action_bytes=24).writer(0)
    writer.begin_segment(frame(1))
    with pytest.raises(TypeError, match="action_bytes=8, this one has 24"):
        writer.append(frame(2), 3, 0.0, False, False)


def test_out_must_be_writable_and_of_the_right_size():
    ring = small_ring()
    write_segment(ring.writer(0), range(1, 3))
    out = np.empty((1, STACK, *FRAME), np.uint8)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        ring.gather_newest(out)
    with pytest.raises(ValueError, match=r"expected uint8 \(1, 4, 15\)"):
        ring.gather_newest(np.empty((2, STACK, *FRAME), np.uint8))


def test_gathering_slots_that_are_no_transitions_is_an_index_error():
    ring = small_ring()
    write_segment(ring.writer(0), range(1, 4))
    out = np.empty((1, STACK + 1, *FRAME), np.uint8)
    for lane, slot in [(0, 0), (0, 3), (1, 1), (-1, 1), (0, -1)]:
        with pytest.raises(IndexError):
            ring.gather(np.array([lane]), np.array([slot]), out)


def test_lanes_beyond_the_ring_are_index_errors():
    with pytest.raises(IndexError, match="with 1 lanes"):
        small_ring().writer(1)
    with pytest.raises(IndexError):
        small_ring().gather_newest(np.empty((1, 60), np.uint8), first_lane=2)


def test_frame_locations_tell_deltas_from_key_frames():
    ring = Ring(lanes=2, slots=32, frame_bytes=64 * 64, stack=STACK, row_bytes=64)
    writer = ring.writer(1)
    image = np.zeros((64, 64), np.uint8)
    writer.begin_segment(image)
    for step in range(20):
        image[step, 0] = 1  # one word differs from the frame before
        writer.append(image, 0, 0.0, False, False)
    ends, spans = ring.frame_locations(1).astype(np.int64).T

    # Zeros are a header alone, and a word that has changed needs a mask, too. The 16th frame after
    # a key frame is one: 16 rows differ from the one above, by masks of two groups.
    assert spans[:3].tolist() == [1, 4, 7]
    begins = ends - spans
    assert np.flatnonzero(np.diff(begins)).tolist() == [15]
    assert np.diff(ends)[:15].tolist() == [3] * 15
    assert len(ring.frame_locations(0)) == 0


def test_frame_locations_begin_at_the_oldest_slot():
    ring = Ring(lanes=1, slots=32, frame_bytes=64 * 64, stack=STACK, row_bytes=64)
    writer = ring.writer(0)
    image = np.zeros((64, 64), np.uint8)
    writer.begin_segment(image)
    for _ in range(99):
        writer.append(image, 0, 0.0, False, False)

    assert ring.frame_locations(0)[:, 0].tolist() == list(range(69, 101))


def test_raw_frames_have_no_locations():
    with pytest.raises(ValueError, match="frame_locations: expected a ring with encoded frames"):
        small_ring().frame_locations(0)


def test_a_lane_that_does_not_exist_has_no_locations():
    ring = Ring(lanes=1, slots=32, frame_bytes=64 * 64, stack=STACK, row_bytes=64)
    with pytest.raises(IndexError):
        ring.frame_locations(1)
