import dataclasses

import pytest

from framering import TrainConfig
from framering.config import MAX_INTEGER
from framering.errors import ConfigError

NAN, INF = float("nan"), float("inf")

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


def test_the_default_settings_pass_the_check():
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
        ({"batch_size": 64, "learning_starts": 63}, "--batch-size: expected at most"),
        ({"total_timesteps": 0}, "--total-timesteps: expected 1 or more, got 0"),
        ({"total_timesteps": 10**400}, "--total-timesteps: expected at most"),
        ({"num_envs": 0}, "--num-envs: expected 1 or more, got 0"),
        ({"num_envs": 10_001}, "--num-envs: expected at most 10000, got 10001"),
        ({"num_envs": 8, "buffer_size": 7}, "--buffer-size: expected at least --num-envs 8, got 7"),
        ({"gamma": 1.5}, "--gamma: expected between 0 and 1, got 1.5"),
        ({"gamma": NAN}, "--gamma: expected between 0 and 1, got nan"),
        ({"start_e": NAN}, "--start-e: expected between 0 and 1, got nan"),
        ({"end_e": -INF}, "--end-e: expected between 0 and 1, got -inf"),
        ({"alpha": INF}, "--alpha: expected between 0 and 1, got inf"),
        ({"beta": NAN}, "--beta: expected between 0 and 1, got nan"),
        ({"tau": 0.0}, "--tau: expected above 0 and at most 1, got 0.0"),
        ({"tau": NAN}, "--tau: expected above 0 and at most 1, got nan"),
        ({"learning_rate": -1.0}, "--learning-rate: expected above 0"),
        ({"learning_rate": INF}, "--learning-rate: expected above 0 and at most 1, got inf"),
        ({"exploration_fraction": 0.0}, "--exploration-fraction: expected above 0"),
        ({"exploration_fraction": NAN}, "--exploration-fraction: expected above 0"),
        ({"train_frequency": 0}, "--train-frequency: expected 1 or more"),
        ({"seed": -1}, "--seed: expected 0 or more"),
        ({"seed": 99999999999999999999}, "--seed: expected at most 4611686018427387904"),
        ({"upload_model": True}, "--upload-model: expected --save-model beside it"),
        ({"n_step": 0}, "--n-step: expected 1 or more"),
        ({"n_step": MAX_INTEGER}, "--n-step: expected at most"),
        ({"max_grad_norm": -1.0}, "--max-grad-norm: expected a finite number, 0 or more, got -1.0"),
        ({"max_grad_norm": INF}, "--max-grad-norm: expected a finite number"),
        ({"max_grad_norm": NAN}, "--max-grad-norm: expected a finite number"),
        ({"gradient_steps": 0}, "--gradient-steps: expected 1 or more, got 0"),
        ({"gradient_steps": 1001}, "--gradient-steps: expected at most 1000, got 1001"),
        ({"eval_episodes": 0}, "--eval-episodes: expected 1 or more, got 0"),
        ({"eval_epsilon": 1.1}, "--eval-epsilon: expected between 0 and 1, got 1.1"),
        ({"repeat_action_probability": NAN}, "--repeat-action-probability: expected between 0"),
        ({"adam_eps": 0.0}, "--adam-eps: expected above 0 and at most 1, got 0.0"),
        ({"n_atoms": 1}, "--n-atoms: expected 2 to 10000, got 1"),
        ({"n_quantiles": 0}, "--n-quantiles: expected 1 to 10000, got 0"),
        ({"v_min": 3.0, "v_max": 3.0}, "--v-min, --v-max: expected two finite numbers"),
        ({"v_min": NAN}, "--v-min, --v-max: expected two finite numbers"),
        ({"v_max": INF}, "--v-min, --v-max: expected two finite numbers"),
        ({"huber": True, "head": "c51"}, "--huber: expected --head dqn beside it, got c51"),
        ({"munchausen": True, "double_dqn": True}, "--munchausen: expected no --double-dqn"),
        ({"num_workers": -1}, "--num-workers: expected between 0 and --num-envs 1, got -1"),
        ({"num_workers": 3, "num_envs": 2}, "between 0 and --num-envs 2, got 3"),
        ({"collectors": -1}, "--collectors: expected 0 or more, got -1"),
        ({"collectors": 10_001}, "--collectors: expected at most 10000, got 10001"),
        ({"collector_envs": 0}, "--collector-envs: expected 1 or more, got 0"),
        ({"collector_steps": 10_001}, "--collector-steps: expected at most 10000, got 10001"),
        ({"weights_every": 0}, "--weights-every: expected 1 or more, got 0"),
        ({"ray_address": "auto"}, "--ray-address: expected --collectors beside it, got 'auto'"),
        ({"collectors": 2, "num_envs": 8}, "--collectors: expected --num-envs 1 beside it, got 8"),
        ({"collectors": 2, "async_envs": True, "num_envs": 1}, "expected --num-envs 2 or more"),
        ({"collectors": 2, "pipeline": False}, "--collectors: expected no --pipeline beside it"),
        ({"collectors": 2, "num_workers": 1}, "--collectors: expected no --num-workers beside it"),
        ({"collectors": 2, "capture_video": True}, "expected no --capture-video beside it"),
        (
            {"collectors": 2, "collector_envs": 4, "buffer_size": 7},
            "--buffer-size: expected at least --collectors × --collector-envs 8, got 7",
        ),
        ({"schedule_timesteps": 0}, "--schedule-timesteps: expected 1 or more, got 0"),
        ({"checkpoint_every": -1}, "--checkpoint-every: expected 0 or more"),
        ({"screen_size": 35}, "--screen-size: expected 36 or more"),
        ({"torch_threads": 1_000_000}, "--torch-threads: expected at most 1024 .*, got 1000000"),
        ({"exp_name": "a/b"}, "--exp-name: expected a file name without /, got 'a/b'"),
        ({"exp_name": "a\0b"}, "--exp-name: expected printable characters only"),
        ({"exp_name": "a\nb"}, "--exp-name: expected printable characters only"),
        ({"exp_name": "\udcff"}, "--exp-name: expected printable characters only"),
        ({"exp_name": "é" * 101}, "--exp-name: expected at most 200 bytes, got 202"),
        ({"hf_entity": "a\nb"}, "--hf-entity: expected printable characters only"),
    ],
)
def test_an_unusable_setting_is_named_with_its_value(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**settings).check()
