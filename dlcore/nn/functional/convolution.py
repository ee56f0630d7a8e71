"""Convolution and its transpose. The gradients of either are two more convolutions, and theirs are these again.

One axis is two of which the first has size 1: there are no primitives of its own.
"""

from __future__ import annotations

from typing import Any

from dlcore._errors import ShapeError
from dlcore._specs import Conv2dSpec
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import batched, floats, same_dtype, single, sizes
from dlcore.nn.functional._epilogue import BiasGradient, Ending, before_activation
from dlcore.ops import concat, expand_dims, squeeze, zeros


class _Conv2d(Function):
    """Each of the three maps is linear in both of its arguments; `other` is the shape of the third."""

    saves = (0, 1)

    def __init__(self, spec: Conv2dSpec) -> None:
        self.spec = spec


class Conv2d(_Conv2d):
    """(x, weight, bias) -> y."""

    def forward(self, x: Any, weight: Any, bias: Any = None) -> Any:
        self.x_shape, self.weight_shape = x.shape, weight.shape
        return self.backend.conv2d_forward(x, weight, bias, self.spec)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        if len(self._edges) == 2:
            return self.of_product(grad)
        by_bias = BiasGradient((0, 2, 3), self.destination(2))(grad) if self.needs(2) else None
        return (*self.of_product(grad), by_bias)

    def of_product(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of x and weight from that of the sum."""
        x, weight = self.saved
        by_weight = None
        if self.needs(1):
            by_weight = Conv2dBackwardWeight(self.spec, self.weight_shape, self.destination(1))(grad, x)
        return Conv2dBackwardInput(self.spec, self.x_shape)(grad, weight) if self.needs(0) else None, by_weight


class Conv2dActivation(Conv2d):
    """(x, weight, bias or None) -> activation(y), for an activation whose gradient follows from its output."""

    saves_output = True

    def __init__(self, spec: Conv2dSpec, activation: Ending) -> None:
        super().__init__(spec)
        self.activation = activation

    def forward(self, x: Any, weight: Any, bias: Any = None) -> Any:
        self.x_shape, self.weight_shape = x.shape, weight.shape
        return self.backend.conv2d_forward(x, weight, bias, self.spec, *self.activation)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, by_bias = before_activation(self, grad, self.activation, (0, 2, 3))
        return (*self.of_product(grad), by_bias)


class Conv2dBackwardInput(_Conv2d):
    """(gradient of y, weight) -> gradient of x."""

    def __init__(self, spec: Conv2dSpec, x_shape: Any) -> None:
        self.spec, self.x_shape = spec, x_shape

    def forward(self, grad: Any, weight: Any) -> Any:
        self.weight_shape = weight.shape
        return self.backend.conv2d_backward_input(grad, weight, self.x_shape, self.spec)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, weight = self.saved
        return (
            Conv2d(self.spec)(grad, weight) if self.needs(0) else None,
            Conv2dBackwardWeight(self.spec, self.weight_shape)(y, grad) if self.needs(1) else None,
        )


class Conv2dBackwardWeight(_Conv2d):
    """(gradient of y, x) -> gradient of the weight, written into `out` if there is one."""

    def __init__(self, spec: Conv2dSpec, weight_shape: Any, out: Any = None) -> None:
        self.spec, self.weight_shape, self.out = spec, weight_shape, out

    def forward(self, grad: Any, x: Any) -> Any:
        self.x_shape = x.shape
        return self.backend.conv2d_backward_weight(grad, x, self.weight_shape, self.spec, self.out)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        y, x = self.saved
        return (
            Conv2d(self.spec)(x, grad) if self.needs(0) else None,
            Conv2dBackwardInput(self.spec, self.x_shape)(y, grad) if self.needs(1) else None,
        )


class ConvTranspose2d(Conv2dBackwardInput):
    """(x, weight, bias or None) -> y, of shape `shape`: the gradient of a convolution's input, used forwards."""

    def forward(self, x: Any, weight: Any, bias: Any = None) -> Any:
        y = super().forward(x, weight)
        return y if bias is None else self.backend.bias_activation_forward(y, bias, axis=1, out=y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = self.saved
        by_weight = by_bias = None
        if self.needs(1):
            by_weight = Conv2dBackwardWeight(self.spec, self.weight_shape, self.destination(1))(x, grad)
        if self.needs(2):
            by_bias = BiasGradient((0, 2, 3), self.destination(2))(grad)
        return Conv2d(self.spec)(grad, weight) if self.needs(0) else None, by_weight, by_bias


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int] = 1,
    padding: int | tuple[int] | str = 0,
    dilation: int | tuple[int] = 1,
    groups: int = 1,
) -> Tensor:
    """1-D convolution (cross-correlation), as PyTorch's; see `conv2d`.

    Args:
        input: shape (N, C, L), or (C, L) for one sequence; float.
        weight: shape (K, C // groups, R), of the same dtype.
        bias: shape (K,) or None.
        stride, padding, dilation, groups: as for `conv2d`, with one number.

    Returns:
        Shape (N, K, P), where P = floor((L + 2*padding - dilation*(R-1) - 1) / stride) + 1.

    Raises:
        As `conv2d`.

    >>> F.conv1d(dl.ones((1, 1, 5)), dl.ones((2, 1, 3)), padding="same").shape
    (1, 2, 5)
    """
    return convolve("conv1d", input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """2-D convolution (cross-correlation: the kernel is not flipped), as PyTorch's.

    Args:
        input: shape (N, C, H, W), or (C, H, W) for one image; float.
        weight: shape (K, C // groups, R, S), of the same dtype.
        bias: shape (K,) or None.
        stride, dilation: an int, or a pair for height and width.
        padding: zeros on both sides, an int or a pair; "valid" for none; "same" for as many as keep height and width:
            dilation*(R-1) in all, the odd one at the end. "same" is for stride 1.
        groups: the channels are cut into this many groups that do not mix.

    Returns:
        Shape (N, K, P, Q), where P = floor((H + 2*padding - dilation*(R-1) - 1) / stride) + 1.

    Raises:
        ShapeError: shapes that do not fit together, or a kernel larger than the padded input.
        DTypeError: dtypes that differ or are not float.
        ValueError: a stride, padding, dilation or groups out of range.

    >>> F.conv2d(dl.ones((1, 1, 5, 5)), dl.ones((2, 1, 3, 3)), padding=1).shape
    (1, 2, 5, 5)
    """
    return convolve("conv2d", input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int] = 1,
    padding: int | tuple[int] = 0,
    output_padding: int | tuple[int] = 0,
    groups: int = 1,
    dilation: int | tuple[int] = 1,
) -> Tensor:
    """1-D transposed convolution, as PyTorch's; see `conv_transpose2d`.

    Args:
        input: shape (N, C, L), or (C, L) for one sequence; float.
        weight: shape (C, K // groups, R), of the same dtype.
        bias: shape (K,) or None.
        stride, padding, output_padding, groups, dilation: as for `conv_transpose2d`, with one number.

    Returns:
        Shape (N, K, P), where P = (L-1)*stride - 2*padding + dilation*(R-1) + output_padding + 1.

    Raises:
        As `conv_transpose2d`.

    >>> F.conv_transpose1d(dl.ones((1, 2, 5)), dl.ones((2, 1, 3)), stride=2).shape
    (1, 1, 11)
    """
    return _transpose(
        "conv_transpose1d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )  # fmt: skip


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    groups: int = 1,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """2-D transposed convolution, as PyTorch's: the linear map that is the gradient of `conv2d` in its input.

    Each number of the input is multiplied by the whole kernel and added into the output there, `stride` apart. Source:
    Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016, section 4.

    Args:
        input: shape (N, C, H, W), or (C, H, W) for one image; float.
        weight: shape (C, K // groups, R, S), of the same dtype: as that of the convolution from K to C channels.
        bias: shape (K,) or None.
        stride, dilation: an int, or a pair for height and width.
        padding: what is cut off on both sides: the padding of that convolution. An int or a pair.
        output_padding: rows and columns added at the end, to tell apart the sizes that a stride maps to one. An int or
            a pair, less than `stride` or less than `dilation`.
        groups: the channels are cut into this many groups that do not mix.

    Returns:
        Shape (N, K, P, Q), where P = (H-1)*stride - 2*padding + dilation*(R-1) + output_padding + 1.

    Raises:
        ShapeError: shapes that do not fit together, or an output without elements.
        DTypeError: dtypes that differ or are not float.
        ValueError: a stride, padding, output_padding, dilation or groups out of range.

    >>> F.conv_transpose2d(dl.ones((1, 2, 4, 4)), dl.ones((2, 1, 3, 3)), stride=2, padding=1, output_padding=1).shape
    (1, 1, 8, 8)
    """
    return _transpose(
        "conv_transpose2d", input, weight, bias, stride, padding, output_padding, groups, dilation
    )  # fmt: skip


def convolve(
    name: str,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    activation: Ending | None = None,
) -> Tensor:
    """`conv1d` or `conv2d`, and `activation` of it."""
    axes = 1 if name == "conv1d" else 2
    x, was_single = batched(name, input, axes)
    weight, bias = _parameters(name, x, weight, bias, groups, axes, "K, C // groups")
    strides, dilations = sizes(name, "stride", stride, 1, axes), sizes(name, "dilation", dilation, 1, axes)
    pads = padding_of(name, padding, weight.shape[2:], strides, dilations)
    channels, kernels = x.shape[1], weight.shape[0]
    if channels != weight.shape[1] * groups or kernels % groups:
        raise ShapeError(
            f"{name}: input of shape {input.shape} has {channels} channels, weight of shape {weight.shape} with "
            f"groups={groups} expects {weight.shape[1] * groups}, and its {kernels} kernels must divide into the groups"
        )
    _check_bias(name, bias, kernels)
    x, weight, spec = _two_axes(x, weight, strides, pads, dilations, groups)
    spec.output_size(x.shape[2:], weight.shape[2:], name)  # type: ignore[arg-type] # pairs
    node = Conv2d(spec) if activation is None else Conv2dActivation(spec, activation)
    return single(_one_axis(node(x, weight, bias), axes), was_single)


def padding_of(
    name: str, padding: Any, kernel_size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """For each axis what is added before and after it: numbers, "valid" or "same"."""
    if not isinstance(padding, str):
        return tuple([(pad, pad) for pad in sizes(name, "padding", padding, 0, len(kernel_size))])
    if padding == "valid":
        return tuple([(0, 0) for _ in kernel_size])
    if padding != "same":
        raise ValueError(f"{name}: padding must be numbers, 'same' or 'valid', got {padding!r}")
    if any(step != 1 for step in stride):
        raise ValueError(f"{name}: padding='same' is for stride 1, got stride {stride}")
    totals = [step * (kernel - 1) for step, kernel in zip(dilation, kernel_size, strict=True)]
    return tuple([(total // 2, total - total // 2) for total in totals])


def _transpose(
    name: str,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    axes = 1 if name == "conv_transpose1d" else 2
    x, was_single = batched(name, input, axes)
    weight, bias = _parameters(name, x, weight, bias, groups, axes, "C, K // groups")
    strides, dilations = sizes(name, "stride", stride, 1, axes), sizes(name, "dilation", dilation, 1, axes)
    pads, extras = sizes(name, "padding", padding, 0, axes), sizes(name, "output_padding", output_padding, 0, axes)
    channels = x.shape[1]
    if channels != weight.shape[0] or channels % groups or 0 in x.shape[1:]:
        raise ShapeError(
            f"{name}: input of shape {input.shape} has {channels} channels and weight of shape {weight.shape} expects "
            f"{weight.shape[0]}; there must be some, of which groups={groups} is a divisor, and no size 0 beside them"
        )
    _check_bias(name, bias, weight.shape[1] * groups)
    ends, output, beyond = [], [], []
    for size, kernel, step, pad, extra, spread in zip(
        x.shape[2:], weight.shape[2:], strides, pads, extras, dilations, strict=True
    ):
        if extra >= max(step, spread):
            raise ValueError(
                f"{name}: output_padding {output_padding!r} must be less than stride {stride!r} or "
                f"dilation {dilation!r}"
            )
        # Of the convolution that this is the gradient of, the last window must end where its padding does, or less
        # than a stride before: the padding at its end gives way, and where that is too little the input gets zeros.
        ends.append((pad, max(0, pad - extra)))
        output.append((size - 1) * step - 2 * pad + spread * (kernel - 1) + extra + 1)
        beyond.append(max(0, extra - pad) // step)
    if min(output) < 1:
        raise ShapeError(f"{name}: input of shape {input.shape} would give an output of size {tuple(output)}")
    for axis, zeros_needed in enumerate(beyond, start=2):
        if zeros_needed:
            shape = (*x.shape[:axis], zeros_needed, *x.shape[axis + 1 :])
            x = concat([x, zeros(shape, dtype=x.dtype, device=x.device)], axis=axis)
    x, weight, spec = _two_axes(x, weight, strides, tuple(ends), dilations, groups)
    shape = (x.shape[0], weight.shape[1] * groups, *([1] * (2 - axes)), *output)
    return single(_one_axis(ConvTranspose2d(spec, shape)(x, weight, bias), axes), was_single)


def _parameters(
    name: str, x: Tensor, weight: Any, bias: Any, groups: Any, axes: int, channels: str
) -> tuple[Tensor, Tensor | None]:
    weight = floats(name, "weight", weight)
    if bias is not None:
        bias = floats(name, "bias", bias)
    same_dtype(name, input=x, weight=weight, bias=bias)
    if weight.ndim != axes + 2 or 0 in weight.shape[2:]:
        taps, least = ("R, S", "R, S >= 1") if axes == 2 else ("R", "R >= 1")
        raise ShapeError(f"{name}: weight must have shape ({channels}, {taps}) with {least}, got {weight.shape}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ValueError(f"{name}: groups must be an int >= 1, got {groups!r}")
    return weight, bias


def _check_bias(name: str, bias: Tensor | None, kernels: int) -> None:
    if bias is not None and bias.shape != (kernels,):
        raise ShapeError(f"{name}: bias must have shape ({kernels},), got {bias.shape}")


def _two_axes(
    x: Tensor,
    weight: Tensor,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> tuple[Tensor, Tensor, Conv2dSpec]:
    """Images as they are, sequences as images of one row, with the geometry of it."""
    if len(stride) == 2:
        (top, bottom), (left, right) = padding
        spec = Conv2dSpec((stride[0], stride[1]), (top, bottom, left, right), (dilation[0], dilation[1]), groups)
        return x, weight, spec
    spec = Conv2dSpec((1, stride[0]), (0, 0, *padding[0]), (1, dilation[0]), groups)
    return expand_dims(x, axis=2), expand_dims(weight, axis=2), spec


def _one_axis(y: Tensor, axes: int) -> Tensor:
    """Undo `_two_axes` on a result."""
    return squeeze(y, axis=2) if axes == 1 else y
