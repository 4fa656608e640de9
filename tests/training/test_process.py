"""What a run changes in its process, and what it does not."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from framering import TrainConfig, train, tune_process
from framering.errors import ConfigError

SHORT = {
    "env_id": "CartPole-v1",
    "total_timesteps": 150,
    "buffer_size": 1000,
    "learning_starts": 100,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def settings():
    # torch sets TORCHINDUCTOR_CACHE_DIR itself, when it makes its first optimiser.
    variables = os.environ.items()
    return {
        "environment": {name: value for name, value in variables if "INDUCTOR" not in name},
        "torch generator": torch.get_rng_state().tolist(),
        "torch threads": torch.get_num_threads(),
        "cudnn": torch.backends.cudnn.deterministic,
        "gradients": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "python generator": random.getstate(),
        "numpy generator": np.random.get_state()[1].tolist(),
    }


@pytest.mark.parametrize("deterministic", [False, True])
def test_train_leaves_the_settings_of_the_process_alone(deterministic):
    torch.manual_seed(33)
    torch.backends.cudnn.deterministic = not deterministic
    before = settings()

    train(TrainConfig(**SHORT, torch_threads=2, torch_deterministic=deterministic))

    assert settings() == before


def test_the_settings_hold_while_the_run_lasts_and_are_restored_after_an_error():
    during = []

    def interrupt(step):
        during.append(torch.get_num_threads())
        raise InterruptedError

    before = settings()
    threads = torch.get_num_threads() + 1
    with pytest.raises(InterruptedError):
        train(TrainConfig(**SHORT, torch_threads=threads), interrupt)

    assert during == [threads]
    assert settings() == before


HEAP = """
import sys
from framering import TrainConfig, train, tune_process
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
MIB = 1 << 20
def returns_memory():
    # A freed block at the top of the heap goes back to the system, unless the heap keeps it.
    block = libc.malloc(24 * MIB)
    ctypes.memset(block, 1, 24 * MIB)
    resident = pages()
    libc.free(block)
    return pages() < resident - 10 * MIB // 4096
def pages():
    return int(open("/proc/self/statm").read().split()[1])
config = TrainConfig(env_id="CartPole-v1", total_timesteps=150, buffer_size=1000,
                     learning_starts=100, device="cpu")
if sys.argv[1] == "tuned":
    tune_process(config)
train(config)
print(returns_memory())
"""


@pytest.mark.linux("mallopt of glibc")
@pytest.mark.parametrize(("how", "returned"), [("plain", "True"), ("tuned", "False")])
def test_only_a_tuned_process_keeps_freed_memory(how, returned):
    output = subprocess.run(
        [sys.executable, "-c", HEAP, how], capture_output=True, text=True, check=True
    ).stdout

    assert output.split()[-1] == returned


@pytest.mark.parametrize(
    ("changes", "spins"),
    [({}, None), ({"num_envs": 8}, "10000"), ({"resume": "runs/one"}, "10000")],
)
def test_a_tuned_process_lets_torchs_threads_yield_to_workers(monkeypatch, changes, spins):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)

    tune_process(TrainConfig(**changes))

    assert os.environ.get("GOMP_SPINCOUNT") == spins
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    tune_process(TrainConfig(**changes))
    assert os.environ["GOMP_SPINCOUNT"] == "7"


@pytest.mark.parametrize("threads", [1025, 1_000_000])
def test_more_threads_than_a_machine_starts_are_refused(threads):
    with pytest.raises(ConfigError, match=f"--torch-threads.*{threads}"):
        train(TrainConfig(**SHORT, torch_threads=threads))
