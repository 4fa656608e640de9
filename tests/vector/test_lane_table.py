"""The binding of LaneTable: rows of commands and results, and its errors."""

import numpy as np
import pytest
from numpy.typing import NDArray

from framering import _core
from framering.vector.shared_arrays import RESET, STEP
from framering.vector.stepper import StepResults

LANES = 3
FRAME = np.arange(64, dtype=np.uint8)
NO_OBSERVATIONS = np.empty((0, LANES, 0), np.uint8)


def rows() -> NDArray[np.uint8]:
    """Return the memory of a table."""
    return np.zeros(LANES * _core.LaneTable.row_bytes, np.uint8)


@pytest.fixture
def table() -> _core.LaneTable:
    """Return an empty table."""
    return _core.LaneTable(rows(), NO_OBSERVATIONS)


@pytest.fixture
def ring() -> _core.Ring:
    """Return an empty ring with as many lanes."""
    return _core.Ring(lanes=LANES, slots=64, frame_bytes=64, stack=2)


def test_columns_are_views_of_the_memory() -> None:
    memory = rows()
    here = _core.LaneTable(memory, NO_OBSERVATIONS)
    there = _core.LaneTable(memory, NO_OBSERVATIONS)
    here.reward[:] = [1.0, 2.0, 3.0]
    here.counters[:, 1] = [4, 5, 6]
    here.game_over[2] = True
    np.testing.assert_array_equal(there.reward, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(there.counters, [[0, 4, 0], [0, 5, 0], [0, 6, 0]])
    np.testing.assert_array_equal(there.game_over, [False, False, True])
    assert np.shares_memory(here.command, memory)


@pytest.mark.parametrize("reset_ended", [False, True])
def test_a_step_of_an_ended_lane_is_a_reset_where_these_are_reset(
    table: _core.LaneTable, reset_ended: bool
) -> None:
    table.ended[2] = True
    table.command_steps(np.array([2, 0]), np.array([5, 4], np.uint8), reset_ended)
    assert table.command_of(0) == (STEP, 4)
    assert table.command_of(2) == (RESET if reset_ended else STEP, 5)
    np.testing.assert_array_equal(table.resets, [False, False, reset_ended])
    np.testing.assert_array_equal(table.running, [True, False, True])


def test_results_are_those_of_the_step_that_finished(
    table: _core.LaneTable, ring: _core.Ring
) -> None:
    writer = ring.writer(1)
    writer.begin_segment(FRAME)
    table.command_steps(np.array([1]), np.array([7]), reset_ended=True)
    table.game_over[1] = True
    table.finish_step(1, writer, FRAME[::-1].copy(), 7, -2.5, True, False, 3, 100, 40)
    results = StepResults(*table.collect(np.array([1])))
    values = [results.rewards, results.terminations, results.truncations, results.restarted]
    assert [value.tolist() for value in values] == [[-2.5], [True], [False], [False]]
    counters = [results.lives, results.frame_numbers, results.episode_frame_numbers]
    assert [value.tolist() for value in counters] == [[3], [100], [40]]
    assert results.lives_mask.tolist() == [True]
    flags = results.resets.tolist()[0], results.any_ended, results.any_restarted
    assert (*flags, results.any_game_over) == (False, True, False, False)
    assert table.ended.tolist() == [False, True, False]
    assert not table.running.any()
    stacks = np.empty((1, 2, 64), np.uint8)
    ring.gather_newest_of(stacks, np.array([1]))
    np.testing.assert_array_equal(stacks[0], [FRAME, FRAME[::-1]])


def test_a_restarted_lane_is_truncated_once(table: _core.LaneTable) -> None:
    table.restarted[0] = table.terminated[0] = True
    results = StepResults(*table.collect(np.arange(LANES)))
    assert results.terminations.tolist() == [False, False, False]
    assert results.truncations.tolist() == [True, False, False]
    assert results.restarted.tolist() == [True, False, False]
    assert (results.any_ended, results.any_restarted) == (True, True)
    assert table.ended.tolist() == [True, False, False]
    table.terminated[0] = False
    again = StepResults(*table.collect(np.arange(LANES)))
    assert not again.truncations.any()
    assert (again.any_ended, again.any_restarted) == (False, False)


def test_new_results_do_not_change_those_collected_before(table: _core.LaneTable) -> None:
    lanes = np.arange(LANES)
    before = StepResults(*table.collect(lanes))
    table.reward[:] = 1.0
    table.counters[:] = 1
    table.truncated[:] = True
    for array in before[:11]:
        assert array.flags.c_contiguous
        assert array.flags.writeable
    for array in (before.rewards, before.lives, before.truncations):
        assert not array.any()


@pytest.mark.parametrize("nbytes", [0, 127, 129])
def test_memory_of_another_size_is_refused(nbytes: int) -> None:
    with pytest.raises(ValueError, match="memory: expected aligned rows of 128 bytes, got"):
        _core.LaneTable(np.zeros(nbytes, np.uint8), NO_OBSERVATIONS)


def test_memory_that_is_not_aligned_is_refused() -> None:
    with pytest.raises(ValueError, match="memory: expected aligned rows of 128 bytes, got"):
        _core.LaneTable(np.zeros(129, np.uint8)[1:], NO_OBSERVATIONS)


@pytest.mark.parametrize("shape", [(2, LANES + 1, 2, 64), (LANES,)])
def test_blocks_for_other_lanes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"observations: expected uint8 \(blocks, {LANES}, ...\)"):
        _core.LaneTable(rows(), np.zeros(shape, np.uint8))


