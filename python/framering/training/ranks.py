"""The ranks of a run: the processes that train one network together, or one process alone.

Settings describe the whole run. Each rank has an equal share of the environments, of the replay
buffer and of each batch; gradients are averaged, so all ranks have the same weights.
"""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from torch import Tensor, nn

from framering.config import TrainConfig
from framering.errors import ConfigError

# What is divided among the ranks, and what to call it.
_SHARED = {
    "num_envs": "environments",
    "buffer_size": "transitions of the replay buffer",
    "batch_size": "rows of each batch",
    "num_workers": "worker processes",
}

Result = TypeVar("Result")


class Ranks:
    """The only rank of a run. `framering.training.torchrun.TorchrunRanks` is one of several.

    As a context it joins the ranks, and leaves them at the end. All ranks make the same calls of
    the methods that exchange something, in the same order.

    Attributes
    ----------
    rank
        The number of this rank, from 0.
    size
        The number of ranks.
    local_size
        The number of ranks on this machine.
    """

    rank = 0
    size = 1
    local_size = 1

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        pass

    @property
    def is_first(self) -> bool:
        """Whether this rank reports, evaluates and saves the model."""
        return self.rank == 0

    @property
    def command(self) -> str:
        """The command that starts as many ranks, but for its arguments."""
        return "framering"

    @property
    def average_gradients(self) -> Callable[[nn.Module], nn.Module] | None:
        """Wraps a module so that its gradients are the means of all ranks; None: no need to."""
        return None

    def check(self, config: TrainConfig) -> None:
        """Raise ConfigError for settings that can't be divided among the ranks."""

    def share(self, config: TrainConfig) -> TrainConfig:
        """Return the settings of this rank's share of the environments, buffer and batches.

        Their seed is that of this rank's replay buffer, exploration and noise.
        """
        return config

    def stop(self, requested: bool) -> bool:
        """Return whether any rank was requested to stop."""
        return requested

    def means(self, *values: Tensor) -> list[float]:
        """Return the means over all ranks of scalars."""
        return [value.item() for value in values]

    def least(self, value: float) -> float:
        """Return the least of a number of each rank."""
        return value

    def gather(self, value: Result) -> list[Result]:
        """Return the values of all ranks, in their order."""
        return [value]

    def all(self, function: Callable[[], Result]) -> Result:
        """Call a function in each rank; return this rank's result.

        Raises
        ------
        OSError, RuntimeError
            If the function raises one, in any rank.
        """
        return function()

    def first(self, function: Callable[[], Result]) -> Result:
        """Call a function in the first rank while the others wait; return its result in each."""
        return function()


def check_divisible(config: TrainConfig, size: int) -> None:
    """Raise ConfigError for settings that can't be divided among so many ranks."""
    if config.collectors:
        raise ConfigError(
            f"--collectors: expected one rank, got {size}; collectors send their games to one "
            "process: start it without torchrun"
        )
    for name, what in _SHARED.items():
        value = getattr(config, name)
        if value is not None and value % size:
            flag = "--" + name.replace("_", "-")
            below, above = value // size * size, -(-value // size) * size
            choice = f"{below} or {above}" if below else f"{above}"
            raise ConfigError(
                f"{flag}: expected a multiple of the {size} ranks, which share the {what} of the "
                f"whole run, got {value}; set {flag} to {choice}"
            )
    if config.async_envs:
        raise ConfigError(
            f"--async-envs: expected one rank, got {size}; ranks take their steps together: leave "
            "it out"
        )


def share_of(config: TrainConfig, rank: int, size: int) -> TrainConfig:
    """Return the settings of a rank's share; see `Ranks.share`."""
    return dataclasses.replace(
        config,
        num_envs=config.num_envs // size,
        buffer_size=config.buffer_size // size,
        buffer_memory=-(-config.buffer_memory // size),
        batch_size=config.batch_size // size,
        num_workers=None if config.num_workers is None else config.num_workers // size,
        # Its default depends on the number of environments of the whole run.
        pipeline=config.pipelined,
        seed=rank_seed(config.seed, rank),
    )


def rank_seed(seed: int, rank: int) -> int:
    """Return the seed of a rank: the run's in the first rank, unrelated ones in the others."""
    if rank == 0:
        return seed
    return int(np.random.SeedSequence([seed, rank]).generate_state(1, np.uint64)[0] >> np.uint64(2))


def first_game_seed(config: TrainConfig, ranks: Ranks) -> int:
    """Return the seed of this rank's first game: game g of the whole run has seed + g."""
    return config.seed + ranks.rank * (config.num_envs // ranks.size)
