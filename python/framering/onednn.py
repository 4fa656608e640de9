"""Layers that ask oneDNN where torch takes a slower way on a CPU."""

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
        if _takes(inputs):
            outputs: Tensor = _dense(inputs, self.weight, self.bias)
            return outputs
        return functional.linear(inputs, self.weight, self.bias)


class Chain(nn.Sequential):
    """``torch.nn.Sequential``; without gradients, a ReLU is done with the layer before it.

    oneDNN puts it behind a convolution or a `Dense` while the outputs are in the caches. For one
    observation that saves a quarter of the time, for 32 a tenth. Results are the same; those
    layers' forward hooks are not called.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of the last layer."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or not _takes(inputs):
            outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
            return outputs
        layers = list(self)
        while layers:
            layer = layers.pop(0)
            if isinstance(layer, nn.Conv2d | Dense) and layers and isinstance(layers[0], nn.ReLU):
                inputs = _rectified(layer, inputs)
                del layers[0]
            else:
                inputs = layer(inputs)
        return inputs


def _takes(inputs: Tensor) -> bool:
    return (
        inputs.device.type == "cpu"
        and inputs.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _rectified(layer: nn.Conv2d | Dense, inputs: Tensor) -> Tensor:
    """Apply a layer, and a ReLU."""
    if isinstance(layer, Dense):
        return _product(inputs, layer.weight, layer.bias, "relu")
    shape = (layer.padding, layer.stride, layer.dilation, layer.groups)
    outputs: Tensor = torch.ops.mkldnn._convolution_pointwise(
        inputs, layer.weight, layer.bias, *shape, "relu", [], ""
    )
    return outputs


def _product(
    first: Tensor, second: Tensor, bias: Tensor | None = None, then: str = "none"
) -> Tensor:
    """Return ``first`` (N, K) times the transpose of ``second`` (M, K), plus the bias (M,)."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(first, second, bias, then, [], "")
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
