"""Training on a CUDA device: each way to update, whole runs, resuming, evaluation."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.training.test_resume import PONG, stopped_at

from framering import TrainConfig
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions, make_network
from framering.training.loop import train

# torch.compile warns of what torch itself uses, and advises TF32.
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:TensorFloat32"),
]

ON_CUDA = {**PONG, "device": "cuda"}
RAINBOW = {
    "head": "c51",
    "network": "data-efficient",
    "noisy": True,
    "dueling": True,
    "double_dqn": True,
    "prioritized": True,
    "n_step": 3,
    "max_grad_norm": 10.0,
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def losses(monkeypatch):
    """The losses of all updates."""
    found = []
    update = Learner.update

    def recorded(learner, batch):
        result = update(learner, batch)
        found.append(result.loss)
        return result

    monkeypatch.setattr(Learner, "update", recorded)
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"capture": False},
        {"compile": True},
        {"precision": "bfloat16"},
        RAINBOW,
        {**RAINBOW, "compile": True},
        {"head": "iqn", "augment": True, "munchausen": True, "gradient_steps": 2},
        {"head": "qr-dqn", "network": "impala", "layer_norm": True},
        {"num_envs": 4, "num_workers": 2},
        {"num_envs": 4, "num_workers": 2, "async_envs": True},
    ],
)
def test_a_run_makes_its_updates_without_a_warning(settings, losses, capsys):
    result = train(TrainConfig(**ON_CUDA, **settings, eval_every=200, eval_episodes=1))

    assert result.steps == 240
    assert len(losses) == 49 * settings.get("gradient_steps", 1)
    assert all(np.isfinite(loss.item()) for loss in losses)
    assert {parameter.device.type for parameter in result.q_network.parameters()} == {"cuda"}
    assert "continuing without" not in capsys.readouterr().out


@pytest.mark.parametrize("capture", [False, True])
@pytest.mark.parametrize("settings", [{}, RAINBOW])
def test_a_resumed_run_gives_the_weights_of_one_that_never_stopped(settings, capture):
    settings = {**ON_CUDA, **settings, "capture": capture}
    whole = train(TrainConfig(**settings))
    stopped = stopped_at(120, TrainConfig(**settings, checkpoint_every=1000))
    resumed = train(TrainConfig(resume=str(stopped.folder)))

    assert stopped.interrupted
    states = [result.q_network.state_dict() for result in (whole, resumed)]
    for name, expected in states[0].items():
        torch.testing.assert_close(states[1][name], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("head", ["dqn", "c51", "qr-dqn"])
def test_the_first_update_is_the_one_of_the_cpu(head):
    results = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(1)
        network = make_network((4, 84, 84), 3, NetworkOptions(head=head))
        learner = Learner(network, learning_rate=1e-4, gamma=0.9, device=torch.device(device))
        generator = torch.Generator().manual_seed(2)
        images = torch.randint(0, 256, (2, 8, 4, 84, 84), generator=generator, dtype=torch.uint8)
        batch = SimpleNamespace(
            observations=images[0].to(device),
            next_observations=images[1].to(device),
            actions=torch.randint(0, 3, (8, 1), generator=generator).to(device),
            rewards=torch.randn((8, 1), generator=generator).to(device),
            dones=torch.zeros((8, 1), device=device),
            discounts=None,
        )
        result = learner.update(batch)
        results.append([part.cpu() for part in result])
    # TF32, which cuDNN's convolutions use, has ten bits of fraction.
    torch.testing.assert_close(results[1], results[0], rtol=1e-2, atol=1e-2)
