"""Runs of several processes, which gloo joins on this machine."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training import test_learning
from tests.training.rank_program import LEARNERS, updated

from framering import TrainConfig
from framering.dqn.network import NetworkOptions, make_network
from framering.errors import ConfigError
from framering.training.evaluate import evaluate
from framering.training.loop import train
from framering.training.task import make_task_spec

PROGRAM = Path(__file__).with_name("rank_program.py")
RANKS = 2
SECONDS = 900  # for machines that are busy
PONG = {
    "env_id": "PongNoFrameskip-v4",
    "total_timesteps": 200,
    "num_envs": 4,
    "num_workers": 0,
    "buffer_size": 120,
    "learning_starts": 40,
    "batch_size": 8,
    "train_frequency": 8,
    "target_network_frequency": 48,
    "exploration_fraction": 0.5,
    "end_e": 0.5,  # so that lost generators of exploration change the weights
    "network": "data-efficient",
    "device": "cpu",
}
CARTPOLE = {
    "env_id": "CartPole-v1",
    "total_timesteps": 400,
    "num_envs": 2,
    "buffer_size": 300,
    "learning_starts": 100,
    "batch_size": 8,
    "device": "cpu",
}


def torchrun_command(**settings):
    """Return a command that trains with these settings in two ranks."""
    torchrun = "-m torch.distributed.run --standalone --nproc-per-node 2 -m framering train"
    flags = [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in settings.items()
    ]
    return [sys.executable, *shlex.split(torchrun), *flags]


def free_port():
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


def start(cwd, program, ranks=RANKS, **arguments):
    """Run a function of the program in several ranks; return their exit codes and outputs."""
    shared = {
        **os.environ,
        "TORCHELASTIC_RUN_ID": "test",
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(ranks),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(free_port()),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, str(PROGRAM), program, json.dumps(arguments)]
    processes = [
        subprocess.Popen(
            command,
            cwd=cwd,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(ranks)
    ]
    try:
        outputs = [process.communicate(timeout=SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [process.returncode for process in processes], outputs


def trained(folder, config, **arguments):
    """Train in several ranks; return what each has saved."""
    codes, outputs = start(folder, "train_ranks", config=config, name="run", **arguments)
    assert codes == [0] * RANKS, outputs
    return [torch.load(folder / f"run-{rank}.pt") for rank in range(RANKS)]


def assert_same_weights(*results):
    first, *others = (result["weights"] for result in results)
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)


@pytest.fixture(scope="module")
def half_batches(tmp_path_factory):
    """The folder of the states of learners that two ranks have updated."""
    folder = tmp_path_factory.mktemp("learners")
    codes, outputs = start(folder, "update_learners", folder=str(folder))
    assert codes == [0] * RANKS, outputs
    return folder


@pytest.mark.parametrize("name", LEARNERS)
def test_ranks_with_halves_of_the_batches_learn_what_one_process_learns(name, half_batches):
    whole = updated(name)["q_network"]

    first, second = (torch.load(half_batches / f"{name}-{rank}.pt") for rank in range(RANKS))

    for key, value in whole.items():
        assert torch.equal(first["q_network"][key], second["q_network"][key])
        torch.testing.assert_close(first["q_network"][key], value, rtol=1e-4, atol=2e-6)


def test_a_learner_of_three_ranks_goes_on_bit_for_bit(tmp_path):
    codes, outputs = start(tmp_path, "resume_learner", ranks=3, folder=str(tmp_path))
    assert codes == [0] * 3, outputs

    whole, *others = (
        torch.load(tmp_path / f"{name}-{rank}.pt")
        for name in ("whole", "resumed")
        for rank in range(3)
    )

    for other in others:
        assert all(torch.equal(other[key], whole[key]) for key in whole)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """What each rank has saved of a run of Pong that nothing stopped."""
    return trained(tmp_path_factory.mktemp("whole"), PONG)


def test_all_ranks_have_the_same_weights_and_one_folder_with_one_event_file(whole_run):
    first, second = whole_run

    assert_same_weights(first, second)
    assert first["folder"] == second["folder"]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_rank_stops_all_and_the_resumed_run_ends_with_the_same_weights(
    rank, whole_run, tmp_path
):
    config = {**PONG, "checkpoint_every": 1000}
    stopped = trained(tmp_path, config, at=120, rank=rank)

    assert [(one["interrupted"], one["steps"]) for one in stopped] == [(True, 120)] * RANKS
    resumed = trained(tmp_path, {"resume": stopped[0]["folder"]})
    assert_same_weights(*whole_run, *resumed)


def test_a_killed_rank_ends_the_run_which_resumes_from_its_checkpoint(whole_run, tmp_path):
    config = {**PONG, "checkpoint_every": 100, "prioritized": False}
    codes, outputs = start(
        tmp_path, "train_ranks", config=config, at=140, number=int(signal.SIGKILL)
    )

    assert codes[1] == -signal.SIGKILL
    assert codes[0] > 0
    assert "rank 0 lost the other ranks" in outputs[0]
    (folder,) = (tmp_path / "runs").iterdir()
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["000000000100"]
    assert_same_weights(*whole_run, *trained(tmp_path, {"resume": str(folder)}))


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """The folder and the output of ``framering train`` under torchrun."""
    folder = tmp_path_factory.mktemp("cartpole")
    settings = {"eval_every": 200, "eval_episodes": 2, "checkpoint_every": 200}
    done = subprocess.run(
        torchrun_command(**CARTPOLE, **settings, save_model=True),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_the_first_rank_alone_writes_and_prints(finished_run):
    folder, output = finished_run

    (run,) = (folder / "runs").iterdir()
    assert len(list(run.glob("events.out.tfevents.*"))) == 1
    assert (run / "dqn_atari.cleanrl_model").is_file()
    assert output.count("2 environments in 2 ranks") == 1
    assert output.count("model saved to") == 1
    assert output.count("step 200: evaluation") == 1


def test_the_episodes_of_all_ranks_are_reported(finished_run):
    _, output = finished_run
    # An episode has 10 steps or more while the policy is random, so one rank has at most 20.
    assert int(output.split(" minutes, ")[1].split(" episodes")[0]) > 0


@pytest.mark.parametrize(("size", "message"), [(1, "got 1;"), (3, "got 3;")])
def test_another_number_of_ranks_cant_resume(size, message, finished_run, monkeypatch):
    (run,) = (finished_run[0] / "runs").iterdir()
    numbers = {"RANK": 0, "WORLD_SIZE": size, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": size}
    for name, value in {"TORCHELASTIC_RUN_ID": "test", **numbers}.items():
        monkeypatch.setenv(name, str(value))

    with pytest.raises(ConfigError, match=f"expected 2 ranks, .* {message} .*--nproc-per-node 2"):
        train(TrainConfig(resume=str(run)))


def test_two_ranks_learn_the_corridor(tmp_path):
    config = {**test_learning.CONFIG, "num_envs": 2, "network": "data-efficient"}
    first, second = trained(tmp_path, config, imported=test_learning.__file__)
    task = make_task_spec(config["env_id"])
    options = NetworkOptions(architecture=config["network"])
    network = make_network(task.observation_space.shape, task.num_actions, options)
    network.load_state_dict(first["weights"])

    returns = evaluate(network, task, episodes=30, epsilon=0, seed=101)

    assert_same_weights(first, second)
    assert np.mean(returns) >= 0.95


def test_a_signal_to_torchrun_stops_all_ranks_with_a_checkpoint(tmp_path):
    settings = {**CARTPOLE, "total_timesteps": 10**9, "checkpoint_every": 10**9}
    process = subprocess.Popen(
        torchrun_command(**settings),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("step"):
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.wait()

    assert "interrupted at step" in rest
    assert "resume with: torchrun --standalone --nproc-per-node 2 -m framering train" in rest
    (run,) = (tmp_path / "runs").iterdir()
    (checkpoint,) = (run / "checkpoints").iterdir()
    assert {path.name for path in checkpoint.iterdir()} == {
        *("state.pt", "state-1.pt", "replay", "replay-1", "checkpoint.json")
    }


def test_a_killed_rank_ends_torchrun(tmp_path):
    arguments = {"config": CARTPOLE, "at": 200, "number": int(signal.SIGKILL)}
    command = "-m torch.distributed.run --standalone --nproc-per-node 2"
    done = subprocess.run(
        [sys.executable, *shlex.split(command), PROGRAM, "train_ranks", json.dumps(arguments)],
        cwd=tmp_path,
        capture_output=True,
        timeout=SECONDS,
    )

    assert done.returncode != 0
