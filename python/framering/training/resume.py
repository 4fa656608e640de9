"""What there is to a run's state, and how it is gathered and put back."""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from framering.config import TrainConfig
from framering.dqn.learner import Learner
from framering.errors import ConfigError
from framering.training.checkpoint import Checkpoint, save_checkpoint
from framering.training.components import Components
from framering.vector.env import AtariVectorEnv

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def gather_tensors(learner: Learner) -> dict[str, Tensor]:
    """Collect weights and Adam's moments, contiguous and on the CPU."""
    tensors: dict[str, Tensor] = {}
    networks = {"online": learner.q_network, "target": learner.target_network}
    for network, module in networks.items():
        tensors |= {f"{network}.{name}": weight for name, weight in module.state_dict().items()}
    for name, parameter in learner.q_network.named_parameters():
        moments = learner.optimizer.state.get(parameter, {})
        tensors |= {f"adam.{moment}.{name}": moments[moment] for moment in moments}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


@torch.no_grad()
def restore_tensors(learner: Learner, tensors: dict[str, Tensor]) -> None:
    """Put back what `gather_tensors` collected."""
    for network, module in (("online", learner.q_network), ("target", learner.target_network)):
        module.load_state_dict({name: tensors[f"{network}.{name}"] for name in module.state_dict()})
    for name, parameter in learner.q_network.named_parameters():
        if f"adam.step.{name}" not in tensors:
            continue
        # Moments keep their parameter's memory format, which the fused Adam relies on.
        moments = {
            moment: torch.empty_like(parameter).copy_(tensors[f"adam.{moment}.{name}"])
            for moment in _MOMENTS[1:]
        }
        step = tensors[f"adam.step.{name}"]
        moments["step"] = step.to(parameter.device if parameter.is_cuda else "cpu").clone()
        learner.optimizer.state[parameter] = moments


def save_run(run: Path, config: TrainConfig, components: Components, step: int) -> Path:
    """Write a checkpoint of a run between two steps.

    Raises
    ------
    OSError, RuntimeError
        If the disk is full or fails, or a worker died meanwhile. The run can go on.
    """
    games = None
    if isinstance(components.envs, AtariVectorEnv):
        games = [state.hex() for state in components.envs.save_games()]
    exploration = components.exploration
    state = {
        "config": dataclasses.asdict(config),
        "step": step,
        "coin": exploration.rng.getstate(),
        "random_actions": exploration.random_actions.np_random.bit_generator.state,
        "games": games,
    }
    return save_checkpoint(run, step, gather_tensors(components.learner), state, components.replay)


def saved_config(checkpoint: Checkpoint) -> TrainConfig:
    """Return the settings of the run that was saved.

    Raises
    ------
    ConfigError
        If they aren't settings that this version knows.
    """
    try:
        return TrainConfig(**checkpoint.state["config"])
    except TypeError as error:
        raise ConfigError(f"{checkpoint.folder} is of another version: {error}") from error


def begin(
    config: TrainConfig, components: Components, checkpoint: Checkpoint | None
) -> tuple[NDArray[Any], int]:
    """Reset the environments, or put everything back as it was; return observations and step.

    Environments that aren't Atari can't be saved: those of a resumed run begin new episodes.
    """
    if checkpoint is None:
        return components.envs.reset(seed=config.seed)[0], 0
    state = checkpoint.state
    restore_tensors(components.learner, checkpoint.tensors)
    version, words, gauss = state["coin"]
    components.exploration.rng.setstate((version, tuple(words), gauss))
    components.exploration.random_actions.np_random.bit_generator.state = state["random_actions"]
    step: int = state["step"]
    if state["games"] is None:
        return components.envs.reset(seed=config.seed + step)[0], step
    games = [bytes.fromhex(game) for game in state["games"]]
    return components.envs.restore_games(games)[0], step
