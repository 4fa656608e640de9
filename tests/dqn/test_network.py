import subprocess
import sys

import pytest
import torch
from torch import nn

from framering import QNetwork
from framering.dqn.network import NetworkOptions, VectorQNetwork, make_network
from framering.dqn.weights import load_network, save_weights
from framering.errors import ConfigError


def cleanrl_network(num_actions: int) -> nn.Module:
    """The layers that CleanRL's dqn_atari.py saves, under the attribute that it gives them."""
    module = nn.Module()
    module.network = nn.Sequential(
        nn.Conv2d(4, 32, 8, stride=4),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, stride=2),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, stride=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3136, 512),
        nn.ReLU(),
        nn.Linear(512, num_actions),
    )
    return module


def test_loads_a_file_that_cleanrl_saved(tmp_path):
    theirs = cleanrl_network(6)
    torch.save(theirs.state_dict(), tmp_path / "dqn_atari.cleanrl_model")

    ours = load_network(tmp_path / "dqn_atari.cleanrl_model", (4, 84, 84), 6)

    images = torch.randint(0, 256, (3, 4, 84, 84), dtype=torch.uint8)
    torch.testing.assert_close(ours(images), theirs.network(images.float() / 255.0))


def test_saves_a_file_that_cleanrl_loads(tmp_path):
    ours = QNetwork(6)
    save_weights(ours, tmp_path / "model")
    theirs = cleanrl_network(6)

    theirs.load_state_dict(torch.load(tmp_path / "model", map_location="cpu"))

    images = torch.randint(0, 256, (3, 4, 84, 84), dtype=torch.uint8)
    torch.testing.assert_close(ours(images), theirs.network(images.float() / 255.0))


def test_starts_from_the_weights_that_cleanrl_starts_from():
    torch.manual_seed(7)
    theirs = cleanrl_network(4).state_dict()
    torch.manual_seed(7)
    ours = QNetwork(4).state_dict()

    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_float_images_are_not_changed_in_place(layout):
    images = torch.full((2, 4, 84, 84), 51.0).to(memory_format=layout)

    values = QNetwork(6)(images)

    assert torch.equal(images, torch.full((2, 4, 84, 84), 51.0))
    assert values.shape == (2, 6)


@pytest.mark.parametrize("architecture", ["nature", "nips"])
def test_images_down_to_36_pixels_are_accepted(architecture):
    network = QNetwork(3, (2, 36, 40), architecture=architecture)

    assert network(torch.zeros(5, 2, 36, 40, dtype=torch.uint8)).shape == (5, 3)


def test_the_network_of_2013_has_the_layers_of_the_paper_and_comes_back_as_itself(tmp_path):
    """Mnih et al. 2013, section 4.1: 16 filters 8×8 by 4, 32 filters 4×4 by 2, 256 units."""
    network = QNetwork(4, architecture="nips")
    save_weights(network, tmp_path / "model")
    loaded = load_network(tmp_path / "model", (4, 84, 84), 4)

    assert [tuple(weight.shape) for weight in network.parameters() if weight.ndim > 1] == [
        (16, 4, 8, 8),
        (32, 16, 4, 4),
        (256, 32 * 9 * 9),
        (4, 256),
    ]
    images = torch.randint(0, 256, (3, 4, 84, 84), dtype=torch.uint8)
    assert torch.equal(network(images), loaded(images))


@pytest.mark.parametrize("shape", [(4, 35, 84), (84, 84), (4,)])
def test_observations_too_small_for_the_convolutions_are_refused(shape):
    with pytest.raises(ValueError, match="at least 36×36"):
        QNetwork(3, shape)


def test_vectors_of_any_dtype_get_a_perceptron():
    network = make_network((4,), 2)

    assert isinstance(network, VectorQNetwork)
    assert network(torch.zeros(3, 4, dtype=torch.float64)).shape == (3, 2)


def test_missing_model_is_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no model at "):
        load_network(tmp_path / "nothing", (4, 84, 84), 2)


def test_weights_of_another_number_of_actions_are_refused(tmp_path):
    save_weights(QNetwork(3), tmp_path / "model")

    with pytest.raises(ConfigError, match=r"and 2 actions, got others"):
        load_network(tmp_path / "model", (4, 84, 84), 2)


def test_weights_for_other_frames_are_refused_with_what_to_try(tmp_path):
    save_weights(QNetwork(2, (4, 60, 60)), tmp_path / "model")

    with pytest.raises(ConfigError, match=r"expected network.7.weight of shape .*--screen-size\?"):
        load_network(tmp_path / "model", (4, 84, 84), 2)


def test_nothing_in_a_model_file_is_executed(tmp_path):
    class Exploit:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"network.0.weight": Exploit()}, tmp_path / "model")

    with pytest.raises(ConfigError, match="expected the weights of a network"):
        load_network(tmp_path / "model", (4, 84, 84), 2)
    assert not (tmp_path / "executed").exists()


