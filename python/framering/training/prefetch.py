"""Prefetching of batches from the replay buffer to the learner's device."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from framering.replay.buffer import ReplayBuffer
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.replay.samples import ReplayBufferSamples


class BatchPrefetcher:
    """Draw batches; on CUDA, each while the learner uses the one before it.

    On CUDA, the replay buffer draws a batch into pinned memory, and a stream of its own copies it
    to the device. On the CPU, a batch is drawn when it is asked for. Batches and their order are
    the same.

    Parameters
    ----------
    replay
        The buffer to draw from; batches are on its device.
    batch_size
        Transitions in a batch.
    """

    def __init__(self, replay: ReplayBuffer, batch_size: int) -> None:
        self._replay = replay
        self._batch_size = batch_size
        # A prioritised batch depends on the update before it, so it can't be drawn early.
        early = replay.device.type == "cuda" and not isinstance(replay, PrioritizedReplayBuffer)
        self._transfers = _CudaTransfers(replay, batch_size) if early else None

    def batches(self, number: int, window: Any = None) -> Iterator[Any]:
        """Draw a number of batches, from a window of the replay buffer or from all it holds.

        On CUDA, the transfer of the next batch has started when a batch is yielded.
        """
        if self._transfers is None:
            for _ in range(number):
                yield self._replay.sample(self._batch_size, window=window)
        elif number:
            following = self._transfers.start(window)
            for _ in range(number - 1):
                current, following = following, self._transfers.start(window)
                yield self._transfers.finish(current)
            yield self._transfers.finish(following)


@dataclasses.dataclass
class _Transfer:
    """A batch whose transfer has started: tensors on the device, valid after the event."""

    batch: ReplayBufferSamples
    copied: torch.cuda.Event


class _CudaTransfers:
    """Draw batches and copy them to CUDA on a stream of their own."""

    def __init__(self, replay: ReplayBuffer, batch_size: int) -> None:
        self._replay = replay
        self._batch_size = batch_size
        self._stream = torch.cuda.Stream(replay.device)  # type: ignore[no-untyped-call]

    def start(self, window: Any) -> _Transfer:
        """Draw a batch, and start its transfer."""
        with torch.cuda.stream(self._stream):
            batch = self._replay.sample(self._batch_size, window=window)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copied.record(self._stream)
        return _Transfer(batch, copied)

    def finish(self, transfer: _Transfer) -> ReplayBufferSamples:
        """Make the current stream wait for a batch, and keep its memory until it was used there."""
        stream = torch.cuda.current_stream(self._replay.device)
        stream.wait_event(transfer.copied)
        for part in transfer.batch:
            if part is not None:
                part.record_stream(stream)
        return transfer.batch
