"""Networks that map an observation to the values of the actions."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor, nn

from framering.dqn.heads.categorical import CategoricalHead
from framering.dqn.heads.expected import ExpectedHead
from framering.dqn.heads.implicit_quantile import ImplicitQuantileHead
from framering.dqn.heads.quantile import QuantileHead
from framering.dqn.layers import make_streams
from framering.dqn.onednn import FusedSequential
from framering.dqn.scaling import scale_images
from framering.dqn.torsos import MIN_IMAGE_SIDE, make_torso

AnyHead: TypeAlias = ExpectedHead | CategoricalHead | QuantileHead | ImplicitQuantileHead

# The layers of CleanRL's ``dqn.py``.
_VECTOR_FEATURES = 120
_VECTOR_HIDDEN = 84


class NetworkOptions(NamedTuple):
    """What a network is made of.

    Attributes
    ----------
    head
        What it predicts of each action's return: "dqn" (its expectation), "c51", "qr-dqn" or
        "iqn".
    architecture
        For images: "nature", "nips", "data-efficient" or "impala"; see
        `framering.dqn.torsos`.
    dueling
        State value and advantages in two streams (Wang et al. 2016).
    noisy
        `framering.dqn.layers.NoisyLinear` after the convolutions.
    noisy_sigma
        The initial scale of its noise.
    layer_norm
        ``torch.nn.LayerNorm`` before each ReLU.
    huber
        The Huber loss, for "dqn"; the quantile losses always have it.
    n_atoms, v_min, v_max
        The atoms of "c51".
    n_quantiles
        The quantiles of "qr-dqn" (None: 200), or drawn for each update by "iqn" (None: 8).
    """

    head: str = "dqn"
    architecture: str = "nature"
    dueling: bool = False
    noisy: bool = False
    noisy_sigma: float = 0.5
    layer_norm: bool = False
    huber: bool = False
    n_atoms: int = 51
    v_min: float = -10.0
    v_max: float = 10.0
    n_quantiles: int | None = None

    def make_head(self, features: int) -> AnyHead:
        """Make the head of a network with so many features."""
        if self.head == "c51":
            return CategoricalHead(self.n_atoms, self.v_min, self.v_max)
        if self.head == "qr-dqn":
            return QuantileHead(self.n_quantiles or 200)
        if self.head == "iqn":
            return ImplicitQuantileHead(features, self.n_quantiles or 8)
        return ExpectedHead(self.huber)


class ValueNetwork(nn.Module):
    """Layers from observations to features, from features to outputs, and a head.

    Attributes
    ----------
    network
        All layers, or those up to the features where the head works between the two.
    head
        What the outputs mean.
    num_actions
        The number of actions.
    """

    def __init__(
        self,
        torso: Sequence[nn.Module],
        features: int,
        hidden: int,
        num_actions: int,
        options: NetworkOptions,
    ) -> None:
        super().__init__()
        self.num_actions = num_actions
        head = options.make_head(features)
        streams = make_streams(
            features,
            hidden,
            num_actions,
            head.outputs,
            dueling=options.dueling,
            noisy_sigma=options.noisy_sigma if options.noisy else None,
            layer_norm=options.layer_norm,
        )
        # One sequence where it can be, whose parameters have CleanRL's names.
        if isinstance(head, ImplicitQuantileHead):
            self.network, self.streams = FusedSequential(*torso), FusedSequential(*streams)
        else:
            self.network, self.streams = FusedSequential(*torso, *streams), FusedSequential()
        self.head = head

    def forward(self, observations: Tensor) -> Tensor:
        """Action values (B, num_actions), float32, of observations (B, …)."""
        return self.head.values(self.outputs(self.scaled(observations)))

    def outputs(self, inputs: Tensor, fractions: Tensor | None = None) -> Tensor:
        """Return the outputs (B, num_actions, K), float32, that describe the actions' returns.

        Parameters
        ----------
        inputs
            (B, …), float32: observations, `scaled`.
        fractions
            For "iqn", of which K are given for each row (B, K), or for all (1, K); None: those of
            acting.
        """
        outputs: Tensor = self.network(inputs)
        if isinstance(self.head, ImplicitQuantileHead):
            outputs = self.streams(self.head.embed(outputs, fractions))
            return outputs.reshape(len(inputs), -1, self.num_actions).transpose(1, 2)
        return outputs.reshape(len(inputs), self.num_actions, self.head.outputs)

    def scaled(self, observations: Tensor) -> Tensor:
        """Return what the first layer takes: floats (B, …) of observations (B, …)."""
        raise NotImplementedError


class QNetwork(ValueNetwork):
    """The convolutional network of Mnih et al. (2015), or another.

    The parameters of the default have the names and shapes of CleanRL's ``QNetwork``, so that each
    library loads the weights that the other saved.

    Parameters
    ----------
    num_actions
        Number of discrete actions.
    observation_shape
        (stack, height, width) of the observations; at least 36×36 pixels.
    dueling
        State value and advantages in two streams (Wang et al. 2016); CleanRL has none.
    architecture
        "nature" (2015), "nips" (2013), "data-efficient" or "impala"; see `framering.dqn.torsos`.
    **options
        What else the network is made of: the other attributes of `NetworkOptions`.

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
        **options: Any,
    ) -> None:
        if len(observation_shape) != 3 or min(observation_shape[1:]) < MIN_IMAGE_SIDE:
            raise ValueError(
                "observation_shape: expected (stack, height, width) with at least 36×36 pixels, "
                f"got {tuple(observation_shape)}"
            )
        made_of = NetworkOptions(dueling=dueling, architecture=architecture, **options)
        channels, height, width = observation_shape
        torso = make_torso(architecture, channels, height, width, made_of.layer_norm)
        super().__init__(torso.layers, torso.features, torso.hidden, num_actions, made_of)

    def scaled(self, observations: Tensor) -> Tensor:
        """Return images / 255, of observations (B, stack, h, w) in 0 … 255."""
        return scale_images(observations)


class VectorQNetwork(ValueNetwork):
    """The multilayer perceptron of CleanRL's ``dqn.py``, for observations that are no images.

    Parameters
    ----------
    num_actions
        Number of discrete actions.
    observation_shape
        Shape of one observation; it is flattened.
    **options
        What else the network is made of: the attributes of `NetworkOptions`, but for the
        architecture.
    """

    def __init__(self, num_actions: int, observation_shape: Sequence[int], **options: Any) -> None:
        made_of = NetworkOptions(**options)
        torso: list[nn.Module] = [nn.Linear(math.prod(observation_shape), _VECTOR_FEATURES)]
        if made_of.layer_norm:
            torso.append(nn.LayerNorm(_VECTOR_FEATURES))
        torso.append(nn.ReLU())
        super().__init__(torso, _VECTOR_FEATURES, _VECTOR_HIDDEN, num_actions, made_of)

    def scaled(self, observations: Tensor) -> Tensor:
        """Return observations (B, …) as floats (B, size)."""
        return observations.flatten(start_dim=1).float()


def make_network(
    observation_shape: Sequence[int], num_actions: int, options: NetworkOptions | None = None
) -> ValueNetwork:
    """Make a `QNetwork` for observations of three axes, else a `VectorQNetwork`."""
    kind = QNetwork if len(observation_shape) == 3 else VectorQNetwork
    return kind(num_actions, observation_shape, **(options or NetworkOptions())._asdict())
