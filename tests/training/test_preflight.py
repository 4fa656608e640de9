import dataclasses
import sys

import pytest
import torch

from framering import TrainConfig, device
from framering.atari import console
from framering.errors import ConfigError
from framering.training import preflight
from framering.training.task import make_task_spec


def test_a_buffer_larger_than_memory_says_what_it_needs_and_what_there_is(monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 20_000_000)

    with pytest.raises(ConfigError, match=r"needs 0\.0 GB of memory and 0\.0 GB are free"):
        preflight.check_run(TrainConfig(), make_task_spec("PongNoFrameskip-v4"))


@pytest.mark.parametrize("env_id", ["PongNoFrameskip-v4", "CartPole-v1"])
def test_the_suggested_buffer_size_fits(env_id, monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 20_000_000)
    task = make_task_spec(env_id)
    with pytest.raises(ConfigError) as raised:
        preflight.check_run(TrainConfig(), task)
    suggested = int(str(raised.value).split("--buffer-size ")[-1].split()[0])

    preflight.check_run(TrainConfig(buffer_size=suggested), task)


def test_transitions_are_limited_only_where_raw_frames_could_need_more_than_is_free(monkeypatch):
    task = make_task_spec("PongNoFrameskip-v4")
    config = TrainConfig(buffer_size=100_000)
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)
    assert preflight.memory_limit(config, task) is None
    monkeypatch.setattr(preflight, "available_memory", lambda: 8 * 10**8)
    assert preflight.memory_limit(config, task) == 64 * 10**7
    assert preflight.memory_limit(dataclasses.replace(config, buffer_memory=7), task) == 7
    assert preflight.memory_limit(config, make_task_spec("CartPole-v1")) is None


def test_a_memory_limit_beyond_the_free_memory_is_an_error(monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)

    with pytest.raises(ConfigError, match="--buffer-memory: expected at most the 1000000000 bytes"):
        preflight.check_run(
            TrainConfig(buffer_memory=10**9 + 1), make_task_spec("PongNoFrameskip-v4")
        )


def test_available_memory_is_what_the_kernel_says():
    assert 0 < preflight.available_memory() < 2**50


def test_cuda_where_there_is_none_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ConfigError, match="--device: expected a device that torch finds, got cuda"):
        preflight.run_device(TrainConfig(device="cuda"))


@pytest.mark.parametrize(
    ("settings", "device"),
    [
        ({}, "cuda"),
        ({"cuda": False}, "cpu"),
        ({"device": "cpu"}, "cpu"),
        ({"device": "cuda"}, "cuda"),
    ],
)
def test_device_is_cuda_where_it_is_available(monkeypatch, settings, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    assert preflight.run_device(TrainConfig(**settings)).type == device


@pytest.mark.parametrize(
    ("settings", "module", "remedy"),
    [
        ({"track": True}, "wandb", "framering\\[wandb\\]"),
        ({"save_model": True, "upload_model": True}, "huggingface_hub", "huggingface-hub"),
        ({"capture_video": True}, "cv2", "libgl1"),
        ({"collectors": 2}, "ray", "--collectors needs ray .*; pip install 'framering\\[ray\\]'"),
    ],
)
def test_a_missing_package_says_what_to_install(monkeypatch, settings, module, remedy):
    monkeypatch.setitem(sys.modules, module, None)
    config = TrainConfig(env_id="PongNoFrameskip-v4", buffer_size=100, **settings)

    with pytest.raises(ConfigError, match=remedy):
        preflight.check_run(config, make_task_spec("PongNoFrameskip-v4"))


def test_collectors_play_atari_games_alone():
    config = TrainConfig(env_id="CartPole-v1", buffer_size=100, collectors=2)

    with pytest.raises(ConfigError, match=r"--collectors: expected an Atari game .*, got CartPole"):
        preflight.check_run(config, make_task_spec("CartPole-v1"))


def test_checkpoints_of_games_need_an_ale_py_that_saves_them(monkeypatch):
    monkeypatch.setattr(console, "_ALE_VERSION", "0.11.2")
    settings = {"buffer_size": 100, "checkpoint_every": 10}
    atari = TrainConfig(env_id="PongNoFrameskip-v4", **settings)
    other = TrainConfig(env_id="CartPole-v1", **settings)

    with pytest.raises(ConfigError, match=r"ale-py: expected 0\.12 or newer"):
        preflight.check_run(atari, make_task_spec(atari.env_id))
    preflight.check_run(other, make_task_spec(other.env_id))


def test_a_control_groups_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 2500\ninactive_file 500\n")
    monkeypatch.setattr(preflight, "_CONTROL_GROUP", tmp_path)

    assert preflight.available_memory() == 2500


def test_videos_of_an_environment_without_pictures_are_refused(monkeypatch):
    monkeypatch.setattr(preflight, "why_no_pictures", lambda task: "it is dark")
    config = TrainConfig(env_id="CartPole-v1", buffer_size=100, capture_video=True)

    with pytest.raises(ConfigError, match="--capture-video can't record: it is dark"):
        preflight.check_run(config, make_task_spec("CartPole-v1"))


@pytest.mark.parametrize(
    ("precision", "flags", "expected"),
    [
        ("auto", "fpu avx2", False),
        ("auto", "fpu avx512_bf16", True),
        ("auto", "fpu amx_bf16", True),
        ("float32", "fpu avx512_bf16", False),
        ("bfloat16", "fpu avx2", True),
    ],
)
def test_bfloat16_is_chosen_where_the_processor_has_instructions_for_it(
    monkeypatch, precision, flags, expected
):
    monkeypatch.setattr(device.Path, "read_text", lambda path: f"flags\t\t: {flags}\n")

    config = TrainConfig(precision=precision, device="cpu")

    assert preflight.uses_bfloat16(config) == expected


def test_images_are_needed_to_shift_them():
    task = make_task_spec("CartPole-v1")

    with pytest.raises(
        ConfigError, match=r"--augment: expected an environment with images.*\(4,\)"
    ):
        preflight.check_run(TrainConfig(env_id="CartPole-v1", augment=True, device="cpu"), task)
