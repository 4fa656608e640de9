"""Runs with collectors as a user starts them: killed, interrupted, and resumed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framering.training.checkpoint import load_checkpoint

pytestmark = [pytest.mark.linux("finds Ray's processes in /proc"), pytest.mark.slow]

SECONDS = 480  # Ray's start takes several tries where the machine is busy
TRAIN = [
    *("--env-id", "BreakoutNoFrameskip-v4", "--network", "data-efficient", "--device", "cpu"),
    *("--collectors", "2", "--collector-envs", "2", "--collector-steps", "16"),
    *("--total-timesteps", "1e6", "--learning-starts", "100", "--batch-size", "4"),
    *("--buffer-size", "4000", "--checkpoint-every", "200", "--torch-threads", "1"),
]


@pytest.fixture
def started(tmp_path):
    """A function (arguments) -> a running ``framering train`` in an empty folder."""
    processes = []

    def start(*arguments):
        command = [sys.executable, "-m", "framering", "train", *arguments]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def checkpoints(runs, after=0):
    """Return the folders of the checkpoints of later steps."""
    return [one for one in runs.glob("*/checkpoints/[0-9]*") if int(one.name) > after]


def ray_processes(parent):
    """Return the command lines of a process's descendants."""
    children = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            above = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(above), []).append(int(folder.name))
    found, rest = [], [parent]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def gone(process):
    return not os.path.exists(f"/proc/{process}/exe")


def test_a_learner_that_is_killed_goes_on_with_another_number_and_ctrl_c_ends_all(
    started, tmp_path, wait_until
):
    killed = started(*TRAIN)
    (checkpoint, *_) = wait_until(lambda: checkpoints(tmp_path / "runs"), SECONDS)
    run, step = checkpoint.parent.parent, int(checkpoint.name)
    below = ray_processes(killed.pid)
    assert len(below) >= 4
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(30)
    # Ray's processes look every few seconds for the one that has started them.
    wait_until(lambda: all(map(gone, below)), SECONDS)

    step = int(load_checkpoint(run).folder.name)
    resumed = started("--resume", str(run), "--collectors", "1")
    wait_until(lambda: checkpoints(tmp_path / "runs", after=step), SECONDS)
    below = ray_processes(resumed.pid)
    # As from a terminal, where Ctrl-C goes to the whole group.
    os.killpg(resumed.pid, signal.SIGINT)
    begin = time.monotonic()
    output, _ = resumed.communicate(timeout=SECONDS)

    assert resumed.returncode == 130, output
    assert time.monotonic() - begin < 60
    # Ray's processes look every few seconds for the one that has started them.
    wait_until(lambda: all(map(gone, below)), SECONDS)
    state = load_checkpoint(run).state
    assert state["environments"] == {"incarnations": [1]}
    assert state["step"] > step
    assert f"interrupted at step {state['step']:,}" in output
