"""Cache of the first frames of games that always start in the same state.

``ALEInterface.reset_game`` switches the console on and emulates more than sixty frames, which take
as long as sixteen steps. The console's memory then holds what the last game left there, and its
timer has a random value. Many cartridges use both, but in the games listed here the whole state of
the console after these frames is the same, whatever came before, and ALE saves all of it.
`tests/atari/test_reset_cache.py` checks both for each game. The no-op frames that follow are always
the same, too.
"""

from typing import Any

from framering.atari.settings import AtariSettings

DETERMINISTIC_GAMES = frozenset(
    {
        "air_raid",
        "asterix",
        "atlantis",
        "atlantis2",
        "basic_math",
        "battle_zone",
        "blackjack",
        "bowling",
        "breakout",
        "carnival",
        "casino",
        "centipede",
        "darkchambers",
        "defender",
        "donkey_kong",
        "double_dunk",
        "et",
        "flag_capture",
        "frogger",
        "gopher",
        "jamesbond",
        "journey_escape",
        "keystone_kapers",
        "king_kong",
        "klax",
        "lost_luggage",
        "mr_do",
        "ms_pacman",
        "name_this_game",
        "othello",
        "pacman",
        "pong",
        "road_runner",
        "robotank",
        "skiing",
        "space_invaders",
        "tic_tac_toe_3d",
        "turmoil",
        "video_chess",
        "video_pinball",
        "wizard_of_wor",
        "word_zapper",
    }
)


def has_deterministic_start(settings: AtariSettings) -> bool:
    """Return whether a game with these settings always starts in the same state.

    A saved state holds neither the screen nor the action that sticky actions would repeat: a no-op
    frame must follow, and actions must not be sticky.
    """
    return (
        settings.game in DETERMINISTIC_GAMES
        and settings.noop_max > 0
        and settings.repeat_action_probability == 0
        and settings.mode is None
        and settings.difficulty is None
    )


class ResetCache:
    """Resets one emulator, and restores the states of earlier resets where that is exact.

    Parameters
    ----------
    ale
        The emulator.
    settings
        The game; see `has_deterministic_start`.
    """

    def __init__(self, ale: Any, settings: AtariSettings) -> None:
        self._ale = ale
        self._enabled = has_deterministic_start(settings)
        # By the number of no-op frames since the start.
        self._states: dict[int, Any] = {}
        self._start_frames = 0
        self._frame_offset = 0

    @property
    def frame_number(self) -> int:
        """Emulated frames since the ROM was loaded, including those before a restored state."""
        return int(self._ale.getFrameNumber()) + self._frame_offset

    @frame_number.setter
    def frame_number(self, number: int) -> None:
        self._frame_offset = number - int(self._ale.getFrameNumber())

    def rom_loaded(self) -> None:
        """Restart the count of frames, as ALE does when it loads a ROM."""
        self._frame_offset = 0

    def reset_game(self, noop_frames: int) -> int:
        """Start a game, and return how many of the no-op frames that follow are already done.

        At least one is left to emulate, as a restored state has no screen.
        """
        number = self.frame_number
        done = noop_frames - 1 if noop_frames - 1 in self._states else 0
        if done in self._states:
            self._ale.restoreState(self._states[done])
            self.frame_number = number + self._start_frames + done
            return done
        self._ale.reset_game()
        # Frames in which ALE selects a mode; most games need none.
        self._start_frames = self.frame_number - number
        self.store(0)
        return 0

    def store(self, noop_frames: int) -> None:
        """Store the current state if exactly so many no-op frames were emulated since the start."""
        if not self._enabled or noop_frames in self._states:
            return
        if self._ale.getEpisodeFrameNumber() == self._start_frames + noop_frames:
            self._states[noop_frames] = self._ale.cloneState()
