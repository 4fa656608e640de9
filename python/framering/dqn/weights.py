"""Saving, checking and loading a network's weights, in CleanRL's format."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from framering.atomic_write import atomic_write
from framering.dqn.heads.categorical import CategoricalHead
from framering.dqn.network import NetworkOptions, ValueNetwork, make_network
from framering.dqn.torsos import CONVOLUTIONS
from framering.errors import ConfigError

# The name of the atoms in CleanRL's networks, and in ours.
_ATOMS, _OUR_ATOMS = "atoms", "head.atoms"
_MIDPOINTS = "head.midpoints"


def save_weights(network: ValueNetwork, path: Path) -> None:
    """Write a network's weights as CleanRL does, which loads those of its own networks.

    That is ``torch.save`` of the ``state_dict``, or for a `CategoricalHead` of a dict of it and of
    the arguments that CleanRL's ``c51_atari.py`` makes its network from. The file appears whole or
    not at all.

    Raises
    ------
    OSError
        If it can't be written; an older file of that name is still there then.
    """
    # Not written by torch itself, whose error for a full disk is a RuntimeError of many lines.
    data = io.BytesIO()
    torch.save(_cleanrl_format(network), data)
    with atomic_write(path) as file:
        file.write(data.getbuffer())


def load_network(path: Path, observation_shape: Sequence[int], num_actions: int) -> ValueNetwork:
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
    if isinstance(state, Mapping) and isinstance(state.get("model_weights"), Mapping):
        state = {
            _OUR_ATOMS if name == _ATOMS else name: tensor
            for name, tensor in state["model_weights"].items()
        }
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"no mapping of names to tensors but {type(state).__name__}")
    return dict(state)


def _cleanrl_format(network: ValueNetwork) -> dict[str, Any]:
    state = network.state_dict()
    if not isinstance(network.head, CategoricalHead):
        return state
    weights = {_ATOMS if name == _OUR_ATOMS else name: tensor for name, tensor in state.items()}
    head = network.head
    arguments = {"n_atoms": head.outputs, "v_min": head.v_min, "v_max": head.v_max}
    return {"model_weights": weights, "args": arguments}


def _network_of(
    state: dict[str, Tensor], observation_shape: Sequence[int], num_actions: int
) -> ValueNetwork:
    """Make the network that the names and shapes of the weights belong to, and load them."""
    network = make_network(observation_shape, num_actions, _options_of(state))
    try:
        check_state("weights", state, network.state_dict())
    except ValueError as error:
        raise ValueError(
            f"others ({error}). Was it trained for another game, or with another --screen-size?"
        ) from error
    network.load_state_dict(state)
    return network


def _options_of(state: dict[str, Tensor]) -> NetworkOptions:
    """Infer what a network is made of from the names and shapes of its weights."""
    convolutions = [(t.shape[0], t.shape[2]) for t in state.values() if t.ndim == 4]
    architecture = next(
        (
            name
            for name, sizes in CONVOLUTIONS.items()
            if [layer[:2] for layer in sizes.layers] == convolutions
        ),
        "impala" if any(".blocks." in name for name in state) else "nature",
    )
    options = NetworkOptions(
        architecture=architecture,
        dueling=any(".advantage." in name for name in state),
        noisy=any(name.endswith("weight_sigma") for name in state),
        layer_norm=_has_layer_norm(state),
    )
    if any(name.startswith("head.embedding.") for name in state):
        return options._replace(head="iqn")
    if (atoms := state.get(_OUR_ATOMS)) is not None and atoms.ndim == 1 and len(atoms) > 1:
        first, last = float(atoms[0]), float(atoms[-1])
        return options._replace(head="c51", n_atoms=len(atoms), v_min=first, v_max=last)
    if (midpoints := state.get(_MIDPOINTS)) is not None and midpoints.numel():
        return options._replace(head="qr-dqn", n_quantiles=midpoints.numel())
    return options


def _has_layer_norm(state: dict[str, Tensor]) -> bool:
    """Whether there are weights of the shape of their bias, as no other layer has them."""
    return any(
        name.endswith("weight")
        and state.get(name.removesuffix("weight") + "bias") is not None
        and tensor.shape == state[name.removesuffix("weight") + "bias"].shape
        for name, tensor in state.items()
    )