HEADS = ["dqn", "c51", "qr-dqn", "iqn"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("flag", ["dueling", "noisy", "layer_norm"])
@pytest.mark.parametrize("shape", [(4, 48, 44), (5,)])
def test_a_network_of_any_kind_comes_back_as_it_was(tmp_path, head, flag, shape):
    options = NetworkOptions(head=head, n_atoms=11, v_min=-2.0, v_max=3.0, n_quantiles=7)
    network = make_network(shape, 3, options._replace(**{flag: True}))
    save_weights(network, tmp_path / "model")

    loaded = load_network(tmp_path / "model", shape, 3)

    observations = torch.rand(2, *shape)
    assert torch.equal(loaded(observations), network(observations))
    assert network(observations).shape == (2, 3)
    assert type(loaded.head) is type(network.head)


@pytest.mark.parametrize("architecture", ["nature", "nips", "data-efficient", "impala"])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_an_architecture_comes_back_as_it_was(tmp_path, architecture, layer_norm):
    network = QNetwork(3, (4, 50, 47), architecture=architecture, layer_norm=layer_norm)
    save_weights(network, tmp_path / "model")

    loaded = load_network(tmp_path / "model", (4, 50, 47), 3)

    images = torch.randint(0, 256, (2, 4, 50, 47), dtype=torch.uint8)
    assert torch.equal(loaded(images), network(images))


class CleanRLC51(nn.Module):
    """The network of CleanRL's c51_atari.py: its layers, and the buffer of its atoms."""

    def __init__(self, num_actions, n_atoms, v_min, v_max):
        super().__init__()
        self.register_buffer("atoms", torch.linspace(v_min, v_max, steps=n_atoms))
        self.network = cleanrl_network(num_actions * n_atoms).network

    def values(self, images):
        logits = self.network(images / 255.0)
        pmfs = logits.reshape(len(images), -1, len(self.atoms)).softmax(dim=2)
        return (pmfs * self.atoms).sum(2)


def test_loads_a_file_that_cleanrls_c51_saved(tmp_path):
    theirs = CleanRLC51(6, 21, -3.0, 5.0)
    saved = {"model_weights": theirs.state_dict(), "args": {"n_atoms": 21, "seed": 1}}
    torch.save(saved, tmp_path / "c51_atari.cleanrl_model")

    ours = load_network(tmp_path / "c51_atari.cleanrl_model", (4, 84, 84), 6)

    images = torch.randint(0, 256, (3, 4, 84, 84), dtype=torch.uint8)
    torch.testing.assert_close(ours(images), theirs.values(images.float()))


def test_saves_a_file_that_cleanrls_c51_loads(tmp_path):
    ours = QNetwork(6, head="c51", n_atoms=21, v_min=-3.0, v_max=5.0)
    save_weights(ours, tmp_path / "model")

    saved = torch.load(tmp_path / "model", map_location="cpu")
    arguments = saved["args"]
    theirs = CleanRLC51(6, arguments["n_atoms"], arguments["v_min"], arguments["v_max"])
    theirs.load_state_dict(saved["model_weights"])

    images = torch.randint(0, 256, (3, 4, 84, 84), dtype=torch.uint8)
    torch.testing.assert_close(ours(images), theirs.values(images.float()))


@pytest.mark.parametrize("content", [b"", b"PK", b"not a model", bytes(1000)])
def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "model").write_bytes(content)

    with pytest.raises(ConfigError, match=r"got a file that torch\.load refuses") as raised:
        load_network(tmp_path / "model", (4,), 2)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "value", [3, [torch.zeros(1)], {"network.0.weight": 3}, torch.zeros(2), None]
)
def test_a_file_of_something_else_than_weights_is_refused(tmp_path, value):
    torch.save(value, tmp_path / "model")

    with pytest.raises(ConfigError, match="got no mapping of names to tensors"):
        load_network(tmp_path / "model", (4,), 2)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64])
def test_weights_that_are_no_real_numbers_are_refused(tmp_path, dtype):
    state = VectorQNetwork(2, (4,)).state_dict()
    torch.save({name: weight.to(dtype) for name, weight in state.items()}, tmp_path / "model")

    with pytest.raises(ConfigError, match=f"of torch.float32, got {dtype}"):
        load_network(tmp_path / "model", (4,), 2)


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ConfigError, match="Is a directory"):
        load_network(tmp_path, (4,), 2)


def test_a_network_for_images_is_not_made_for_smaller_ones(tmp_path):
    save_weights(QNetwork(2), tmp_path / "model")

    with pytest.raises(ConfigError, match="at least 36×36 pixels"):
        load_network(tmp_path / "model", (4, 20, 20), 2)


LIMITED = """
import resource, sys
from pathlib import Path
from framering import QNetwork
from framering.dqn.weights import save_weights
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_weights(QNetwork(2), Path(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""


def test_a_model_that_does_not_fit_on_the_disk_leaves_the_old_one(tmp_path):
    (tmp_path / "model").write_bytes(b"old")

    output = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert output.endswith("File too large\n")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model").read_bytes() == b"old"
