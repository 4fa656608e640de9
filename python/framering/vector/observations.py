"""Observations of a vector environment, gathered from the frame ring."""

import numpy as np
import numpy.typing as npt

from framering import _core


class ObservationReader:
    """Gathers the newest and the final frame stacks of all lanes.

    Parameters
    ----------
    ring
        The ring that holds the frames.
    shape
        Shape of the observations, ``(num_envs, stack_size, *frame_shape)``.
    copy
        Whether each call of `newest` returns a new array.
    """

    def __init__(self, ring: _core.Ring, shape: tuple[int, ...], *, copy: bool) -> None:
        self._ring = ring
        self._copy = copy
        self._observations = np.zeros(shape, np.uint8)

    def newest(self) -> npt.NDArray[np.uint8]:
        """Return the newest stack of each lane."""
        if self._copy:
            self._observations = np.empty_like(self._observations)
        self._ring.gather_newest(self._observations)
        return self._observations

    def final(
        self, ended: npt.NDArray[np.bool_], restarted: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.object_]:
        """Return the final stacks of ended episodes, and None for the other lanes.

        Each is followed in its lane by one frame, the first of the next episode. The final frame of
        a restarted lane was lost with its worker: its stack is the one that was returned last.
        """
        final = np.full(len(ended), None, dtype=object)
        for lane in np.flatnonzero(restarted):
            final[lane] = self._observations[lane].copy()
        lanes = np.flatnonzero(ended & ~restarted)
        arrivals = self._ring.published().astype(np.int64)[lanes] - 2
        before = np.empty((len(lanes), *self._observations.shape[1:]), np.uint8)
        after = np.empty_like(before)
        self._ring.gather(lanes, arrivals, before, after)
        for lane, stack in zip(lanes, after, strict=True):
            final[lane] = stack
        return final
