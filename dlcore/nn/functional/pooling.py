"""2-D pooling: maxima, minima and means of windows."""

from __future__ import annotations

from typing import Any

from dlcore._specs import Pool2dSpec
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import images, single, two


class ExtremumPool2d(Function):
    """Max or min pooling. The places of the extrema are kept: the gradient goes there, and only there."""

    def __init__(self, primitive: str, spec: Pool2dSpec) -> None:
        self.primitive, self.spec = primitive, spec

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        y, self.kept = getattr(self.backend, self.primitive)(x, self.spec)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        return PoolScatter(self.kept, self.shape, self.spec)(grad)


class PoolScatter(Function):
    def __init__(self, index: Any, shape: Any, spec: Pool2dSpec) -> None:
        self.kept, self.shape, self.spec = index, shape, spec

    def forward(self, grad: Any) -> Any:
        return self.backend.index_pool2d_scatter(grad, self.kept, self.shape, self.spec)

    def backward(self, grad: Tensor) -> Tensor:
        return PoolGather(self.kept, self.spec)(grad)


class PoolGather(Function):
    def __init__(self, index: Any, spec: Pool2dSpec) -> None:
        self.kept, self.spec = index, spec

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.backend.index_pool2d_gather(x, self.kept, self.spec)

    def backward(self, grad: Tensor) -> Tensor:
        return PoolScatter(self.kept, self.shape, self.spec)(grad)


class AvgPool2d(Function):
    def __init__(self, spec: Pool2dSpec, count_include_pad: bool, divisor: int | None) -> None:
        self.arguments = (spec, count_include_pad, divisor)

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.backend.avg_pool2d_forward(x, *self.arguments)

    def backward(self, grad: Tensor) -> Tensor:
        return AvgPool2dBackward(self.shape, self.arguments)(grad)


class AvgPool2dBackward(Function):
    def __init__(self, shape: Any, arguments: tuple[Pool2dSpec, bool, int | None]) -> None:
        self.shape, self.arguments = shape, arguments

    def forward(self, grad: Any) -> Any:
        return self.backend.avg_pool2d_backward(grad, self.shape, *self.arguments)

    def backward(self, grad: Tensor) -> Tensor:
        return AvgPool2d(*self.arguments)(grad)


def max_pool2d(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The maximum of each window, as PyTorch's. Padding never wins; NaN always does.

    Args:
        input: shape (N, C, H, W) or (C, H, W), float.
        kernel_size: an int, or a pair for height and width.
        stride: default `kernel_size`.
        padding: at most half the kernel size.
        dilation: the distance between the elements of a window.
        ceil_mode: let a last window hang over the end.

    Returns:
        Shape (N, C, P, Q), where P = floor((H + 2*padding - dilation*(kernel-1) - 1) / stride) + 1 (or ceil).

    Raises:
        ShapeError: an input of another shape, or a window larger than the padded input.
        ValueError: sizes out of range. DTypeError: an input that is not float.

    >>> F.max_pool2d(dl.arange(16, dtype="float32").reshape(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    return _extremum("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)


def min_pool2d(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The minimum of each window; otherwise as `max_pool2d`.

    >>> F.min_pool2d(dl.arange(16, dtype="float32").reshape(1, 1, 4, 4), 2)
    tensor([[[[ 0.,  2.],
              [ 8., 10.]]]])
    """
    return _extremum("min_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, as PyTorch's; arguments, result and errors as `max_pool2d`.

    Args:
        count_include_pad: whether zeros of the padding count as elements.
        divisor_override: divide by this instead of the number of elements.

    >>> F.avg_pool2d(dl.arange(16, dtype="float32").reshape(1, 1, 4, 4), 2)
    tensor([[[[ 2.5,  4.5],
              [10.5, 12.5]]]])
    """
    x, was_single = images("avg_pool2d", input)
    spec = _spec("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    is_int = hasattr(divisor_override, "__index__") and not isinstance(divisor_override, bool)
    if divisor_override is not None and not (is_int and divisor_override):
        raise ValueError(f"avg_pool2d: divisor_override must be an int other than 0, got {divisor_override!r}")
    return single(AvgPool2d(spec, count_include_pad, divisor_override)(x), was_single)


def _extremum(
    name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Tensor:
    x, was_single = images(name, input)
    spec = _spec(name, x, kernel_size, stride, padding, dilation, ceil_mode)
    return single(ExtremumPool2d(f"{name}_forward", spec)(x), was_single)


def _spec(
    name: str, x: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Pool2dSpec:
    kernel = two(name, "kernel_size", kernel_size, 1)
    rows, columns = two(name, "padding", padding, 0)
    if rows > kernel[0] // 2 or columns > kernel[1] // 2:
        raise ValueError(f"{name}: padding {padding} is more than half of kernel_size {kernel_size}")
    spec = Pool2dSpec(
        kernel,
        kernel if stride is None else two(name, "stride", stride, 1),
        (rows, rows, columns, columns),
        two(name, "dilation", dilation, 1),
        bool(ceil_mode),
    )
    spec.output_size((x.shape[2], x.shape[3]), name)
    return spec
