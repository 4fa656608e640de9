"""What needs newer libraries than the replay buffers need says so in one line."""

import subprocess
import sys

import pytest

from framering.errors import OldLibraryError

# Old libraries, whatever is installed: their modules lack what newer ones have.
WITHOUT_AUTORESET_MODE = """
import gymnasium.vector
gymnasium.vector.__dict__.pop("AutoresetMode", None)
"""
WITHOUT_ATARI_ENV = """
import sys
sys.modules["ale_py.env"] = None
"""


def last_line(program):
    """Run a program that must fail; return the last line of its error."""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode != 0
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("library", "statement", "need"),
    [
        (WITHOUT_AUTORESET_MODE, "from framering import AtariVectorEnv", "Gymnasium 1.1"),
        (WITHOUT_AUTORESET_MODE, "from framering import train", "Gymnasium 1.1"),
        (WITHOUT_ATARI_ENV, "from framering import AtariPreprocessing", "ale-py 0.10"),
    ],
    ids=["AtariVectorEnv", "train", "AtariPreprocessing"],
)
def test_a_name_that_needs_a_newer_library_says_which(library, statement, need):
    line = last_line(library + statement)

    assert f"needs {need} or newer" in line
    assert line.endswith("pip install -U gymnasium ale-py")


def test_the_error_of_an_old_library_is_an_import_error():
    assert issubclass(OldLibraryError, ImportError)


def test_the_command_says_in_one_line_which_library_is_too_old():
    program = WITHOUT_AUTORESET_MODE + "from framering.cli import main; main(['train'])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "needs Gymnasium 1.1 or newer" in result.stderr


@pytest.mark.parametrize("name", ["ReplayBuffer", "PrioritizedReplayBuffer", "QNetwork"])
def test_the_replay_buffers_and_networks_need_no_newer_library(name):
    program = f"{WITHOUT_AUTORESET_MODE}{WITHOUT_ATARI_ENV}from framering import {name}"

    subprocess.run([sys.executable, "-c", program], check=True)
