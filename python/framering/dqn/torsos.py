"""The convolutions of a network, from images to features."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from framering.dqn.layers import relu

# Smaller images leave nothing for the last convolution of "nature".
MIN_IMAGE_SIDE = 36


class Convolutions(NamedTuple):
    """Sizes of a convolutional network.

    Attributes
    ----------
    layers
        (channels, kernel, stride) of each.
    hidden
        Units of the layer after them.
    """

    layers: tuple[tuple[int, int, int], ...]
    hidden: int


# "nature": Mnih et al. (2015), "Human-level control through deep reinforcement learning".
# "nips": Mnih et al. (2013), "Playing Atari with deep reinforcement learning"; a third of the
# multiplications.
# "data-efficient": van Hasselt et al. (2019), "When to use parametric models in reinforcement
# learning?"; a sixth.
CONVOLUTIONS = {
    "nature": Convolutions(((32, 8, 4), (64, 4, 2), (64, 3, 1)), 512),
    "nips": Convolutions(((16, 8, 4), (32, 4, 2)), 256),
    "data-efficient": Convolutions(((32, 5, 5), (64, 5, 5)), 256),
}
# "impala": Espeholt et al. (2018), "IMPALA: Scalable distributed deep-RL", figure 3, its deep
# network.
_IMPALA_CHANNELS = (16, 32, 32)
_IMPALA_HIDDEN = 256


class Torso(NamedTuple):
    """The layers from images to features.

    Attributes
    ----------
    layers
        Map images (B, channels, h, w) to features (B, features).
    features
        Their number.
    hidden
        Units of the layer that follows.
    """

    layers: list[nn.Module]
    features: int
    hidden: int


def make_torso(
    architecture: str, channels: int, height: int, width: int, layer_norm: bool = False
) -> Torso:
    """Make the convolutions of an architecture: a key of `CONVOLUTIONS`, or "impala"."""
    if architecture == "impala":
        return _impala(channels, height, width, layer_norm)
    convolutions, hidden = CONVOLUTIONS[architecture]
    layers: list[nn.Module] = []
    for filters, kernel, stride in convolutions:
        height, width = ((side - kernel) // stride + 1 for side in (height, width))
        layers.append(nn.Conv2d(channels, filters, kernel, stride=stride))
        if layer_norm:
            layers.append(nn.LayerNorm([filters, height, width]))
        layers.append(relu())
        channels = filters
    return Torso([*layers, nn.Flatten()], channels * height * width, hidden)


class ImpalaSection(nn.Module):
    """A convolution, a pooling that halves the sides, and two residual blocks."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, filters, 3, padding=1)
        self.blocks = nn.Sequential(*(ImpalaBlock(filters) for _ in range(2)))

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, channels, h, w) to (B, filters, ⌈h/2⌉, ⌈w/2⌉)."""
        pooled = functional.max_pool2d(self.convolution(images), 3, stride=2, padding=1)
        outputs: Tensor = self.blocks(pooled)
        return outputs


class ImpalaBlock(nn.Module):
    """Two convolutions, each after a ReLU, added to their inputs."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(filters, filters, 3, padding=1)
        self.second = nn.Conv2d(filters, filters, 3, padding=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Maps of the same shape."""
        outputs: Tensor = inputs + self.second(self.first(inputs.relu()).relu())
        return outputs


def _impala(channels: int, height: int, width: int, layer_norm: bool) -> Torso:
    layers: list[nn.Module] = []
    for filters in _IMPALA_CHANNELS:
        height, width = (height + 1) // 2, (width + 1) // 2
        layers.append(ImpalaSection(channels, filters))
        if layer_norm:
            layers.append(nn.LayerNorm([filters, height, width]))
        channels = filters
    # Not in place: the last section's sum is kept for its gradient.
    features = channels * height * width
    return Torso([*layers, nn.ReLU(), nn.Flatten()], features, _IMPALA_HIDDEN)
