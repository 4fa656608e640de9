"""Networks that map an observation to one value for each action."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from framering.config import ConfigError


class DuelingHead(nn.Module):
    """State values and advantages in two streams (Wang et al. 2016): V + A − mean A."""

    def __init__(self, features: int, hidden: int, num_actions: int) -> None:
        super().__init__()
        self.value, self.advantage = (
            nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
            for outputs in (1, num_actions)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Action values (B, num_actions) of features (B, features)."""
        advantages = self.advantage(features)
        values: Tensor = self.value(features) + advantages - advantages.mean(dim=1, keepdim=True)
        return values


class QNetwork(nn.Module):
    """The convolutional network of Mnih et al. (2015), "Human-level control through deep RL".

    Its parameters have the names and shapes of CleanRL's ``QNetwork``, so that either loads what
    the other saved.

    Parameters
    ----------
    num_actions
        Number of discrete actions.
    observation_shape
        (stack, height, width) of the observations; at least 36×36 pixels.
    dueling
        End in a `DuelingHead`, which CleanRL's has not.

    Raises
    ------
    ValueError
        If the observations are no such stack, or too small for the three convolutions.

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
    ) -> None:
        super().__init__()
        if len(observation_shape) != 3 or min(observation_shape[1:]) < 36:
            raise ValueError(
                "QNetwork expects observations of shape (stack, height, width) with at least "
                f"36×36 pixels; got {tuple(observation_shape)}"
            )
        stack, height, width = observation_shape
        self.network = nn.Sequential(
            nn.Conv2d(stack, 32, 8, stride=4),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, stride=2),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=1),
            nn.ReLU(),
            nn.Flatten(),
            *_head(64 * _convolved(height) * _convolved(width), 512, num_actions, dueling),
        )

    def forward(self, observations: Tensor) -> Tensor:
        """Action values (B, num_actions), float32, of observations (B, stack, h, w) in 0 … 255."""
        values: Tensor = self.network(observations / 255.0)
        return values


class VectorQNetwork(nn.Module):
    """The perceptron of CleanRL's ``dqn.py``, for observations that are no images.

    Parameters
    ----------
    num_actions
        Number of discrete actions.
    observation_shape
        Shape of one observation; it is flattened.
    dueling
        End in a `DuelingHead`, which CleanRL's has not.
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
    observation_shape: Sequence[int], num_actions: int, dueling: bool = False
) -> nn.Module:
    """Build the network that suits the observations: convolutions for an image stack."""
    if len(observation_shape) == 3:
        return QNetwork(num_actions, observation_shape, dueling)
    return VectorQNetwork(num_actions, observation_shape, dueling)


def _head(features: int, hidden: int, num_actions: int, dueling: bool) -> list[nn.Module]:
    if dueling:
        return [DuelingHead(features, hidden, num_actions)]
    return [nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, num_actions)]


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's weights as CleanRL does (``torch.save`` of the state dictionary)."""
    torch.save(network.state_dict(), path)


def load_network(path: Path, observation_shape: Sequence[int], num_actions: int) -> nn.Module:
    """Load a network that framering or CleanRL saved; nothing in the file is executed.

    Raises
    ------
    ConfigError
        If the file is missing, is no such file, or holds another network's weights.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        dueling = any(".advantage." in name for name in state)
        network = make_network(observation_shape, num_actions, dueling)
        network.load_state_dict(state)
    except FileNotFoundError:
        raise ConfigError(f"there is no model at {path}") from None
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"{path} doesn't hold the weights of a network for observations of shape "
            f"{tuple(observation_shape)} and {num_actions} actions: {reason}"
        ) from error
    return network


def _convolved(length: int) -> int:
    """Pixels left of a side after the three convolutions."""
    for kernel, stride in ((8, 4), (4, 2), (3, 1)):
        length = (length - kernel) // stride + 1
    return length
