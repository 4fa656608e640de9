"""The end of a run on a full disk."""

import subprocess
import sys

FULL = """
import resource, sys
from framering import TrainConfig, train
from framering.errors import RunError

def limit(step):
    # Events still fit; the model and a checkpoint don't.
    if step == 60:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

config = TrainConfig(
    env_id="CartPole-v1", total_timesteps=200, buffer_size=1000, learning_starts=100, device="cpu",
    save_model=sys.argv[1] == "model", checkpoint_every=50,
)
try:
    result = train(config, limit)
    print("steps", result.steps)
except RunError as error:
    print("RunError", error)
"""


def run_on_a_full_disk(folder, what):
    return subprocess.run(
        [sys.executable, "-c", FULL, what], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_a_model_that_cannot_be_saved_is_an_error_of_the_run_in_one_line(tmp_path):
    output = run_on_a_full_disk(tmp_path, "model")

    line = output.splitlines()[-1]
    assert line.startswith("RunError the model could not be saved to runs/CartPole-v1__")
    assert "File too large" in line
    (run,) = (tmp_path / "runs").iterdir()
    assert not list(run.glob("*model*"))


def test_checkpoints_that_cannot_be_saved_are_warnings_and_leave_the_last_good_one(tmp_path):
    output = run_on_a_full_disk(tmp_path, "checkpoints")

    assert output.splitlines()[-1] == "steps 200"
    assert output.count("warning: no checkpoint at step") == 3
    (run,) = (tmp_path / "runs").iterdir()
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["000000000050"]
