"""Games that always start the same, so that their start is emulated once and then restored.

A game starts by switching the console on: ``ALEInterface.reset_game`` emulates over sixty frames,
as long as sixteen steps take. The memory that it finds is what the last game left there, and the
timer's value is random. Many cartridges put both into use, but in the games listed here the whole
state of the console after these frames is the same, whatever came before, and what ALE saves of it
is all that there is to it. `tests/test_atari_starts.py` checks both for each of them. The frames
without action that follow are always the same, too.
"""

from typing import Any

from framering.atari.settings import AtariSettings

STEADY_GAMES = frozenset(
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


def starts_the_same(settings: AtariSettings) -> bool:
    """Tell whether a game so played always starts the same.

    A saved state has neither the screen nor the action that a sticky one would repeat: a frame
    without action must follow, and actions must not stick.
    """
    return (
        settings.game in STEADY_GAMES
        and settings.noop_max > 0
        and settings.repeat_action_probability == 0
        and settings.mode is None
        and settings.difficulty is None
    )


class GameStart:
    """Starts games of one emulator.

    Parameters
    ----------
    ale
        The emulator.
    settings
        The game; see `starts_the_same`.
    """

    def __init__(self, ale: Any, settings: AtariSettings) -> None:
        self._ale = ale
        self._remembers = starts_the_same(settings)
        # By the frames without action that have passed since the start.
        self._states: dict[int, Any] = {}
        self._start_frames = 0
        self._frames_elsewhere = 0

    @property
    def frame_number(self) -> int:
        """Emulated frames since the ROM was loaded, those before a restored start among them."""
        return int(self._ale.getFrameNumber()) + self._frames_elsewhere

    @frame_number.setter
    def frame_number(self, number: int) -> None:
        self._frames_elsewhere = number - int(self._ale.getFrameNumber())

    def rom_loaded(self) -> None:
        """Take note that the ROM was loaded, from where on frames count."""
        self._frames_elsewhere = 0

    def begin(self, frames: int) -> int:
        """Start a game that so many frames without action follow; return how many have passed.

        At least one is left, as a restored start has no screen.
        """
        number = self.frame_number
        passed = frames - 1 if frames - 1 in self._states else 0
        if passed in self._states:
            self._ale.restoreState(self._states[passed])
            self.frame_number = number + self._start_frames + passed
            return passed
        self._ale.reset_game()
        # Most games have none: they are those in which ALE selects a mode.
        self._start_frames = self.frame_number - number
        self.remember(0)
        return 0

    def remember(self, passed: int) -> None:
        """Remember a start that so many frames without action have passed since, if they have."""
        if not self._remembers or passed in self._states:
            return
        if self._ale.getEpisodeFrameNumber() == self._start_frames + passed:
            self._states[passed] = self._ale.cloneState()
