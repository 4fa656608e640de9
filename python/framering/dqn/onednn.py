"""Layers that ask oneDNN where torch takes a slower way on a CPU."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# Asked once: torch.compile can't ask.
_AVAILABLE = (
    torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
)


class OneDnnLinear(nn.Linear):
    """``torch.nn.Linear``, computed by oneDNN where torch would ask MKL.

    For batches of 32 and the 3136×512 weights of a Q-network, MKL's matrix product takes about
    twice as long as oneDNN's on AMD's processors; torch uses oneDNN for float32 only in compiled
    inference. Parameters, their names and the results (but for the order of summation) are
    Linear's; on other devices and dtypes, and under autocast, it is Linear altogether.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (B, out_features) of inputs (B, in_features)."""
        if _takes(inputs):
            outputs: Tensor = _LinearProduct.apply(inputs, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return outputs
        return functional.linear(inputs, self.weight, self.bias)


class FusedSequential(nn.Sequential):
    """``torch.nn.Sequential``; without gradients, a ReLU is done with the layer before it.

    oneDNN applies it to the outputs of a convolution or a `OneDnnLinear` while they are in the
    caches. For one observation that saves a quarter of the time, for 32 a tenth. Results are the
    same; those layers' forward hooks are not called.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of the last layer."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or not _takes(inputs):
            outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
            return outputs
        layers = list(self)
        while layers:
            layer = layers.pop(0)
            if (
                isinstance(layer, nn.Conv2d | OneDnnLinear)
                and layers
                and isinstance(layers[0], nn.ReLU)
            ):
                inputs = _rectified(layer, inputs)
                del layers[0]
            else:
                inputs = layer(inputs)
        return inputs


def _takes(inputs: Tensor) -> bool:
    return (
        _AVAILABLE
        and inputs.device.type == "cpu"
        and inputs.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )


def _rectified(layer: nn.Conv2d | OneDnnLinear, inputs: Tensor) -> Tensor:
    """Apply a layer, and a ReLU."""
    if isinstance(layer, OneDnnLinear):
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
# torch.library.custom_op would make it in fewer words, and each call a tenth of a product slower.
torch.library.define(
    "framering::product", "(Tensor first, Tensor second, Tensor? bias=None) -> Tensor"
)
torch.library.impl("framering::product", "cpu", _product)


@torch.library.register_fake("framering::product")  # type: ignore[untyped-decorator]
def _(first: Tensor, second: Tensor, bias: Tensor | None = None) -> Tensor:
    return first.new_empty(first.shape[0], second.shape[0])


class _LinearProduct(torch.autograd.Function):
    """The product of a `OneDnnLinear`, and its gradients, which are products, too."""

    generate_vmap_rule = True

    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        outputs: Tensor = torch.ops.framering.product(inputs, weight, bias)
        return outputs

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs, weight = ctx.saved_tensors
        outputs = outputs.contiguous()
        product = torch.ops.framering.product
        return product(outputs, weight.t()), product(outputs.t(), inputs.t()), outputs.sum(dim=0)
