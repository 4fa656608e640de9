"""FRAMERING_CPU: every instruction-set path is tested on every machine that runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import framering

TESTS = Path(__file__).parent
NAMES = ("resize", "preprocessor", "incremental", "palette", "scaling")
FRAME_TESTS = [str(TESTS / f"test_frame_{name}.py") for name in NAMES]
ENCODING_TESTS = [str(TESTS.parent / "replay" / "test_encoded_frames.py")]
FEATURES = framering.cpu_features()
PATHS = ["portable", *(path for path in ("avx2", "avx512") if FEATURES[path])]
OTHER_PATHS = [path for path in PATHS if path != FEATURES["path"]]


def run(arguments, path):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "FRAMERING_CPU": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_forced_path_is_taken(path):
    done = run(["-c", "import framering; print(framering.cpu_features()['path'])"], path)
    assert done.stdout.split()[-1] == path, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("tests", [FRAME_TESTS, ENCODING_TESTS], ids=["frames", "encoding"])
@pytest.mark.parametrize("path", OTHER_PATHS)
def test_the_tests_pass_on_the_other_paths(path, tests):
    done = run(["-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], path)
    assert done.returncode == 0, done.stdout


def test_a_name_that_is_no_path_is_an_error_at_import():
    done = run(["-c", "import framering._core"], "sse9")
    assert done.returncode != 0
    assert "FRAMERING_CPU: expected 'portable', 'avx2' or 'avx512', got 'sse9'" in done.stderr
