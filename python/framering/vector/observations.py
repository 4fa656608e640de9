"""Observations of a vector environment, gathered from the frame ring."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from framering import _core
from framering.vector.shared_arrays import Columns


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

    def begin_step(self) -> int | None:
        """Return the block that the lanes of the next step shall gather into: none."""
        return None

    def end_step(self) -> npt.NDArray[np.uint8]:
        """Return the newest stack of each lane, after the step that `begin_step` began."""
        return self.newest()

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
        return self._final(np.arange(len(ended)), ended, restarted, self._observations)

    def _final(
        self,
        lanes: npt.NDArray[np.int64],
        ended: npt.NDArray[np.bool_],
        restarted: npt.NDArray[np.bool_],
        returned: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8],
    ) -> npt.NDArray[np.object_]:
        final = np.full(len(lanes), None, dtype=object)
        for index in np.flatnonzero(restarted):
            final[index] = returned[lanes[index]].copy()
        chosen = np.flatnonzero(ended & ~restarted)
        arrivals = self._ring.published().astype(np.int64)[lanes[chosen]] - 2
        before = np.empty((len(chosen), *self._observations.shape[1:]), np.uint8)
        after = np.empty_like(before)
        self._ring.gather(lanes[chosen], arrivals, before, after)
        for index, stack in zip(chosen, after, strict=True):
            final[index] = stack
        return final


class SharedObservationReader(ObservationReader):
    """Lends the caller blocks that the lanes have gathered into, each in its own process.

    A block is not written again while there is an array or tensor over it. While the caller keeps
    all of them, the stacks are gathered here, into new arrays.

    Parameters
    ----------
    ring, shape
        As for `ObservationReader`.
    columns
        Its blocks of observations are those that are lent.
    """

    def __init__(self, ring: _core.Ring, shape: tuple[int, ...], columns: Columns) -> None:
        super().__init__(ring, shape, copy=True)
        self._blocks = _core.LentBlocks(columns.observations)
        self._filled: npt.NDArray[np.uint8] | None = None

    def begin_step(self) -> int | None:
        """Return the block that the lanes of the next step shall gather into, if one is free."""
        block, self._filled = self._blocks.lend() or (None, None)
        return block

    def end_step(self) -> npt.NDArray[np.uint8]:
        """Return the newest stack of each lane: the block, if there was one."""
        if self._filled is None:
            return self.newest()
        self._observations, self._filled = self._filled, None
        return self._observations


class AsyncObservationReader(ObservationReader):
    """Gathers the newest and the final frame stacks of some lanes.

    Parameters
    ----------
    ring, copy
        As for `ObservationReader`.
    num_envs
        Number of lanes.
    shape
        Shape of the observations, ``(batch_size, stack_size, *frame_shape)``.
    """

    def __init__(
        self, ring: _core.Ring, num_envs: int, shape: tuple[int, ...], *, copy: bool
    ) -> None:
        super().__init__(ring, shape, copy=copy)
        # The stack of each lane that was returned last.
        self._returned = [np.zeros(shape[1:], np.uint8)] * num_envs

    def newest(self) -> npt.NDArray[np.uint8]:
        """Return the newest stack of each lane."""
        return self.newest_of(np.arange(len(self._returned)))

    def newest_of(self, lanes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return the newest stacks of lanes."""
        if self._copy or len(lanes) != len(self._observations):
            self._observations = np.empty((len(lanes), *self._observations.shape[1:]), np.uint8)
        self._ring.gather_newest_of(self._observations, lanes)
        for lane, stack in zip(lanes.tolist(), self._observations, strict=True):
            self._returned[lane] = stack if self._copy else stack.copy()
        return self._observations

    def final_of(
        self,
        lanes: npt.NDArray[np.int64],
        ended: npt.NDArray[np.bool_],
        restarted: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.object_]:
        """Return the final stacks of ended episodes of lanes; see `ObservationReader.final`.

        It must be called before `newest_of` returns the first stacks of the next episodes.
        """
        return self._final(lanes, ended, restarted, self._returned)
