"""The heap of a training run keeps what an update frees."""

import ctypes
import subprocess
import sys

import pytest

# Blocks as large as a layer's gradient: at first use their pages fault, and later only if the heap
# gave them back to the kernel in between.
UPDATES = """
import ctypes, resource, sys
from framering import _core

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
BYTES = 3136 * 512 * 4

def update():
    blocks = [libc.malloc(BYTES) for _ in range(8)]
    for block in blocks:
        ctypes.memset(block, 1, BYTES)
    for block in reversed(blocks):
        libc.free(block)

if sys.argv[1] == "keep":
    _core.keep_freed_memory()
for _ in range(5):
    update()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    update()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(heap: str) -> int:
    command = [sys.executable, "-c", UPDATES, heap]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return int(done.stdout.split()[-1])


@pytest.mark.linux("mallopt of glibc")
@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="only glibc's heap is told"
)
def test_an_update_faults_no_page_twice():
    assert page_faults("plain") > 1000
    assert page_faults("keep") < 100
