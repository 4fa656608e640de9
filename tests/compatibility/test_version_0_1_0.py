"""Files of version 0.1.0 load.

The files in ``data`` were written by that version, when `framering.replay` was a module: buffers as
pickles and snapshots, the batch that each drew next, and two runs with their checkpoints.
"""

import importlib
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

import framering
from framering import PrioritizedReplayBuffer, ReplayBuffer, TrainConfig, train
from framering.dqn.weights import load_network
from framering.training.checkpoint import load_checkpoint

DATA = Path(__file__).parent / "data"
STACKS = spaces.Box(0, 255, (4, 9, 11), np.uint8)
KINDS = {
    "uniform": (ReplayBuffer, {"device": "cpu"}),
    "n_step": (ReplayBuffer, {"device": "numpy", "n_step": 3}),
    "prioritized": (PrioritizedReplayBuffer, {"device": "cpu"}),
}


def assert_draws_what_version_0_1_0_drew(buffer, name):
    batch = buffer.sample(16)._asdict()
    with np.load(DATA / f"{name}.npz") as recorded:
        present = {field for field, value in batch.items() if value is not None}
        assert present == set(recorded)
        for field in recorded:
            np.testing.assert_array_equal(np.asarray(batch[field]), recorded[field], field)


@pytest.mark.parametrize("name", [*KINDS, "sb3"])
def test_a_pickle_loads_and_draws_the_same_batch(name):
    buffer = pickle.loads((DATA / f"{name}.pickle").read_bytes())

    assert_draws_what_version_0_1_0_drew(buffer, name)


@pytest.mark.parametrize("name", KINDS)
def test_a_snapshot_loads_and_draws_the_same_batch(name):
    kind, options = KINDS[name]
    buffer = kind(80, STACKS, spaces.Discrete(3), n_envs=2, seed=9, **options)

    buffer.load(DATA / f"{name}.snapshot")

    assert_draws_what_version_0_1_0_drew(buffer, name)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    with tarfile.open(DATA / "runs.tar.xz") as archive:
        # Python 3.10 and 3.11 have filters only in their later releases.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.mark.parametrize(("run", "steps"), [("cartpole", 300), ("pong", 40)])
def test_a_run_continues_from_its_checkpoint_to_its_end(runs, run, steps):
    saved = load_checkpoint(runs / run)

    result = train(TrainConfig(resume=str(runs / run)))

    assert result.steps == steps
    assert saved.state["step"] < steps


def test_a_resumed_learner_has_the_saved_weights_and_moments(runs, monkeypatch):
    monkeypatch.setattr("framering.training.loop.learn", lambda *arguments: None)
    saved = load_checkpoint(runs / "cartpole").state["learner"]["q_network"]

    network = train(TrainConfig(resume=str(runs / "cartpole"))).q_network

    for name, weights in network.state_dict().items():
        assert torch.equal(weights, saved[name])


def test_the_network_of_a_model_file_computes_action_values(runs):
    network = load_network(runs / "cartpole" / "dqn_atari.cleanrl_model", (4,), 2)

    assert network(torch.zeros(1, 4)).shape == (1, 2)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("framering.replay", ["ReplayBuffer", "ReplayBufferSamples"]),
        ("framering.prioritized", ["PrioritizedReplayBuffer", "PrioritizedReplayBufferSamples"]),
        ("framering.atari", ["AtariEmulator"]),
        ("framering.training", ["train", "TrainResult"]),
        ("framering.vector_env", ["AtariVectorEnv"]),
        ("framering.integrations.sb3", ["ReplayBuffer"]),
        ("framering.integrations.torchrl", ["TensorDictReplayBuffer"]),
        ("framering", framering.__all__),
    ],
)
def test_a_public_path_holds_its_names(module, names):
    assert all(hasattr(importlib.import_module(module), name) for name in names)
