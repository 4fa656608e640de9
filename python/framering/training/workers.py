"""The number of worker processes that step the environments."""

from framering.cores import usable_cores


def worker_count(num_envs: int, num_workers: int | None, pipelined: bool) -> int | None:
    """Return how many worker processes emulate, or None where this process emulates beside them.

    It needs no torch, so that `framering.tune_process` can ask before torch is loaded.

    Parameters
    ----------
    num_envs
        Environments.
    num_workers
        The number that the user asked for; None: one environment is stepped by this process, and
        several by one process a core, this one too unless it learns meanwhile.
    pipelined
        Whether this process learns while the environments are stepped.

    Examples
    --------
    >>> worker_count(num_envs=1, num_workers=None, pipelined=False)
    0
    >>> worker_count(num_envs=8, num_workers=3, pipelined=True)
    3
    """
    if num_workers is not None:
        return num_workers
    if num_envs == 1:
        return 0
    return min(usable_cores(), num_envs) if pipelined else None
