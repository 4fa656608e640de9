import math

import pytest
import torch

from framering.dqn.layers import (
    DuelingStreams,
    FusedSequential,
    NoisyLinear,
    draw_noise,
    make_streams,
    noise_of,
)


@pytest.mark.parametrize("sigma", [0.5, 0.1])
@pytest.mark.parametrize("rows", [4, 64])
def test_outputs_and_gradients_have_factorised_noise_as_in_the_paper(sigma, rows):
    torch.manual_seed(1)
    layer = NoisyLinear(5, 3, sigma)
    draw_noise(noise_of(layer), torch.Generator().manual_seed(2))
    inputs = torch.randn(rows, 5, requires_grad=True)

    normal = torch.Generator().manual_seed(2)
    noise_in, noise_out = torch.randn(8, generator=normal).split((5, 3))

    def f(x):
        return x.sign() * x.abs().sqrt()

    scale = torch.full((3, 5), sigma / math.sqrt(5), requires_grad=True)
    bias_scale = torch.full((3,), sigma / math.sqrt(5), requires_grad=True)
    weight = layer.weight + scale * torch.outer(f(noise_out), f(noise_in))
    bias = layer.bias + bias_scale * f(noise_out)
    outputs, expected = layer(inputs), inputs @ weight.T + bias
    torch.testing.assert_close(outputs, expected)

    def gradients(values, *scales):
        leaves = layer.weight, layer.bias, inputs, *scales
        return torch.autograd.grad(values.square().sum(), leaves, retain_graph=True)

    torch.testing.assert_close(
        gradients(outputs, layer.weight_sigma, layer.bias_sigma),
        gradients(expected, scale, bias_scale),
    )


def test_evaluation_has_no_noise_and_new_noise_changes_the_outputs():
    layer = NoisyLinear(5, 3)
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(4, 5)
    outputs = []
    for _ in range(2):
        draw_noise(noise_of(layer), generator)
        outputs.append(layer(inputs))

    assert not torch.equal(outputs[0], outputs[1])
    layer.eval()
    torch.testing.assert_close(layer(inputs), inputs @ layer.weight.T + layer.bias)


def test_the_noise_is_the_same_with_gradients_and_without():
    torch.manual_seed(1)
    network = FusedSequential(*make_streams(7, 5, 3, 4, dueling=True, noisy_sigma=0.5))
    draw_noise(noise_of(network), torch.Generator().manual_seed(1))
    inputs = torch.randn(2, 7)

    with torch.no_grad():
        outputs = network(inputs)

    torch.testing.assert_close(outputs, network(inputs))


def test_the_scales_of_the_noise_are_learned():
    layer = NoisyLinear(5, 3)
    draw_noise(noise_of(layer), torch.Generator().manual_seed(1))

    layer(torch.randn(4, 5)).sum().backward()

    assert layer.weight_sigma.grad.abs().min() > 0
    assert layer.bias_sigma.grad.abs().min() > 0


@pytest.mark.parametrize("outputs", [1, 2])
def test_dueling_streams_join_values_and_advantages(outputs):
    # V = 2, 4; advantages 1, 4, 1 and 10, 40, 10, whose means are 2 and 20.
    values = [2.0, 4.0][:outputs]
    advantages = [[1.0, 10.0], [4.0, 40.0], [1.0, 10.0]]
    value, advantage = torch.nn.Linear(1, outputs), torch.nn.Linear(1, 3 * outputs)
    with torch.no_grad():
        value.weight.copy_(torch.tensor(values)[:, None]), value.bias.zero_()
        rows = [number for action in advantages for number in action[:outputs]]
        advantage.weight.copy_(torch.tensor(rows)[:, None]), advantage.bias.zero_()

    joined = DuelingStreams(value, advantage, outputs)(torch.tensor([[1.0]]))

    expected = torch.tensor([[1.0, -6.0], [4.0, 24.0], [1.0, -6.0]])[:, :outputs]
    torch.testing.assert_close(joined.reshape(3, outputs), expected)


@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("sigma", [None, 0.1])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_streams_have_the_shape_and_the_noise_that_were_asked_for(dueling, sigma, layer_norm):
    layers = make_streams(7, 5, 3, 4, dueling=dueling, noisy_sigma=sigma, layer_norm=layer_norm)

    modules = [module for layer in layers for module in layer.modules()]
    assert torch.nn.Sequential(*layers)(torch.randn(2, 7)).shape == (2, 12)
    noisy = [module for module in modules if isinstance(module, NoisyLinear)]
    assert len(noisy) == (0 if sigma is None else 4 if dueling else 2)
    for layer in noisy:
        scales = layer.weight_sigma * math.sqrt(layer.in_features)
        torch.testing.assert_close(scales, torch.full_like(scales, sigma))
    assert any(isinstance(module, torch.nn.LayerNorm) for module in modules) == layer_norm
