"""CUDA graphs: a function of tensors, recorded once and replayed from then on.

An update of a small network is hundreds of short kernels, and starting one takes longer than it
runs. A graph starts them all at once. The rules that a recorded function must keep are in "CUDA
graphs" of PyTorch's documentation: fixed shapes, inputs and outputs at fixed addresses, nothing
that waits for the device.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

# Calls before the recording: in them libraries choose their kernels, and the optimiser makes its
# state. PyTorch's documentation warms up with three.
_WARM_UP = 3

Result = TypeVar("Result")


class Recorder(Protocol):
    """What records a function: `CudaGraph`."""

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Call a function as it will be recorded."""

    def record(self, function: Callable[[], Result]) -> Result:
        """Record a function, without its effects; return where `replay` will put its results."""

    def replay(self) -> None:
        """Do again what was recorded, with what its inputs hold now."""


class CudaGraph:
    """Records on CUDA."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Call a function on a stream of its own, as cuBLAS and autograd want."""
        current, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(current)
        with torch.cuda.stream(side):
            result = function()
        current.wait_stream(side)
        return result

    def record(self, function: Callable[[], Result]) -> Result:
        """Record a function; its kernels don't run."""
        with torch.cuda.graph(self._graph):
            return function()

    def replay(self) -> None:
        """Run the recorded kernels."""
        self._graph.replay()


class Captured(Generic[Result]):
    """A function that is recorded after its first calls, and replayed in all later ones.

    Every call has the effects of one call of the function. Where recording fails, it warns and
    calls the function itself from then on.

    Parameters
    ----------
    function
        Takes and returns tensors, None, numbers, and tuples of these. Shapes are the same in all
        calls.
    warn
        Called with the warning.
    recorder
        Makes what records.
    """

    def __init__(
        self,
        function: Callable[..., Result],
        *,
        warn: Callable[[str], None],
        recorder: Callable[[], Recorder] = CudaGraph,
    ) -> None:
        self._function = function
        self._warn = warn
        self._recorder = recorder()
        self._calls = 0
        self._recorded = self._fails = False

    def __call__(self, *inputs: Any) -> Result:
        """Call the function, or replay it with these inputs."""
        if self._fails:
            return self._function(*inputs)
        if self._calls < _WARM_UP:
            self._calls += 1
            return self._recorder.warm_up(lambda: self._function(*inputs))
        if not self._recorded:
            self._inputs = _clone(inputs)
            try:
                self._outputs = self._recorder.record(lambda: self._function(*self._inputs))
            except RuntimeError as error:  # recording had no effects
                return self._without(error, inputs)
            self._recorded = True
        _copy(self._inputs, inputs)
        self._recorder.replay()
        return _clone(self._outputs)  # type: ignore[no-any-return]

    def _without(self, error: RuntimeError, inputs: tuple[Any, ...]) -> Result:
        self._fails = True
        reason = str(error).strip().splitlines()[0]
        self._warn(f"recording a CUDA graph failed, continuing without it: {reason}")
        return self._function(*inputs)


def _clone(value: Any) -> Any:
    """Copy all tensors in nested tuples."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, tuple):
        copies = map(_clone, value)
        return type(value)(*copies) if hasattr(value, "_fields") else tuple(copies)
    return value


def _copy(to: Any, value: Any) -> None:
    """Copy all tensors in nested tuples into those of others."""
    if isinstance(to, Tensor):
        to.copy_(value, non_blocking=True)
    elif isinstance(to, tuple):
        for inner, inner_value in zip(to, value, strict=True):
            _copy(inner, inner_value)
