"""A fully connected layer for CPUs on which torch's own is slow."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Dense(nn.Linear):
    """``torch.nn.Linear``, computed by oneDNN where torch would ask MKL.

    For batches of 32 and the 3136×512 weights of a Q-network, MKL's matrix product takes about
    twice as long as oneDNN's on AMD's processors; torch uses oneDNN for float32 only in compiled
    inference. Parameters, their names and the results (but for the order of summation) are
    Linear's; on other devices and dtypes, and under autocast, it is Linear altogether.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (B, out_features) of inputs (B, in_features)."""
        if _uses_onednn(inputs):
            outputs: Tensor = _dense(inputs, self.weight, self.bias)
            return outputs
        return functional.linear(inputs, self.weight, self.bias)


def _uses_onednn(inputs: Tensor) -> bool:
    return (
        inputs.device.type == "cpu"
        and inputs.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _product(first: Tensor, second: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``first`` (N, K) times the transpose of ``second`` (M, K), plus the bias (M,)."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(first, second, bias, "none", [], "")
    return product


# An operator of its own, because torch.compile takes oneDNN's for one with constant weights.
@torch.library.custom_op("framering::dense", mutates_args=())
def _dense(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return _product(inputs, weight, bias)


@torch.library.custom_op("framering::dense_gradients", mutates_args=())
def _gradients(inputs: Tensor, weight: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    return _product(outputs, weight.t()), _product(outputs.t(), inputs.t())


@_dense.register_fake
def _(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return inputs.new_empty(inputs.shape[0], weight.shape[0])


@_gradients.register_fake
def _(inputs: Tensor, weight: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(inputs), torch.empty_like(weight)


def _keep(ctx: object, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])  # type: ignore[attr-defined]


def _backward(context: object, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    inputs, weight = context.saved_tensors  # type: ignore[attr-defined]
    return *_gradients(inputs, weight, outputs.contiguous()), outputs.sum(dim=0)


_dense.register_autograd(_backward, setup_context=_keep)
