"""Networks that map an observation to one value for each action."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from framering.dqn.onednn import FusedSequential, OneDnnLinear
from framering.dqn.scaling import scale_images


class Layers(NamedTuple):
    """Sizes of a convolutional network.

    Attributes
    ----------
    convolutions
        (channels, kernel, stride) of each.
    hidden
        Units of the layer after them.
    """

    convolutions: tuple[tuple[int, int, int], ...]
    hidden: int


# "nature": Mnih et al. (2015), "Human-level control through deep reinforcement learning".
# "nips": Mnih et al. (2013), "Playing Atari with deep reinforcement learning"; a third of the
# multiplications.
ARCHITECTURES = {
    "nature": Layers(((32, 8, 4), (64, 4, 2), (64, 3, 1)), 512),
    "nips": Layers(((16, 8, 4), (32, 4, 2)), 256),
}
# Smaller images leave nothing for the last convolution of "nature".
MIN_IMAGE_SIDE = 36


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


class DuelingHead(nn.Module):
    """State values and advantages in two streams (Wang et al. 2016): V + A − mean A."""

    def __init__(self, features: int, hidden: int, num_actions: int) -> None:
        super().__init__()
        self.value, self.advantage = (
            FusedSequential(OneDnnLinear(features, hidden), _relu(), Float32Linear(hidden, outputs))
            for outputs in (1, num_actions)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Action values (B, num_actions) of features (B, features)."""
        advantages = self.advantage(features)
        values: Tensor = self.value(features) + advantages - advantages.mean(dim=1, keepdim=True)
        return values


class QNetwork(nn.Module):
    """The convolutional network of Mnih et al. (2015), or the smaller one of 2013.

    The parameters of the 2015 network have the names and shapes of CleanRL's ``QNetwork``, so
    that each library loads the weights that the other saved.

    Parameters
    ----------
    num_actions
        Number of discrete actions.
    observation_shape
        (stack, height, width) of the observations; at least 36×36 pixels.
    dueling
        End in a `DuelingHead`; CleanRL has none.
    architecture
        "nature" (2015) or "nips" (2013).

    Raises
    ------
    ValueError
        If the shape is another, or too small for the convolutions.

    Examples
    --------
    >>> import torch
    >>> from framering import QNetwork
    >>> network = QNetwork(num_actions=6)
    >>> network(torch.zeros(2, 4, 84, 84, dtype=torch.uint8)).shape
    torch.Size([2, 6])
    """

    def __init__(
        self,
        num_actions: int,
        observation_shape: Sequence[int] = (4, 84, 84),
        dueling: bool = False,
        architecture: str = "nature",
    ) -> None:
        super().__init__()
        if len(observation_shape) != 3 or min(observation_shape[1:]) < MIN_IMAGE_SIDE:
            raise ValueError(
                "observation_shape: expected (stack, height, width) with at least 36×36 pixels, "
                f"got {tuple(observation_shape)}"
            )
        convolutions, hidden = ARCHITECTURES[architecture]
        channels, height, width = observation_shape
        layers: list[nn.Module] = []
        for filters, kernel, stride in convolutions:
            layers += [nn.Conv2d(channels, filters, kernel, stride=stride), _relu()]
            channels = filters
            height, width = ((side - kernel) // stride + 1 for side in (height, width))
        self.network = FusedSequential(
            *layers,
            nn.Flatten(),
            *_head(channels * height * width, hidden, num_actions, dueling),
        )

    def forward(self, observations: Tensor) -> Tensor:
        """Action values (B, num_actions), float32, of observations (B, stack, h, w) in 0 … 255."""
        values: Tensor = self.network(scale_images(observations))
        return values


class VectorQNetwork(nn.Module):
    """The multilayer perceptron of CleanRL's ``dqn.py``, for observations that are no images.

    Parameters
    ----------
    num_actions
        Number of discrete actions.
    observation_shape
        Shape of one observation; it is flattened.
    dueling
        End in a `DuelingHead`; CleanRL has none.
    """

    def __init__(
        self, num_actions: int, observation_shape: Sequence[int], dueling: bool = False
    ) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(math.prod(observation_shape), 120),
            nn.ReLU(),
            *_head(120, 84, num_actions, dueling),
        )

    def forward(self, observations: Tensor) -> Tensor:
        """Action values (B, num_actions), float32, of observations (B, …)."""
        values: Tensor = self.network(observations.flatten(start_dim=1).float())
        return values


def make_network(
    observation_shape: Sequence[int],
    num_actions: int,
    dueling: bool = False,
    architecture: str = "nature",
) -> nn.Module:
    """Make a `QNetwork` for observations of three axes, else a `VectorQNetwork`."""
    if len(observation_shape) == 3:
        return QNetwork(num_actions, observation_shape, dueling, architecture)
    return VectorQNetwork(num_actions, observation_shape, dueling)


def _head(features: int, hidden: int, num_actions: int, dueling: bool) -> list[nn.Module]:
    if dueling:
        return [DuelingHead(features, hidden, num_actions)]
    return [OneDnnLinear(features, hidden), _relu(), Float32Linear(hidden, num_actions)]


def _relu() -> nn.ReLU:
    # In place: neither the forward nor the backward pass needs the inputs of a ReLU.
    return nn.ReLU(inplace=True)
