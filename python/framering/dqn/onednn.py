"""Layers that call oneDNN on a CPU, where torch itself chooses a slower library.

They call private operators of torch. The first layer that is made tries both operators on small
inputs and compares the results with torch's public functions; where anything differs (another
signature, an error, a wrong result), all layers compute by the public functions alone.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# Whether the private operators work; None until the first layer is made. A constant while
# torch.compile traces a layer, because it can't trace the probe.
_works: bool | None = None


class OneDnnLinear(nn.Linear):
    """``torch.nn.Linear``, computed by oneDNN where torch would call MKL.

    For batches of 32 and the 3136×512 weights of a Q-network, MKL's matrix product takes about
    twice as long as oneDNN's on AMD's processors; torch uses oneDNN for float32 only in compiled
    inference. Parameters, their names and the results (but for the order of summation) are
    Linear's; on other devices and dtypes, and under autocast, it is a plain Linear.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _probe_once()

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (B, out_features) of inputs (B, in_features)."""
        if not _uses_onednn(inputs):
            return super().forward(inputs)
        outputs: Tensor = _LinearProduct.apply(inputs, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return outputs


class FusedSequential(nn.Sequential):
    """``torch.nn.Sequential``; without gradients, a ReLU is fused with the layer before it.

    oneDNN applies the ReLU to the outputs of a convolution or a `OneDnnLinear` while they are in
    the caches. That saves a quarter of the time for one observation, and a tenth for 32. Results
    are the same; forward hooks of fused layers are not called.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        _probe_once()

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of the last layer."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or not _uses_onednn(inputs):
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
                inputs = _with_relu(layer, inputs)
                del layers[0]
            else:
                inputs = layer(inputs)
        return inputs


def _uses_onednn(inputs: Tensor) -> bool:
    return (
        _works is True
        and inputs.device.type == "cpu"
        and inputs.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
    )


def _with_relu(layer: nn.Conv2d | OneDnnLinear, inputs: Tensor) -> Tensor:
    """Apply a layer, then a ReLU."""
    if isinstance(layer, OneDnnLinear):
        return _product(inputs, layer.weight, layer.bias, "relu")
    options = (layer.padding, layer.stride, layer.dilation, layer.groups)
    return _convolution(inputs, layer.weight, layer.bias, options)


def _convolution(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, options: tuple[Any, ...]
) -> Tensor:
    """Convolve (padding, stride, dilation and groups are the options), then apply a ReLU."""
    outputs: Tensor = torch.ops.mkldnn._convolution_pointwise(
        inputs, weight, bias, *options, "relu", [], ""
    )
    return outputs


def _product(
    first: Tensor, second: Tensor, bias: Tensor | None = None, activation: str = "none"
) -> Tensor:
    """Return ``first`` (N, K) times the transpose of ``second`` (M, K), plus the bias (M,)."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(first, second, bias, activation, [], "")
    return product


def _probe_once() -> None:
    global _works
    if _works is None:
        _works = torch.backends.mkldnn.is_available() and _operators_agree()  # type: ignore[no-untyped-call]


@torch.no_grad()
def _operators_agree() -> bool:
    """Compare both operators, in each form in which they are called, with public functions."""
    # Small whole numbers, whose sums are exact in any order; no generator's state is touched.
    images = _whole_numbers(2, 3, 6, 5)
    filters, inputs, weight = (
        _whole_numbers(4, 3, 3, 2),
        _whole_numbers(5, 7),
        _whole_numbers(4, 7),
    )
    bias = _whole_numbers(4)
    options: tuple[Any, ...] = ((1, 0), (2, 1), (1, 1), 1)
    convolved = functional.conv2d(images, filters, bias, padding=(1, 0), stride=(2, 1)).relu()
    linear = functional.linear(inputs, weight, bias)
    channels_last = torch.channels_last
    try:
        results = [
            (_convolution(images, filters, bias, options), convolved),
            (
                _convolution(
                    images.to(memory_format=channels_last),
                    filters.to(memory_format=channels_last),
                    bias,
                    options,
                ),
                convolved,
            ),
            (_product(inputs, weight, bias), linear),
            (_product(inputs, weight, bias, "relu"), linear.relu()),
            (_product(linear, weight.t()), linear @ weight),
            (_product(linear.t(), inputs.t()), linear.t() @ inputs),
        ]
        return all(
            result.shape == expected.shape and torch.allclose(result, expected)
            for result, expected in results
        )
    except Exception:  # whatever a private operator raises, the public function replaces it
        return False


def _whole_numbers(*shape: int) -> Tensor:
    return (torch.arange(math.prod(shape)) % 7 - 3).float().reshape(shape)


# An operator of its own, because torch.compile replaces oneDNN's by one with constant weights.
# torch.library.custom_op would be shorter, but makes each call a tenth of a product slower.
torch.library.define(
    "framering::product", "(Tensor first, Tensor second, Tensor? bias=None) -> Tensor"
)
torch.library.impl("framering::product", "cpu", _product)


@torch.library.register_fake("framering::product")  # type: ignore[untyped-decorator]
def _(first: Tensor, second: Tensor, bias: Tensor | None = None) -> Tensor:
    return first.new_empty(first.shape[0], second.shape[0])


class _LinearProduct(torch.autograd.Function):
    """The product of a `OneDnnLinear`, and its gradients, which are products too."""

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
