"""Checkpoints as framering 0.1.0 wrote them: version 2 of the format.

Such a checkpoint has ``tensors.safetensors`` (weights and Adam's moments, under names of their
own) and ``state.json`` (all else) instead of ``state.pt`` and ``checkpoint.json``.
"""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from framering.errors import ConfigError
from framering.training.checked_files import load_checked_json, read_checked_bytes

_VERSION = 2
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def read_version_2(folder: Path) -> dict[str, Any]:
    """Read and check a checkpoint of version 2; return its state in the present layout.

    Raises
    ------
    ConfigError
        If it isn't what was written.
    """
    content = load_checked_json(folder / "state.json")
    if content.get("version") != _VERSION:
        raise ConfigError(
            f"{folder / 'state.json'}: expected version {_VERSION}, got {content.get('version')}"
        )
    path = folder / "tensors.safetensors"
    data = read_checked_bytes(path, content.get("tensors"))
    try:
        return convert_version_2(content["state"], load_tensors(data))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{folder}: expected a run's state, got {error!r}") from error


def convert_version_2(state: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Return the state of a checkpoint of version 2 in the present layout.

    Parameters
    ----------
    state
        ``config``, ``step``, the states of exploration's generators, and the games as hexadecimal
        text, or None where the environments could not be saved.
    tensors
        ``online.{name}``, ``target.{name}`` and ``adam.{moment}.{name}`` for each weight's name.
    """
    q_network, target_network = (_with_prefix(tensors, f"{name}.") for name in ("online", "target"))
    moments = {moment: _with_prefix(tensors, f"adam.{moment}.") for moment in _MOMENTS}
    optimizer = {
        index: {moment: moments[moment][name] for moment in _MOMENTS}
        for index, name in enumerate(sorted(q_network, key=_position))
        if name in moments["step"]
    }
    games = state["games"]
    return {
        "config": state["config"],
        "step": state["step"],
        "learner": {
            "q_network": q_network,
            "target_network": target_network,
            "optimizer": {"state": optimizer},
        },
        "exploration": {"rng": state["coin"], "random_actions": state["random_actions"]},
        "environments": {"seed": state["config"]["seed"] + state["step"]}
        if games is None
        else {"games": [bytes.fromhex(game) for game in games]},
    }


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _position(name: str) -> list[int]:
    """Return a key by which the names of version 0.1.0's parameters sort as in its networks.

    Layers are numbered; a dueling head has the value stream first, a layer its weight first.
    """
    words = {"network": 0, "value": 0, "advantage": 1, "weight": 0, "bias": 1}
    return [words[part] if part in words else int(part) for part in name.split(".")]
