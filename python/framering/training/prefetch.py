"""Batches on their way from the replay memory to the learner's device."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from framering.replay.buffer import ReplayBuffer
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.replay.samples import ReplayBufferSamples


class BatchPrefetcher:
    """Draws batches; on CUDA, each while the one before it trains.

    On CUDA a batch is copied to the device on a stream of its own, out of the pinned memory that
    the replay memory draws it into. On the CPU a batch is what the replay memory draws. Either way
    the same batches come in the same order.

    Parameters
    ----------
    replay
        Where batches are drawn; they go to its device.
    batch_size
        Transitions in a batch.
    """

    def __init__(self, replay: ReplayBuffer, batch_size: int) -> None:
        self._replay = replay
        self._batch_size = batch_size
        # Prioritised batches depend on the update before them, so they can't be drawn ahead.
        ahead = replay.device.type == "cuda" and not isinstance(replay, PrioritizedReplayBuffer)
        self._ahead = _Ahead(replay, batch_size) if ahead else None

    def batches(self, number: int, window: Any = None) -> Iterator[Any]:
        """Draw some batches, from a window of the replay memory or from all that it holds.

        On CUDA, when a batch is given out, the next one has been drawn and is on its way.
        """
        if self._ahead is None:
            for _ in range(number):
                yield self._replay.sample(self._batch_size, window=window)
        elif number:
            following = self._ahead.begin(window)
            for _ in range(number - 1):
                current, following = following, self._ahead.begin(window)
                yield self._ahead.end(current)
            yield self._ahead.end(following)


@dataclasses.dataclass
class _Transfer:
    """A batch on its way: tensors on the device, to be used after the event."""

    batch: ReplayBufferSamples
    copied: torch.cuda.Event


class _Ahead:
    """Batches that are copied on a stream of their own. CUDA only."""

    def __init__(self, replay: ReplayBuffer, batch_size: int) -> None:
        self._replay = replay
        self._batch_size = batch_size
        self._stream = torch.cuda.Stream(replay.device)  # type: ignore[no-untyped-call]

    def begin(self, window: Any) -> _Transfer:
        """Draw a batch, and start its copy."""
        with torch.cuda.stream(self._stream):
            batch = self._replay.sample(self._batch_size, window=window)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copied.record(self._stream)
        return _Transfer(batch, copied)

    def end(self, transfer: _Transfer) -> ReplayBufferSamples:
        """Make the current stream wait for a batch, and keep its memory until that has used it."""
        stream = torch.cuda.current_stream(self._replay.device)
        stream.wait_event(transfer.copied)
        for part in transfer.batch:
            if part is not None:
                part.record_stream(stream)
        return transfer.batch
