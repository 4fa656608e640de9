import os
import subprocess
import sys

import pytest

from framering.training.workers import worker_count


def test_all_cores_count_where_the_system_binds_no_process_to_some(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)

    assert worker_count(num_envs=8, num_workers=None, pipelined=True) == 5


@pytest.mark.parametrize(
    ("num_envs", "num_workers", "pipelined", "expected"),
    [
        (1, None, False, 0),
        (1, None, True, 0),
        (8, None, False, None),
        (8, None, True, 3),
        (2, None, True, 2),
        (8, 0, True, 0),
        (8, 5, False, 5),
    ],
)
def test_workers_are_those_asked_for_or_one_a_core(
    monkeypatch, num_envs, num_workers, pipelined, expected
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})

    assert worker_count(num_envs, num_workers, pipelined) == expected


def test_tuning_the_process_needs_no_torch():
    program = (
        "import sys, framering; framering.tune_process(framering.TrainConfig()); "
        "print('torch' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert output.split()[-1] == "False"
