"""Layers that the networks are made of."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from framering.dqn.onednn import FusedSequential, OneDnnLinear

# From so many inputs on, one product with noisy weights is faster than two with the weights and
# their noise.
_MANY_ROWS = 32


class Float32Linear(nn.Linear):
    """``torch.nn.Linear`` in float32, also under ``torch.autocast``: the last layer.

    Learning depends on small differences between values, which bfloat16's eight bits round away.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Values (B, out_features) of features (B, in_features)."""
        if not torch.is_autocast_enabled(features.device.type):
            return super().forward(features)
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.to(self.weight.dtype))


class NoisyLinear(nn.Linear):
    """A linear layer with learned noise on its weights, for exploration (Fortunato et al. 2018).

    The noise is factorised (equations 9 to 11). It is zero until `draw_noise` draws it, and it is
    left out in evaluation (``module.eval()``).

    Parameters
    ----------
    in_features, out_features
        Numbers of inputs and outputs.
    sigma
        The initial scale of the noise, σ₀ in section 3.2.
    float32
        Compute in float32 under ``torch.autocast`` too: for the last layer.
    """

    noise_in: Tensor
    noise_out: Tensor

    def __init__(
        self, in_features: int, out_features: int, sigma: float = 0.5, float32: bool = False
    ) -> None:
        # nn.Linear's initial weights are those of the paper: uniform in ±1/√in_features.
        super().__init__(in_features, out_features)
        self._float32 = float32
        scale = sigma / math.sqrt(in_features)
        self.weight_sigma = nn.Parameter(torch.full_like(self.weight, scale))
        self.bias_sigma = nn.Parameter(torch.full_like(self.bias, scale))
        self.register_buffer("noise_in", torch.zeros(in_features), persistent=False)
        self.register_buffer("noise_out", torch.zeros(out_features), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (B, out_features) of inputs (B, in_features)."""
        if self._float32 and torch.is_autocast_enabled(inputs.device.type):
            with torch.autocast(inputs.device.type, enabled=False):
                return self._outputs(inputs.float())
        return self._outputs(inputs)

    def _outputs(self, inputs: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        if not self.training:
            return functional.linear(inputs, weight, bias)
        if len(inputs) < _MANY_ROWS:
            # (σ ⊙ noise_out noise_inᵀ) x without the noisy weights: writing them takes longer.
            noise = functional.linear(inputs * self.noise_in, self.weight_sigma, self.bias_sigma)
            return functional.linear(inputs, weight, bias) + noise * self.noise_out
        weight = weight + self.weight_sigma * torch.outer(self.noise_out, self.noise_in)
        return functional.linear(inputs, weight, bias + self.bias_sigma * self.noise_out)


def noise_of(network: nn.Module) -> list[Tensor]:
    """Return the tensors that hold the noise of a network's layers, for `draw_noise`."""
    layers = [layer for layer in network.modules() if isinstance(layer, NoisyLinear)]
    return [noise for layer in layers for noise in (layer.noise_in, layer.noise_out)]


def draw_noise(noise: list[Tensor], generator: Generator) -> None:
    """Draw new noise, all at once: on a GPU, starting a kernel takes longer than it runs."""
    if not noise:
        return
    sizes = [one.numel() for one in noise]
    normal = torch.randn(sum(sizes), generator=generator, device=noise[0].device)
    torch._foreach_copy_(noise, torch.split(normal.sign() * normal.abs().sqrt(), sizes))


class DuelingStreams(nn.Module):
    """State values and advantages in two streams (Wang et al. 2016): V + A − mean A.

    Parameters
    ----------
    value, advantage
        Map features (B, F) to (B, K) and to (B, actions · K).
    outputs
        K, the numbers that describe the return of an action.
    """

    def __init__(self, value: nn.Module, advantage: nn.Module, outputs: int) -> None:
        super().__init__()
        self.value, self.advantage = value, advantage
        self._outputs = outputs

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (B, actions · K) of features (B, F)."""
        advantages = self.advantage(features).unflatten(1, (-1, self._outputs))
        values = self.value(features).unsqueeze(1)
        combined: Tensor = values + advantages - advantages.mean(dim=1, keepdim=True)
        return combined.flatten(1)


def make_streams(
    features: int,
    hidden: int,
    num_actions: int,
    outputs: int,
    *,
    dueling: bool = False,
    noisy_sigma: float | None = None,
    layer_norm: bool = False,
) -> list[nn.Module]:
    """Make the layers that map features (B, features) to outputs (B, num_actions · outputs).

    They are noisy, at first with this scale, if ``noisy_sigma`` is given.
    """

    def stream(size: int) -> list[nn.Module]:
        norm = [nn.LayerNorm(hidden)] if layer_norm else []
        if noisy_sigma is None:
            return [OneDnnLinear(features, hidden), *norm, relu(), Float32Linear(hidden, size)]
        first = NoisyLinear(features, hidden, noisy_sigma)
        return [first, *norm, relu(), NoisyLinear(hidden, size, noisy_sigma, float32=True)]

    if not dueling:
        return stream(num_actions * outputs)
    value, advantage = (FusedSequential(*stream(n * outputs)) for n in (1, num_actions))
    return [DuelingStreams(value, advantage, outputs)]


def relu() -> nn.ReLU:
    """Make a ReLU in place: neither the forward nor the backward pass needs its inputs."""
    return nn.ReLU(inplace=True)
