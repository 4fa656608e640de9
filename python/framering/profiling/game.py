"""The Atari game that is profiled."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from framering.atari.registry import settings_for
from framering.atari.settings import AtariSettings
from framering.errors import ConfigError

Item = TypeVar("Item")


def game_settings(env_id: str) -> AtariSettings:
    """Return the settings of an Atari game, preprocessed as CleanRL does.

    Raises
    ------
    ConfigError
        If the id is no Atari game's.
    """
    try:
        return settings_for(env_id, order="cleanrl")
    except Exception as error:  # Gymnasium imports what an id names, and that may fail in any way.
        raise ConfigError(f"--env-id: expected the id of an Atari game: {error}") from error


def progress(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield the items, and show how many of them were yielded where a terminal is."""
    console = Console(file=sys.stderr)
    yield from track(
        items, description, total, console=console, transient=True, disable=not console.is_terminal
    )
