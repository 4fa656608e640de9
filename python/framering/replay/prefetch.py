"""Batches that a thread draws ahead of their use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Batch = TypeVar("Batch")


def drawn_ahead(draw: Callable[[Any], Batch], next_seed: Callable[[], Any]) -> Iterator[Batch]:
    """Yield batches without end; a thread draws the next one while the caller uses the last.

    Seeds are taken in the calling thread, to which NumPy's global generator belongs. A forked child
    goes on with a thread of its own.
    """
    ahead = _Ahead(draw)
    try:
        ahead.begin(next_seed())
        while True:
            batch = ahead.result()
            ahead.begin(next_seed())
            yield batch
    finally:
        ahead.close()


class _Ahead:
    """Draws one batch in a thread."""

    def __init__(self, draw: Callable[[Any], Batch]) -> None:
        self._draw = draw
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._thread = ThreadPoolExecutor(1, "framering-batches")

    def _inherited(self) -> bool:
        # A forked child has the executor and the future, but not the thread that would complete
        # them, and their locks may be held for ever. It uses neither.
        return self._process != os.getpid()

    def begin(self, seed: Any) -> None:
        self._seed = seed
        self._future: Future[Any] = self._thread.submit(self._draw, seed)

    def result(self) -> Any:
        if self._inherited():
            self._start()
            self.begin(self._seed)
        return self._future.result()

    def close(self) -> None:
        if not self._inherited():
            self._thread.shutdown()
