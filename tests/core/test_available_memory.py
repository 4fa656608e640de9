"""FRAMERING_MEMORY: the memory that may be taken, where the system reports another."""

import os
import subprocess
import sys

import pytest

from framering import _core

FILL = """
import numpy as np
from gymnasium.spaces import Box, Discrete
from framering import ReplayBuffer
buffer = ReplayBuffer(100, Box(0, 255, (4, 84, 84), np.uint8), Discrete(2), "numpy", shared=True)
stack = np.zeros((1, 4, 84, 84), np.uint8)
buffer.add(stack, stack, [0], [0.0], [False], [{}])
print(buffer.size())
"""


def run(code, memory):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FRAMERING_MEMORY": memory},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_it_the_system_says():
    assert 0 < _core.available_memory() < 2**50


@pytest.mark.parametrize("memory", ["1000000", "1000000000000"])
def test_no_more_than_it_says_is_taken(memory):
    done = run(FILL, memory)
    if memory == "1000000":
        assert "MemoryError: memory: expected at most the available 0 MiB, got" in done.stderr
        assert "FRAMERING_MEMORY" in done.stderr
    else:
        assert done.stdout.split()[-1] == "1", done.stderr


@pytest.mark.parametrize("memory", ["8G", "-1", "1e9", "99999999999999999999999", " 1"])
def test_what_is_no_number_of_bytes_is_an_error_at_import(memory):
    done = run("import framering._core", memory)
    assert f"FRAMERING_MEMORY: expected a number of bytes, got '{memory}'" in done.stderr
