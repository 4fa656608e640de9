"""Functions that several tests of vector environments share."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from framering import AtariVectorEnv


@pytest.fixture
def play() -> Callable[..., Any]:
    """Reset with a seed, and take random actions."""

    def play(envs: AtariVectorEnv, steps: int) -> Iterator[Any]:
        draws = np.random.default_rng(1)
        yield envs.reset(seed=3)
        for _ in range(steps):
            yield envs.step(draws.integers(envs.single_action_space.n, size=envs.num_envs))

    return play


@pytest.fixture
def assert_equal() -> Callable[..., Any]:
    """Compare nested results without their wall-clock times."""

    def assert_equal(one: Any, other: Any) -> None:
        if isinstance(one, dict):
            assert one.keys() == other.keys()
            for key in one.keys() - {"t"}:
                assert_equal(one[key], other[key])
        elif isinstance(one, tuple) or (isinstance(one, np.ndarray) and one.dtype == object):
            assert len(one) == len(other)
            for mine, theirs in zip(one, other, strict=True):
                assert_equal(mine, theirs)
        else:
            np.testing.assert_array_equal(one, other)

    return assert_equal


@pytest.fixture
def worker_ids() -> Callable[..., Any]:
    """Process ids of the workers of a vector environment."""

    def worker_ids(envs: AtariVectorEnv) -> list[int]:
        executor: Any = envs._stepper.executor
        return [process.pid for process in executor._processes]

    return worker_ids


@pytest.fixture
def is_alive() -> Callable[..., Any]:
    """Whether a process exists and has not ended."""

    def is_alive(process: int) -> bool:
        try:
            with open(f"/proc/{process}/stat") as stat:
                return stat.read().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    return is_alive
