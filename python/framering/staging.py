"""Batches on their way from the replay memory to the learner's device."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from framering.prioritized import PrioritizedReplayBuffer
from framering.replay import ReplayBuffer, ReplayBufferSamples

_BLOCKS = 3


class Staging:
    """Draws batches; on CUDA, each while the one before it trains.

    On CUDA a batch is drawn into one of a few pinned blocks, which take turns, and is copied on a
    stream of its own; a block is not filled again before its copy has ended. On the CPU a batch is
    what the replay memory draws. Either way the same batches come in the same order.

    Parameters
    ----------
    replay
        Where batches are drawn.
    batch_size
        Transitions in a batch.
    device
        Where batches are needed.
    """

    def __init__(self, replay: ReplayBuffer, batch_size: int, device: torch.device) -> None:
        self._replay = replay
        self._batch_size = batch_size
        # Prioritised batches depend on the update before them, so they can't be drawn ahead.
        ahead = device.type == "cuda" and not isinstance(replay, PrioritizedReplayBuffer)
        self._pinned = _PinnedBlocks(device) if ahead else None

    def batches(self, number: int, window: Any = None) -> Iterator[Any]:
        """Draw some batches, from a window of the replay memory or from all that it holds.

        On CUDA, when a batch is given out, the next one has been drawn and is on its way.
        """
        if self._pinned is None:
            for _ in range(number):
                yield self._replay.sample(self._batch_size, window=window)
        elif number:
            ahead = self._pinned.begin(self._replay, self._batch_size, window)
            for _ in range(number - 1):
                current = ahead
                ahead = self._pinned.begin(self._replay, self._batch_size, window)
                yield self._pinned.end(current)
            yield self._pinned.end(ahead)


@dataclasses.dataclass
class _Block:
    """Pinned tensors of one batch, and the event that their copy has ended."""

    host: ReplayBufferSamples
    copied: torch.cuda.Event


@dataclasses.dataclass
class _Transfer:
    """A batch on its way: tensors on the device, to be used after the event."""

    batch: ReplayBufferSamples
    copied: torch.cuda.Event


class _PinnedBlocks:
    """A rotation of pinned blocks, and the stream on which they are copied. CUDA only."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._blocks: list[_Block] = []
        self._next = 0

    def begin(self, replay: ReplayBuffer, batch_size: int, window: Any) -> _Transfer:
        """Draw a batch into the next block, and start its copy."""
        if len(self._blocks) < _BLOCKS:
            # The first round's batches show the shapes; drawing twice would change the stream.
            drawn = replay.sample(batch_size, window=window, contiguous=True)
            block = _Block(_map(drawn, _pinned_copy), torch.cuda.Event())  # type: ignore[no-untyped-call]
            self._blocks.append(block)
        else:
            block = self._blocks[self._next]
            self._next = (self._next + 1) % _BLOCKS
            block.copied.synchronize()
            replay.sample(batch_size, window=window, out=block.host)
        with torch.cuda.stream(self._stream):
            moved = _map(block.host, lambda part: part.to(self._device, non_blocking=True))
            block.copied.record(self._stream)
        return _Transfer(moved, block.copied)

    def end(self, transfer: _Transfer) -> ReplayBufferSamples:
        """Make the current stream wait for a batch, and keep its memory until that has used it."""
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(transfer.copied)
        for part in transfer.batch:
            if part is not None:
                part.record_stream(stream)
        return transfer.batch


def _pinned_copy(part: Tensor) -> Tensor:
    return part.cpu().contiguous().pin_memory()


def _map(batch: ReplayBufferSamples, change: Any) -> ReplayBufferSamples:
    return ReplayBufferSamples(*(None if part is None else change(part) for part in batch))
