"""The ranks of a run that torchrun starts, joined by ``torch.distributed``."""

import datetime
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from framering.config import TrainConfig
from framering.errors import ConfigError, RunError
from framering.training.ranks import Ranks, check_divisible, share_of

# torchrun ends all ranks where one has ended. The limits are for a rank that hangs: within steps
# and updates, compiling takes longest; elsewhere the others wait for an evaluation or an upload.
_LIMIT = datetime.timedelta(minutes=30)
_WAIT_LIMIT = datetime.timedelta(days=1)

Result = TypeVar("Result")


class TorchrunRanks(Ranks):
    """One of several ranks.

    Gradients of CUDA tensors are exchanged by NCCL; everything else by gloo, which makes no GPU
    wait.

    Parameters
    ----------
    rank, size
        The number of this rank, and of all ranks.
    local_rank, local_size
        The same on this machine.
    """

    def __init__(self, rank: int, size: int, local_rank: int, local_size: int) -> None:
        self.rank, self.size = rank, size
        self.local_rank, self.local_size = local_rank, local_size

    def __enter__(self) -> "TorchrunRanks":
        backend = "gloo"
        if torch.cuda.is_available() and distributed.is_nccl_available():
            backend = "cpu:gloo,cuda:nccl"
            # The device "cuda" is that of this rank from here on.
            torch.cuda.set_device(self.local_rank % torch.cuda.device_count())
        distributed.init_process_group(backend, timeout=_LIMIT)
        self._waiting = distributed.new_group(timeout=_WAIT_LIMIT, backend="gloo")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            distributed.destroy_process_group()
        elif isinstance(error, RuntimeError) and _is_of_a_backend(error):
            raise RunError(
                f"rank {self.rank} lost the other ranks: one of them ended or did not answer; "
                f"--resume continues from the last checkpoint ({error})"
            ) from error

    @property
    def command(self) -> str:
        """The command that starts as many ranks, but for its arguments."""
        nodes = self.size // self.local_size
        # Alone, a machine finds a free port by itself.
        place = "--standalone" if nodes == 1 else f"--nnodes {nodes}"
        return f"torchrun {place} --nproc-per-node {self.local_size} -m framering"

    @property
    def average_gradients(self) -> Callable[[nn.Module], nn.Module]:
        """Wraps a module so that its gradients are the means of all ranks."""
        return AveragedGradients

    def check(self, config: TrainConfig) -> None:
        """Raise ConfigError for settings that can't be divided among the ranks."""
        check_divisible(config, self.size)
        uses_cuda = config.device != "cpu" and config.cuda and torch.cuda.is_available()
        if uses_cuda and self.local_size > torch.cuda.device_count():
            raise ConfigError(
                f"--nproc-per-node: expected at most the {torch.cuda.device_count()} GPUs of this "
                f"machine, got {self.local_size}; start fewer ranks, or use --device cpu"
            )

    def share(self, config: TrainConfig) -> TrainConfig:
        """Return the settings of this rank's share."""
        return share_of(config, self.rank, self.size)

    def stop(self, requested: bool) -> bool:
        """Return whether any rank was requested to stop."""
        requests = torch.tensor([requested], dtype=torch.uint8)
        distributed.all_reduce(requests, distributed.ReduceOp.MAX)
        return bool(requests.item())

    def means(self, *values: Tensor) -> list[float]:
        """Return the means over all ranks of scalars."""
        totals = torch.stack([value.detach() for value in values]).cpu()
        distributed.all_reduce(totals)
        return [total / self.size for total in totals.tolist()]

    def least(self, value: float) -> float:
        """Return the least of a number of each rank."""
        number = torch.tensor([value], dtype=torch.float64)
        distributed.all_reduce(number, distributed.ReduceOp.MIN)
        return float(number.item())

    def gather(self, value: Result) -> list[Result]:
        """Return the values of all ranks, in their order."""
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value, group=self._waiting)
        return values

    def all(self, function: Callable[[], Result]) -> Result:
        """Call a function in each rank; return this rank's result."""
        result: Result
        result, failure = _outcome(function)
        for rank, other in enumerate(self.gather(failure)):
            if other is not None:
                raise failure or OSError(f"rank {rank}: {other}")
        return result

    def first(self, function: Callable[[], Result]) -> Result:
        """Call a function in the first rank while the others wait; return its result in each."""
        outcome: list[Any] = [_outcome(function) if self.is_first else None]
        distributed.broadcast_object_list(outcome, src=0, group=self._waiting)
        failure = outcome[0][1]
        if failure is not None:
            raise failure
        result: Result = outcome[0][0]
        return result


class AveragedGradients(nn.Module):
    """A module that returns a ``loss``, whose gradients are the means of all ranks.

    DistributedDataParallel packs gradients into buckets, and packs them anew, once, in the order of
    the first backward pass. With three ranks or more the packing decides in which order numbers are
    summed. So the first gradient is computed twice: all sums that are used have the final packing,
    and a resumed run, which starts with the first one again, goes on bit for bit.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        # The buffers stay each rank's own, because NoisyNet's noise is one.
        names = inspect.signature(DistributedDataParallel).parameters
        name = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
        options: dict[str, Any] = {name: False}
        self._parallel = DistributedDataParallel(module, **options)
        self._is_packed = False

    def forward(self, *inputs: Any) -> Any:
        """Results of the module."""
        if not self._is_packed:
            self._parallel(*inputs).loss.backward()
            self._parallel.zero_grad()
            self._is_packed = True
        return self._parallel(*inputs)


def _outcome(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return a function's result and None, or None and the error that it raised."""
    try:
        return function(), None
    except (OSError, RuntimeError, ConfigError) as error:
        return None, error


def _is_of_a_backend(error: RuntimeError) -> bool:
    """Whether an error is one of the exchange between ranks."""
    if isinstance(error, distributed.DistError):
        return True
    text = str(error).lower()
    return any(name in text for name in ("gloo", "nccl", "connection closed by peer"))
