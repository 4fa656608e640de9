"""Actions of a Discrete space are checked exactly, whatever integer dtype the space has."""

import numpy as np
import pytest
from gymnasium import spaces

from framering import ReplayBuffer

BOX = spaces.Box(-1, 1, (2,), np.float32)
INTEGERS = [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)]


def buffer_of(n, start, dtype, n_envs=3):
    space = spaces.Discrete(n, start=start, dtype=dtype)
    return ReplayBuffer(60, BOX, space, device="numpy", n_envs=n_envs, seed=1)


def add(buffer, actions):
    n = buffer.n_envs
    obs = np.zeros((n, 2), np.float32)
    buffer.add(obs, obs, actions, np.zeros(n), np.zeros(n, bool), [{}] * n)


def ranges(dtype):
    """First action and number of actions: at both ends of the dtype, and in its middle."""
    limits = np.iinfo(dtype)
    yield int(limits.min), 3
    yield int(limits.max) - 2, 3
    yield 0, 4
    yield int(limits.max) // 2 - 1, 5


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_every_action_of_the_space_is_stored_and_its_neighbours_are_refused(dtype):
    limits = np.iinfo(dtype)
    for start, n in ranges(dtype):
        if max(start + n - 1, n) > np.iinfo(np.int64).max:
            continue  # gymnasium's own `start` and `n` are int64
        buffer = buffer_of(n, start, dtype)
        for action in range(start, start + n):
            add(buffer, np.full((3, 1), action, dtype))
        assert set(buffer.sample(500).actions.ravel().tolist()) == set(range(start, start + n))
        for action in (start - 1, start + n, limits.min, limits.max):
            if limits.min <= action <= limits.max and not start <= action < start + n:
                before = buffer.ring.published().tolist()
                message = f"action: expected {start} to {start + n - 1}, got {action} for env"
                with pytest.raises(ValueError, match=message):
                    add(buffer, np.array([start, start, action], dtype))
                assert buffer.ring.published().tolist() == before


def test_a_space_that_ends_at_the_largest_int64_takes_its_actions():
    largest = 2**63 - 1
    buffer = buffer_of(2, largest - 1, np.int64, n_envs=1)
    add(buffer, np.array([largest]))
    add(buffer, np.array([largest - 1]))
    with pytest.raises(ValueError, match=f"expected {largest - 1} to {largest}, got 5"):
        add(buffer, np.array([5]))


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_no_byte_beyond_a_single_action_is_read(dtype):
    buffer = buffer_of(4, 0, dtype, n_envs=1)
    for action in range(4):
        add(buffer, np.array([action], dtype))
    assert buffer.size() == 4


def test_an_action_of_another_byte_order_is_compared_by_its_value():
    buffer = buffer_of(4, 0, np.int32)
    add(buffer, np.array([3, 2, 1], ">i4"))
    assert set(buffer.sample(100).actions.ravel().tolist()) == {1, 2, 3}
    with pytest.raises(ValueError, match="expected 0 to 3, got 16777216"):
        add(buffer, np.array([1, 1, 1 << 24], ">i4"))


def test_random_actions_are_accepted_as_numpy_says():
    random = np.random.default_rng(5)
    for _ in range(300):
        dtype = random.choice(INTEGERS)
        limits = np.iinfo(dtype)
        top = min(int(limits.max), 2**63 - 2)
        start = int(random.integers(limits.min, top, endpoint=True, dtype=np.int64))
        n = int(random.integers(1, min(100, top - start + 1), endpoint=True))
        buffer = buffer_of(n, start, dtype)
        near = [start - 1, start, start + n - 1, start + n, limits.min, limits.max, 0]
        actions = [a for a in random.permutation(np.array(near, object)) if a in range_of(dtype)]
        actions = np.array((actions * 3)[:3], dtype)
        expected = all(start <= int(action) < start + n for action in actions)
        try:
            add(buffer, actions)
        except ValueError:
            assert not expected
            assert buffer.size() == 0
        else:
            assert expected
            batch = buffer.sample(100)
            assert set(batch.actions.ravel().tolist()) == set(actions.tolist())


def range_of(dtype):
    limits = np.iinfo(dtype)
    return range(limits.min, limits.max + 1)


def test_infos_that_change_the_list_while_they_are_read_are_refused():
    class Emptying:
        """A flag whose truth value empties the list that holds it, and the dict."""

        def __bool__(self):
            infos.clear()
            own.clear()
            return True

    own = {"TimeLimit.truncated": Emptying()}
    infos = [own, {"TimeLimit.truncated": False}, {}]
    buffer = buffer_of(4, 0, np.int64)
    obs = np.zeros((3, 2), np.float32)
    with pytest.raises(ValueError, match=r"infos: expected 3 dicts, .* got 0"):
        buffer.add(obs, obs, np.zeros(3, np.int64), np.zeros(3), np.ones(3, bool), infos)
    assert buffer.size() == 0


def test_infos_that_free_the_observations_while_they_are_read_do_no_harm():
    class Freeing:
        """A flag whose truth value takes away the memory of the observations."""

        def __bool__(self):
            obs.resize((1, 1), refcheck=False)
            return False

    obs = np.zeros((64, 4096), np.float32)
    box = spaces.Box(-1, 1, (4096,), np.float32)
    buffer = ReplayBuffer(640, box, spaces.Discrete(2), device="numpy", n_envs=64, seed=1)
    infos = [{"TimeLimit.truncated": Freeing()}, *({} for _ in range(63))]
    actions, next_obs = np.zeros(64, np.int64), np.zeros_like(obs)
    with pytest.raises(ValueError, match="obs: expected shape"):
        buffer.add(obs, next_obs, actions, np.zeros(64), np.zeros(64, bool), infos)
    assert buffer.size() == 0
