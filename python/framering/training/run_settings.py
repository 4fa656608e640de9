"""The settings of a run in its folder, which play its model later."""

import dataclasses
import json
import os
from pathlib import Path

from framering.atomic_write import atomic_write
from framering.config import TrainConfig
from framering.errors import ConfigError

_NAME = "settings.json"


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """The settings of a run that its model needs; the names are those of `TrainConfig`."""

    env_id: str
    exp_name: str
    screen_size: int
    terminal_on_life_loss: bool
    repeat_action_probability: float | None


_TYPES: dict[str, tuple[type, ...]] = {
    "env_id": (str,),
    "exp_name": (str,),
    "screen_size": (int,),
    "terminal_on_life_loss": (bool,),
    "repeat_action_probability": (float, int, type(None)),
}


def write_settings(run: Path, config: TrainConfig) -> None:
    """Write all settings of a run into its folder, as ``settings.json``.

    Raises
    ------
    OSError
        If the disk is full, or fails.
    """
    with atomic_write(run / _NAME) as file:
        file.write(json.dumps(dataclasses.asdict(config), indent=1).encode())


def read_settings(run: Path) -> RunSettings:
    """Read what a run's model needs of the settings in its folder.

    Raises
    ------
    ConfigError
        If there is no such folder, or no such settings in it.
    """
    if not os.path.isdir(run):
        raise ConfigError(f"{run}: expected the folder of a run, such as runs/NAME, got none")
    path = run / _NAME
    try:
        saved = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: expected the settings of the run, got no such file, because the run is from "
            "an older framering: give --model and --env-id"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path, str(error)) from None
    try:
        found = {name: saved[name] for name in _TYPES}
    except (KeyError, TypeError, IndexError) as error:
        raise _unusable(path, f"no {error}") from None
    for name, types in _TYPES.items():
        if type(found[name]) not in types:
            raise _unusable(path, f"{name} {found[name]!r:.100}")
    return RunSettings(**found)


def find_model(run: Path, settings: RunSettings) -> Path:
    """Return the path of a run's saved model.

    Raises
    ------
    ConfigError
        If there is none.
    """
    path = run / model_name(settings.exp_name)
    if not os.path.isfile(path):
        raise ConfigError(
            f"{path}: expected the run's model, got none; train saves one with --save-model, "
            "and --model names another"
        )
    return path


def model_name(exp_name: str) -> str:
    """Return the name of the file with a run's model."""
    return f"{exp_name}.cleanrl_model"


def _unusable(path: Path, found: str) -> ConfigError:
    return ConfigError(
        f"{path}: expected the settings of the run, got {found}; give --model and --env-id"
    )
