"""Saving and loading a network's weights in CleanRL's format."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from framering.dqn.network import make_network
from framering.errors import ConfigError


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
        convolutions = sum(weights.ndim == 4 for weights in state.values())
        architecture = "nips" if convolutions == 2 else "nature"
        network = make_network(observation_shape, num_actions, dueling, architecture)
        network.load_state_dict(state)
    except FileNotFoundError:
        raise ConfigError(f"there is no model at {path}") from None
    except Exception as error:
        lines = [line.strip() for line in str(error).strip().splitlines()]
        # torch names the weights that don't fit in the lines after a headline.
        unfit = [line for line in lines if line.startswith("size mismatch")]
        question = "Was it trained for another game, or with another --screen-size?"
        reason = f"{unfit[0]} {question}" if unfit else lines[0]
        raise ConfigError(
            f"{path} doesn't hold the weights of a network for observations of shape "
            f"{tuple(observation_shape)} and {num_actions} actions: {reason}"
        ) from error
    return network
