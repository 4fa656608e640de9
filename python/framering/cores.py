"""The number of cores that this process may use."""

import os


def usable_cores() -> int:
    """Return the number of cores that this process may use.

    macOS has no way to bind a process to some cores: there it is the number of all cores.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
