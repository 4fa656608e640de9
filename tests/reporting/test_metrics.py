import subprocess
import sys
import threading
import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from framering.reporting.metrics import Metrics, Tracking


def events(folder):
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def test_events_have_the_tags_of_cleanrl(tmp_path):
    metrics = Metrics(tmp_path, {"exp_name": "dqn_atari", "gamma": 0.5})
    metrics.log_episode(7, 21.0, 900)
    metrics.log_update(100, loss=0.25, q_value=1.5, steps_per_second=60)
    metrics.log_final_evaluation([1.0, 2.0])
    metrics.close()

    written = events(tmp_path)
    scalars = {
        tag: [(event.step, event.value) for event in written.Scalars(tag)]
        for tag in written.Tags()["scalars"]
    }
    assert scalars == {
        "charts/episodic_return": [(7, 21.0)],
        "charts/episodic_length": [(7, 900.0)],
        "losses/td_loss": [(100, 0.25)],
        "losses/q_values": [(100, 1.5)],
        "charts/SPS": [(100, 60.0)],
        "eval/episodic_return": [(0, 1.0), (1, 2.0)],
    }
    text = written.Tensors("hyperparameters/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text.startswith("|param|value|\n|-|-|\n|exp_name|dqn_atari|")
    assert "|gamma|0.5|" in text


def test_a_resumed_run_replaces_the_events_from_its_first_step_on(tmp_path):
    for first_step, value in [(0, 1.0), (20, 2.0)]:
        metrics = Metrics(tmp_path, {}, first_step)
        for step in range(first_step, 40, 10):
            metrics.log_evaluation(step, value)
        metrics.close()
        time.sleep(1.1)  # files are read in the order of their names, which hold the second

    points = [(event.step, event.value) for event in events(tmp_path).Scalars("eval/mean_return")]
    assert points == [(0, 1.0), (10, 1.0), (20, 2.0), (30, 2.0)]


# Each file may have 4096 bytes; Python ignores the signal that would end the process.
FULL_DISK = """
import resource, sys, threading, time
from pathlib import Path
from framering.reporting.metrics import Metrics
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
metrics = Metrics(Path(sys.argv[1]), {"gamma": 0.5}, warn=print)
for step in range(3000):
    metrics.log_episode(step, 1.0, 10)
metrics.close()
print("ended with", threading.active_count(), "thread")
"""


@pytest.mark.parametrize("size", [0, 4096, 200_000])
def test_a_full_disk_costs_the_events_and_one_warning(tmp_path, size):
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", FULL_DISK, str(tmp_path), str(size)],
        capture_output=True,
        text=True,
        check=False,
    )

    warning, end = done.stdout.splitlines()
    assert warning.startswith("warning: no more events are written: [Errno 27] File too large")
    assert end == "ended with 1 thread"
    assert done.stderr == ""
    assert done.returncode == 0


def test_errors_of_other_threads_are_still_printed(tmp_path, capsys):
    usual = threading.excepthook
    seen = []
    threading.excepthook = lambda arguments: seen.append(arguments.exc_type)
    try:
        before = threading.excepthook
        metrics = Metrics(tmp_path, {})
        thread = threading.Thread(target=lambda: [].pop())
        thread.start()
        thread.join()
        metrics.close()

        assert seen == [IndexError]
        assert threading.excepthook is before
    finally:
        threading.excepthook = usual


def test_tracking_syncs_the_events_to_wandb(tmp_path, monkeypatch, wait_until):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "name").mkdir(parents=True)
    settings = {"exploration_fraction": 0.1}
    metrics = Metrics(tmp_path / "runs" / "name", settings, tracking=Tracking("cleanRL"))
    metrics.log_episode(7, 21.0, 900)
    metrics.log_update(100, loss=0.25, q_value=1.5, steps_per_second=60)
    metrics.close()

    (recorded,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    words = {b"cleanRL", b"charts/episodic_return", b"losses/td_loss", b"exploration_fraction"}
    # wandb writes its file in a process of its own, which may take a moment longer.
    wait_until(lambda: all(word in recorded.read_bytes() for word in words))
