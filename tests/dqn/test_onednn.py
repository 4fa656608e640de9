import copy
import types

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

from framering.dqn import onednn
from framering.dqn.onednn import FusedSequential, OneDnnLinear


def layers(inputs=100, outputs=30):
    """The layer, and torch's own with the same weights."""
    torch.manual_seed(1)
    own = OneDnnLinear(inputs, outputs)
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
        monkeypatch.setattr(onednn, "_works", False)


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("batch", [1, 2, 32])
def test_outputs_and_gradients_are_those_of_torchs_own(batch):
    own, plain = layers()
    inputs = torch.randn(batch, 100)

    torch.testing.assert_close(own(inputs), plain(inputs))
    for ours, theirs in zip(gradients(own, inputs), gradients(plain, inputs), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here")
def test_onednn_computes_float32_alone(monkeypatch):
    called = []
    apply = onednn._LinearProduct.apply
    monkeypatch.setattr(
        onednn._LinearProduct, "apply", lambda *given: called.append(given) or apply(*given)
    )
    own, _ = layers()

    own(torch.randn(2, 100))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert own(torch.randn(2, 100)).dtype == torch.bfloat16
    copy.deepcopy(own).double()(torch.randn(2, 100).double())

    assert len(called) == 1


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_torchs_function_transforms_work_on_it():
    networks = [layers() for _ in range(3)]
    for factor, pair in enumerate(networks):
        for layer in pair:
            layer.weight.data *= factor
    inputs = torch.randn(4, 100)

    def loss(layer):
        return lambda weights: functional_call(layer, weights, (inputs,)).square().sum()

    for transform in (lambda function: function, grad):
        ours, theirs = (
            vmap(transform(loss(column[0])))(stack_module_state(list(column))[0])
            for column in zip(*networks, strict=True)
        )
        torch.testing.assert_close(ours, theirs)


def test_the_operator_passes_torchs_opcheck():
    torch.library.opcheck(
        torch.ops.framering.product, [torch.randn(4, 10), torch.randn(3, 10), torch.randn(3)]
    )
    torch.library.opcheck(
        torch.ops.framering.product, [torch.randn(10, 4).t(), torch.randn(10, 3).t()]
    )


def chain(kind=FusedSequential):
    """A network with all kinds of neighbours: a ReLU behind each layer, behind none, at the end."""
    torch.manual_seed(1)
    return kind(
        nn.Conv2d(4, 8, 4, stride=2),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Flatten(),
        OneDnnLinear(8 * 7 * 7, 20),
        nn.ReLU(inplace=True),
        OneDnnLinear(20, 10),
        nn.Linear(10, 3),
        nn.ReLU(),
    )


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("batch", [1, 32])
def test_a_fused_sequential_gives_the_outputs_of_a_plain_one(batch, memory_format):
    network = chain().to(memory_format=memory_format)
    inputs = torch.randn(batch, 4, 16, 16).to(memory_format=memory_format)
    kept = inputs.clone()
    expected = chain(nn.Sequential)(inputs)

    with torch.no_grad():
        torch.testing.assert_close(network(inputs), expected)
    torch.testing.assert_close(network(inputs), expected)
    assert torch.equal(inputs, kept)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here")
def test_without_gradients_each_relu_is_fused_with_the_layer_before_it(monkeypatch):
    fused = []
    with_relu = onednn._with_relu
    monkeypatch.setattr(
        onednn, "_with_relu", lambda *layer: fused.append(type(layer[0])) or with_relu(*layer)
    )
    network, inputs = chain(), torch.randn(1, 4, 16, 16)
    network(inputs)
    assert fused == []
    with torch.no_grad():
        network(inputs)
        network.double()(inputs.double())
    assert fused == [nn.Conv2d, OneDnnLinear]


def raises(*arguments):
    raise RuntimeError("this operator is gone")


def of_another_signature(inputs, weight):
    return inputs


def wrong(inputs, weight, *others):
    return torch.zeros(1)


def slightly_wrong(inputs, weight, bias, *others):
    if weight.ndim == 4:
        return nn.functional.conv2d(inputs, weight, bias, others[1], others[0]).relu() + 0.01
    return nn.functional.linear(inputs, weight, bias) + 0.01


@pytest.mark.parametrize("operator", ["_linear_pointwise", "_convolution_pointwise"])
@pytest.mark.parametrize("broken", [raises, of_another_signature, wrong, slightly_wrong, None])
def test_a_private_operator_that_differs_is_replaced_by_the_plain_layer(
    monkeypatch, operator, broken
):
    inputs = torch.randn(3, 4, 16, 16)
    expected = chain(nn.Sequential)(inputs)
    if broken is None:  # the operator's name is gone
        monkeypatch.setattr(torch.ops, "mkldnn", types.SimpleNamespace())
    else:
        monkeypatch.setattr(torch.ops.mkldnn, operator, broken)
    monkeypatch.setattr(onednn, "_works", None)

    network = chain()

    assert onednn._works is False
    with torch.no_grad():
        torch.testing.assert_close(network(inputs), expected)
    torch.testing.assert_close(network(inputs), expected)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here")
def test_the_probe_accepts_the_operators_of_this_torch_and_draws_no_random_number(monkeypatch):
    monkeypatch.setattr(onednn, "_works", None)
    before = torch.get_rng_state()

    onednn._probe_once()

    assert onednn._works is True
    assert torch.equal(torch.get_rng_state(), before)
