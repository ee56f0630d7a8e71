"""2-D convolution. Its gradients are two more convolutions, and theirs are these three again."""

from __future__ import annotations

from typing import Any

from dlcore._errors import ShapeError
from dlcore._specs import Conv2dSpec
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import floats, images, same_dtype, single, two
from dlcore.nn.functional._epilogue import BiasGradient, before_activation


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

    def __init__(self, spec: Conv2dSpec, activation: str) -> None:
        super().__init__(spec)
        self.activation = activation

    def forward(self, x: Any, weight: Any, bias: Any = None) -> Any:
        self.x_shape, self.weight_shape = x.shape, weight.shape
        return self.backend.conv2d_forward(x, weight, bias, self.spec, self.activation)

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

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
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


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """2-D convolution (cross-correlation: the kernel is not flipped), as PyTorch's.

    Args:
        input: shape (N, C, H, W), or (C, H, W) for one image; float.
        weight: shape (K, C // groups, R, S), of the same dtype.
        bias: shape (K,) or None.
        stride, padding, dilation: an int, or a pair for height and width; zeros are added on both sides.
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
    return convolve(input, weight, bias, stride, padding, dilation, groups)


def convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | tuple[int, int],
    padding: int | tuple[int, int],
    dilation: int | tuple[int, int],
    groups: int,
    activation: str | None = None,
) -> Tensor:
    """`conv2d`, and `activation` of its result: a key of `dlcore.reference.ACTIVATIONS` that saves its output."""
    x, was_single = images("conv2d", input)
    weight = floats("conv2d", "weight", weight)
    if bias is not None:
        bias = floats("conv2d", "bias", bias)
    same_dtype("conv2d", input=x, weight=weight, bias=bias)
    rows, columns = two("conv2d", "padding", padding, 0)
    spec = Conv2dSpec(
        two("conv2d", "stride", stride, 1),
        (rows, rows, columns, columns),
        two("conv2d", "dilation", dilation, 1),
        groups,
    )
    if weight.ndim != 4 or 0 in weight.shape[2:]:
        raise ShapeError(f"conv2d: weight must have shape (K, C // groups, R, S) with R, S >= 1, got {weight.shape}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ValueError(f"conv2d: groups must be an int >= 1, got {groups!r}")
    channels, kernels = x.shape[1], weight.shape[0]
    if channels != weight.shape[1] * groups or kernels % groups:
        raise ShapeError(
            f"conv2d: input of shape {input.shape} has {channels} channels, weight of shape {weight.shape} with "
            f"groups={groups} expects {weight.shape[1] * groups}, and its {kernels} kernels must divide into the groups"
        )
    if bias is not None and bias.shape != (kernels,):
        raise ShapeError(f"conv2d: bias must have shape ({kernels},), got {bias.shape}")
    spec.output_size((x.shape[2], x.shape[3]), (weight.shape[2], weight.shape[3]))
    node = Conv2d(spec) if activation is None else Conv2dActivation(spec, activation)
    return single(node(x, weight, bias), was_single)
