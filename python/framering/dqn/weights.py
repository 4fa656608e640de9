"""Saving, checking and loading a network's weights, in CleanRL's format."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from framering.atomic_write import atomic_write
from framering.dqn.network import make_network
from framering.errors import ConfigError


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's weights as CleanRL does (``torch.save`` of the ``state_dict``).

    The file appears whole or not at all.

    Raises
    ------
    OSError
        If it can't be written; an older file of that name is still there then.
    """
    # Not written by torch itself, whose error for a full disk is a RuntimeError of many lines.
    data = io.BytesIO()
    torch.save(network.state_dict(), data)
    with atomic_write(path) as file:
        file.write(data.getbuffer())


def load_network(path: Path, observation_shape: Sequence[int], num_actions: int) -> nn.Module:
    """Load a network that framering or CleanRL saved; nothing in the file is executed.

    Raises
    ------
    ConfigError
        If the file is missing, is no such file, or holds another network's weights.
    """
    try:
        network = _network_of(_read(path), observation_shape, num_actions)
    except ValueError as error:
        raise ConfigError(
            f"{path}: expected the weights of a network for observations of shape "
            f"{tuple(observation_shape)} and {num_actions} actions, got {error}"
        ) from error
    return network


def check_state(name: str, state: Any, expected: Mapping[str, Tensor]) -> None:
    """Raise ValueError where a ``state_dict`` has other names, shapes or kinds of numbers."""
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{name}: expected tensors by name, got {type(state).__name__}")
    if missing := expected.keys() - state.keys():
        raise ValueError(f"{name}: expected {min(missing)}, got nothing of that name")
    if unknown := state.keys() - expected.keys():
        raise ValueError(
            f"{name}: expected {len(expected)} names, got {min(map(str, unknown))} too"
        )
    for key, tensor in expected.items():
        if state[key].shape != tensor.shape:
            raise ValueError(
                f"{name}: expected {key} of shape {tuple(tensor.shape)}, "
                f"got {tuple(state[key].shape)}"
            )
        if state[key].is_floating_point() != tensor.is_floating_point():
            raise ValueError(f"{name}: expected {key} of {tensor.dtype}, got {state[key].dtype}")


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "there is no model at" if missing else f"{error.strerror}:"
        raise ConfigError(f"{reason} {path}") from error
    except Exception as error:  # torch.load raises many kinds for a file that isn't its own
        reason = next(iter(str(error).strip().splitlines()), "nothing")
        raise ValueError(f"a file that torch.load refuses: {reason}") from error
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"no mapping of names to tensors but {type(state).__name__}")
    return dict(state)


def _network_of(
    state: dict[str, Tensor], observation_shape: Sequence[int], num_actions: int
) -> nn.Module:
    """Make the network that the names and shapes of the weights belong to, and load them."""
    dueling = any(".advantage." in name for name in state)
    convolutions = sum(weights.ndim == 4 for weights in state.values())
    architecture = "nips" if convolutions == 2 else "nature"
    network = make_network(observation_shape, num_actions, dueling, architecture)
    try:
        check_state("weights", state, network.state_dict())
    except ValueError as error:
        raise ValueError(
            f"others ({error}). Was it trained for another game, or with another --screen-size?"
        ) from error
    network.load_state_dict(state)
    return network
