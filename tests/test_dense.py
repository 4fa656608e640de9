import copy

import pytest
import torch
from torch import nn

from framering import dense
from framering.dense import Dense


def layers(inputs=100, outputs=30):
    """The layer, and torch's own with the same weights."""
    torch.manual_seed(1)
    own = Dense(inputs, outputs)
    plain = nn.Linear(inputs, outputs)
    plain.load_state_dict(own.state_dict())
    return own, plain


def gradients(layer, inputs):
    inputs = inputs.clone().requires_grad_()
    weights = torch.linspace(-1, 1, layer.out_features)
    (layer(inputs) * weights).sum().backward()
    return [inputs.grad, layer.weight.grad, layer.bias.grad]


@pytest.fixture(params=["onednn", "without"])
def _path(request, monkeypatch):
    if request.param == "without":
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("batch", [1, 2, 32])
def test_outputs_and_gradients_are_those_of_torchs_own(batch):
    own, plain = layers()
    inputs = torch.randn(batch, 100)

    torch.testing.assert_close(own(inputs), plain(inputs))
    for ours, theirs in zip(gradients(own, inputs), gradients(plain, inputs), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here")
def test_onednn_is_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(dense, "_dense", lambda *arguments: asked.append(arguments))
    own, _ = layers()

    own(torch.randn(2, 100))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert own(torch.randn(2, 100)).dtype == torch.bfloat16
    copy.deepcopy(own).double()(torch.randn(2, 100).double())

    assert len(asked) == 1


def test_the_operators_keep_torchs_rules():
    inputs, weight, bias = torch.randn(4, 10), torch.randn(3, 10), torch.randn(3)
    torch.library.opcheck(
        torch.ops.framering.dense, [part.requires_grad_() for part in (inputs, weight, bias)]
    )
    torch.library.opcheck(
        torch.ops.framering.dense_gradients,
        [inputs.detach(), weight.detach(), torch.randn(4, 3)],
    )
