"""A game console: an `ALEInterface` with its ROM, seed, mode, resets and saved states."""

from importlib import metadata
from typing import Any

import ale_py
from ale_py import roms

from framering.atari.reset_cache import ResetCache
from framering.atari.settings import AtariSettings
from framering.errors import OldLibraryError

_ALE_VERSION = metadata.version("ale-py")
_FIRST_ALE_VERSION_THAT_SAVES = (0, 12)


def check_can_save() -> None:
    """Raise OldLibraryError if the installed ale-py cannot save a console's state."""
    # Older ones decode the bytes of a state as text.
    if tuple(map(int, _ALE_VERSION.split(".")[:2])) < _FIRST_ALE_VERSION_THAT_SAVES:
        raise OldLibraryError(
            f"ale-py: expected 0.12 or newer to save games, got {_ALE_VERSION}; "
            "pip install -U ale-py"
        )


class Console:
    """An emulated console that plays one game, without preprocessing and episodes.

    `load` comes before anything else.

    Parameters
    ----------
    settings
        The game, its sticky actions, frame limit, action set, mode and difficulty.

    Attributes
    ----------
    ale : ale_py.ALEInterface
        The emulator, to act and to read screens.
    reset_cache : ResetCache
        Starts games and counts frames.

    Raises
    ------
    ValueError
        If the game is unknown.
    """

    def __init__(self, settings: AtariSettings) -> None:
        self._settings = settings
        self._rom = _rom_path(settings.game)
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self.ale: Any = ale_py.ALEInterface()
        self.ale.setFloat("repeat_action_probability", settings.repeat_action_probability)
        self.ale.setInt("max_num_frames_per_episode", settings.max_num_frames_per_episode)
        self.reset_cache = ResetCache(self.ale, settings)

    def load(self, seed: int) -> None:
        """Load the ROM with an int32 seed, and set mode and difficulty.

        Raises
        ------
        ValueError
            If the game has no such mode or difficulty.
        """
        self.ale.setInt("random_seed", seed)
        self.ale.loadROM(self._rom)
        self.reset_cache.rom_loaded()
        self._set_mode_and_difficulty()

    def actions(self) -> list[Any]:
        """Return the actions of ALE by their index."""
        full = self._settings.full_action_space
        actions = self.ale.getLegalActionSet() if full else self.ale.getMinimalActionSet()
        return list(actions)

    def state(self) -> bytes:
        """Return the console's state with its random generator.

        ALE saves neither the screen nor the action that sticky actions would repeat.

        Raises
        ------
        OldLibraryError
            If ale-py is older than 0.12.
        """
        check_can_save()
        state: bytes = self.ale.cloneState(include_rng=True).serialize()
        return state

    def restore(self, state: bytes) -> None:
        """Continue from what `state` returned with the same ROM.

        Raises
        ------
        ValueError
            If ALE does not restore exactly these bytes; the console may have changed then.
        """
        try:
            self.ale.restoreState(ale_py.ALEState(state))
        except Exception as reason:  # ale_py translates none of ALE's own exceptions.
            raise ValueError("console: expected one of this game, got other bytes") from reason
        if self.state() != state:
            raise ValueError("console: expected one of this game, got other bytes")

    def _set_mode_and_difficulty(self) -> None:
        ale, settings = self.ale, self._settings
        for name, value, available, apply in (
            ("mode", settings.mode, ale.getAvailableModes, ale.setMode),
            ("difficulty", settings.difficulty, ale.getAvailableDifficulties, ale.setDifficulty),
        ):
            if value is None:
                continue
            choices = sorted(available())
            if value not in choices:
                raise ValueError(
                    f"{name}: expected one of {choices} in {settings.game}, got {value}"
                )
            apply(value)


def _rom_path(game: str) -> Any:
    if game not in roms.get_all_rom_ids():
        raise ValueError(f"game: expected a ROM of ale_py such as 'ms_pacman', got {game!r}")
    return roms.get_rom_path(game)
