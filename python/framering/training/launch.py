"""How this process was started: alone, or as one of the ranks that torchrun has started."""

import os

from framering.training.ranks import Ranks

# torchrun sets this variable in each process that it starts.
_TORCHRUN = "TORCHELASTIC_RUN_ID"


def current_ranks() -> Ranks:
    """Return the ranks that torchrun has started, or this process alone."""
    if _TORCHRUN not in os.environ or os.environ["WORLD_SIZE"] == "1":
        return Ranks()
    from framering.training.torchrun import TorchrunRanks

    numbers = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return TorchrunRanks(*(int(os.environ[name]) for name in numbers))