def test_a_lane_gathers_into_the_block_of_its_step_alone(ring: _core.Ring) -> None:
    blocks = np.zeros((2, LANES, 2, 64), np.uint8)
    table = _core.LaneTable(rows(), blocks)
    writer = ring.writer(1)
    writer.begin_segment(FRAME)
    table.gather_observation(1, writer)
    assert not blocks.any()
    table.command_steps(np.arange(LANES), np.zeros(LANES, np.int64), True, 1)
    table.gather_observation(1, writer)
    np.testing.assert_array_equal(blocks[1, 1], [FRAME, FRAME])
    table.finish_step(1, writer, FRAME[::-1].copy(), 0, 0.0, False, False, 0, 0, 0)
    np.testing.assert_array_equal(blocks[1, 1], [FRAME, FRAME[::-1]])
    blocks[1, 1] = 0
    assert not blocks.any()
    table.collect(np.arange(LANES))
    table.gather_observation(1, writer)
    assert not blocks.any()


def test_a_block_that_does_not_exist_or_fit_is_refused(
    table: _core.LaneTable, ring: _core.Ring
) -> None:
    lanes = np.arange(LANES)
    with pytest.raises(IndexError, match="block: expected less than 0"):
        table.command_steps(lanes, lanes, False, 0)
    assert not table.running.any()
    small = _core.LaneTable(rows(), np.zeros((1, LANES, 64), np.uint8))
    small.command_steps(lanes, lanes, False, 0)
    writer = ring.writer(0)
    writer.begin_segment(FRAME)
    with pytest.raises(ValueError, match="observations: expected stacks of 128 bytes"):
        small.finish_step(0, writer, FRAME, 0, 1.0, False, False, 0, 0, 0)
    assert ring.published()[0] == 1


@pytest.mark.parametrize("lane", [-1, LANES])
def test_a_lane_that_does_not_exist_is_refused(
    table: _core.LaneTable, ring: _core.Ring, lane: int
) -> None:
    lanes = np.array([0, lane])
    for call in (
        lambda: table.command_of(lane),
        lambda: table.collect(lanes),
        lambda: table.command_steps(lanes, lanes, False),
        lambda: table.finish_step(lane, ring.writer(0), FRAME, 0, 0.0, False, False, 0, 0, 0),
    ):
        with pytest.raises(IndexError, match=f"lane: expected less than {LANES}, got {lane}"):
            call()
    assert not table.running.any()


def test_a_wrong_frame_changes_no_result(table: _core.LaneTable, ring: _core.Ring) -> None:
    writer = ring.writer(0)
    writer.begin_segment(FRAME)
    with pytest.raises(ValueError, match="frame: expected uint8 of 64 elements"):
        table.finish_step(0, writer, FRAME[1:], 0, 1.0, True, True, 1, 1, 1)
    with pytest.raises(ValueError, match="actions: expected one for each lane"):
        table.command_steps(np.array([0]), np.array([1, 2]), False)
    for column in (table.reward, table.terminated, table.running):
        assert not column.any()
    assert ring.published()[0] == 1


def test_lanes_can_step_if_these_are_different_and_idle_and_actions_are_in_range(
    table: _core.LaneTable,
) -> None:
    def can_step(lanes: object, actions: object) -> bool:
        return table.can_step(np.array(lanes), np.array(actions), 4)

    assert can_step([2, 0], [3, 0])
    wrong = [([2, 2], [0, 0]), ([3], [0]), ([-1], [0]), ([0], [4]), ([0], [-1]), ([0, 1], [0])]
    assert not any(can_step(*pair) for pair in wrong)
    others = [([0.0], [0]), ([0], [0.0]), ([True], [0]), ([[0]], [[0]]), (0, 0)]
    assert not any(can_step(*pair) for pair in others)
    assert not table.can_step(np.array([], np.int64), np.array([], np.int64), 4)
    assert not table.can_step(np.array([0, 1, 2])[::2], np.array([0, 1]), 4)
    assert not table.can_step([0], [0], 4)
    table.running[2] = True
    assert not can_step([2, 0], [3, 0])
    assert can_step([1, 0], [3, 0])
