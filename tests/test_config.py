import dataclasses

import pytest

from framering import TrainConfig
from framering.errors import ConfigError

# cleanrl/dqn_atari.py
CLEANRL = {
    "exp_name": "dqn_atari",
    "seed": 1,
    "torch_deterministic": True,
    "cuda": True,
    "track": False,
    "wandb_project_name": "cleanRL",
    "wandb_entity": None,
    "capture_video": False,
    "save_model": False,
    "upload_model": False,
    "hf_entity": "",
    "env_id": "BreakoutNoFrameskip-v4",
    "total_timesteps": 10_000_000,
    "learning_rate": 1e-4,
    "num_envs": 1,
    "buffer_size": 1_000_000,
    "gamma": 0.99,
    "tau": 1.0,
    "target_network_frequency": 1000,
    "batch_size": 32,
    "start_e": 1,
    "end_e": 0.01,
    "exploration_fraction": 0.10,
    "learning_starts": 80_000,
    "train_frequency": 4,
}


def test_has_every_argument_of_cleanrl_with_its_default():
    ours = dataclasses.asdict(TrainConfig())

    assert {name: ours.get(name) for name in CLEANRL} == CLEANRL


def test_the_defaults_pass():
    TrainConfig().check()


@pytest.mark.parametrize(
    ("settings", "pipelined"),
    [
        ({}, False),
        ({"num_envs": 8}, True),
        ({"pipeline": True}, True),
        ({"num_envs": 8, "pipeline": False}, False),
    ],
)
def test_the_pipeline_is_for_several_environments(settings, pipelined):
    assert TrainConfig(**settings).pipelined is pipelined


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 64, "learning_starts": 63}, "--batch-size 64 is larger than"),
        ({"total_timesteps": 0}, "--total-timesteps must be 1 or more; got 0"),
        ({"num_envs": 0}, "--num-envs must be 1 or more"),
        ({"num_envs": 8, "buffer_size": 7}, "--buffer-size 7 leaves nothing"),
        ({"gamma": 1.5}, "--gamma must be between 0 and 1; got 1.5"),
        ({"gamma": float("nan")}, "--gamma must be between 0 and 1; got nan"),
        ({"tau": 0.0}, "--tau must be above 0"),
        ({"learning_rate": -1.0}, "--learning-rate must be above 0"),
        ({"exploration_fraction": 0.0}, "--exploration-fraction must be above 0"),
        ({"train_frequency": 0}, "--train-frequency must be 1 or more"),
        ({"seed": -1}, "--seed must be 0 or more"),
        ({"upload_model": True}, "--upload-model uploads what --save-model saves"),
        ({"n_step": 0}, "--n-step must be 1 or more"),
        ({"max_grad_norm": -1.0}, "--max-grad-norm must be 0 or more"),
        ({"num_workers": -1}, "--num-workers must be between 0 and --num-envs 1; got -1"),
        ({"num_workers": 3, "num_envs": 2}, "between 0 and --num-envs 2; got 3"),
        ({"checkpoint_every": -1}, "--checkpoint-every must be 0 or more"),
        ({"screen_size": 35}, "--screen-size must be 36 or more"),
        ({"exp_name": "a/b"}, "--exp-name is a file name"),
    ],
)
def test_a_setting_that_cant_work_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**settings).check()
