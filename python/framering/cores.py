"""The number of cores that this process may use."""

import os


def usable_cores() -> int:
    """Return the number of cores that this process may use.

    The processes that torchrun starts on a machine share its cores. macOS has no way to bind a
    process to some cores: there all count.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    # torchrun sets this variable.
    return max(cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)
