"""Finished episodes, as they are reported: at once, or gathered from several processes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# Gathering costs two messages to each process.
_GATHER_STEPS = 1000


class Episode(NamedTuple):
    """A finished episode: the step of its end, its unclipped return, its length in raw frames."""

    step: int
    episodic_return: float
    length: int


def finished_episodes(step: int, infos: dict[str, Any]) -> list[Episode]:
    """Return the episodes that ended in a step of a vector environment."""
    if "_episode" not in infos:
        return []
    episodes = infos["episode"]
    return [
        Episode(step, float(episodes["r"][index]), int(episodes["l"][index]))
        for index in np.flatnonzero(infos["_episode"])
    ]


class OwnEpisodes:
    """The episodes of this process, reported at once."""

    def after_step(self, step: int, taken: int, finished: list[Episode]) -> list[Episode]:
        """Return the episodes to report after some steps, of which some have finished."""
        return finished

    def rest(self) -> list[Episode]:
        """Return the episodes that are not reported yet."""
        return []


class GatheredEpisodes(OwnEpisodes):
    """The episodes of several processes, in the order of their steps, every thousand steps.

    Parameters
    ----------
    gather
        Returns the values of all processes, in their order.
    reports
        Whether this process reports them; the others return none.
    """

    def __init__(
        self, gather: Callable[[list[Episode]], list[list[Episode]]], reports: bool
    ) -> None:
        self._gather, self._reports = gather, reports
        self._finished: list[Episode] = []

    def after_step(self, step: int, taken: int, finished: list[Episode]) -> list[Episode]:
        """Return the episodes of all processes, where the steps reach the next thousand."""
        self._finished += finished
        return self.rest() if step % _GATHER_STEPS < taken else []

    def rest(self) -> list[Episode]:
        """Return the episodes of all processes since the last time."""
        gathered = self._gather(self._finished)
        self._finished = []
        if not self._reports:
            return []
        return sorted((one for own in gathered for one in own), key=lambda one: one.step)
