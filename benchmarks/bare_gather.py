"""A bare C++ memcpy of as many bytes as a sample gathers, the lower bound for sampling."""

import ctypes
import mmap
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest


class BareGather:
    """Copies rows from random positions in a block of `transitions` frames, in huge pages.

    The rows of stacked frames lie together, as they do in the ring, and the result goes to the
    same memory each time: nothing is drawn, allocated or wrapped.
    """

    def __init__(self, transitions: int, batch_size: int, frame_bytes: int, stack: int) -> None:
        self._library = ctypes.CDLL(_compiled())
        self._memory = _huge_pages(transitions * frame_bytes)
        self._row = (stack + 1) * frame_bytes
        self._out = _huge_pages(batch_size * self._row)
        last = transitions - stack - 1
        starts = np.random.default_rng(0).integers(0, last, (1000, batch_size), np.uint64)
        self._offsets = starts * np.uint64(frame_bytes)
        self._turn = 0

    def __call__(self) -> None:
        offsets = self._offsets[self._turn % len(self._offsets)]
        self._turn += 1
        self._library.bare_gather(
            ctypes.c_void_p(self._out.ctypes.data),
            ctypes.c_void_p(self._memory.ctypes.data),
            ctypes.c_void_p(offsets.ctypes.data),
            ctypes.c_uint64(len(offsets)),
            ctypes.c_uint64(self._row),
        )


def _huge_pages(number: int) -> np.ndarray:
    # Shared memory, the default of Python's mmap, gets no huge pages.
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    memory = mmap.mmap(-1, number + (2 << 20), flags=private)
    memory.madvise(mmap.MADV_HUGEPAGE)
    array = np.frombuffer(memory, np.uint8)[:number]
    array[:] = 1
    return array


def _compiled() -> str:
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler to build the bare gather with")
    target = Path(tempfile.mkdtemp()) / "bare_gather.so"
    source = Path(__file__).with_suffix(".cpp")
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", source, "-o", target], check=True)
    return str(target)
