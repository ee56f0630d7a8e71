"""Pooling: maxima, minima and means of windows. One axis is two of which the first has size 1."""

from __future__ import annotations

from typing import Any

from dlcore._errors import ShapeError
from dlcore._specs import Pool2dSpec
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import batched, single, sizes
from dlcore.ops import expand_dims, squeeze
from dlcore.ops._common import plain


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


def max_pool1d(
    input: Tensor,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    padding: int | tuple[int] = 0,
    dilation: int | tuple[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of a sequence, as PyTorch's; see `max_pool2d`.

    Args:
        input: shape (N, C, L) or (C, L), float.
        kernel_size, stride, padding, dilation, ceil_mode, return_indices: as for `max_pool2d`, with one number.

    Returns:
        Shape (N, C, P), where P = floor((L + 2*padding - dilation*(kernel-1) - 1) / stride) + 1 (or ceil).

    Raises:
        As `max_pool2d`.

    >>> F.max_pool1d(dl.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[3., 5.]]])
    """
    return _extremum("max_pool1d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window, as PyTorch's. Padding never wins; NaN always does.

    Args:
        input: shape (N, C, H, W) or (C, H, W), float.
        kernel_size: an int, or a pair for height and width.
        stride: default `kernel_size`.
        padding: at most half the kernel size.
        dilation: the distance between the elements of a window.
        ceil_mode: let a last window hang over the end.
        return_indices: give the places of the maxima, too.

    Returns:
        Shape (N, C, P, Q), where P = floor((H + 2*padding - dilation*(kernel-1) - 1) / stride) + 1 (or ceil). With
        `return_indices` a pair: and int64 of that shape, the place of each maximum in its image, row * W + column; of
        equal ones the first.

    Raises:
        ShapeError: an input of another shape, or a window larger than the padded input.
        ValueError: sizes out of range. DTypeError: an input that is not float.

    >>> F.max_pool2d(dl.arange(16, dtype="float32").reshape(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    return _extremum("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def min_pool1d(
    input: Tensor,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    padding: int | tuple[int] = 0,
    dilation: int | tuple[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The minimum of each window of a sequence; otherwise as `max_pool1d`.

    >>> F.min_pool1d(dl.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[1., 2.]]])
    """
    return _extremum("min_pool1d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def min_pool2d(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The minimum of each window; otherwise as `max_pool2d`.

    >>> F.min_pool2d(dl.arange(16, dtype="float32").reshape(1, 1, 4, 4), 2)
    tensor([[[[ 0.,  2.],
              [ 8., 10.]]]])
    """
    return _extremum("min_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(
    input: Tensor,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    padding: int | tuple[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of a sequence, as PyTorch's; arguments, result and errors as `max_pool1d`.

    Args:
        count_include_pad: whether zeros of the padding count as elements.

    >>> F.avg_pool1d(dl.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[2. , 3.5]]])
    """
    return _average("avg_pool1d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


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
    is_int = hasattr(divisor_override, "__index__") and not isinstance(divisor_override, bool)
    if divisor_override is not None and not (is_int and divisor_override):
        raise ValueError(f"avg_pool2d: divisor_override must be an int other than 0, got {divisor_override!r}")
    return _average(
        "avg_pool2d", input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )  # fmt: skip


def extreme(primitive: str, x: Tensor, spec: Pool2dSpec, return_indices: bool) -> tuple[Tensor, Tensor | None]:
    """Max or min pooling of (N, C, H, W), and the places in the images, int64, if they are wanted."""
    node = ExtremumPool2d(primitive, spec)
    y = node(x)
    return y, plain(x, _in_image(x, node.kept, spec)) if return_indices else None


def _extremum(
    name: str,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    x, spec, axes, was_single = _prepared(name, input, kernel_size, stride, padding, dilation, ceil_mode)
    y, places = extreme(f"{name[:-2]}2d_forward", x, spec, return_indices)
    if places is None:
        return _finished(y, axes, was_single)
    return _finished(y, axes, was_single), _finished(places, axes, was_single)


def _average(
    name: str,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    x, spec, axes, was_single = _prepared(name, input, kernel_size, stride, padding, 1, ceil_mode)
    return _finished(AvgPool2d(spec, bool(count_include_pad), divisor)(x), axes, was_single)


def _prepared(
    name: str, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Tensor, Pool2dSpec, int, bool]:
    """The input as (N, C, H, W), the geometry, the axes that windows have, and whether there was no N."""
    axes = int(name[-2])
    x, was_single = batched(name, input, axes)
    if 0 in x.shape[1:]:
        raise ShapeError(f"{name}: input of shape {input.shape} has no elements to pool")
    kernel, pads = sizes(name, "kernel_size", kernel_size, 1, axes), sizes(name, "padding", padding, 0, axes)
    if any(pad > size // 2 for pad, size in zip(pads, kernel, strict=True)):
        raise ValueError(f"{name}: padding {padding} is more than half of kernel_size {kernel_size}")
    strides = kernel if stride is None or stride in ((), []) else sizes(name, "stride", stride, 1, axes)
    dilations = sizes(name, "dilation", dilation, 1, axes)
    if axes == 1:
        x, kernel, pads, strides, dilations = (
            expand_dims(x, axis=2),
            (1, *kernel),
            (0, *pads),
            (1, *strides),
            (1, *dilations),
        )
    (rows, columns) = pads
    spec = Pool2dSpec(
        (kernel[0], kernel[1]), (strides[0], strides[1]), (rows, rows, columns, columns), (dilations[0], dilations[1]),
        bool(ceil_mode),
    )  # fmt: skip
    spec.output_size((x.shape[2], x.shape[3]), name)
    return x, spec, axes, was_single


def _finished(y: Tensor, axes: int, was_single: bool) -> Tensor:
    return single(squeeze(y, axis=2) if axes == 1 else y, was_single)


def _in_image(x: Tensor, places: Any, spec: Pool2dSpec) -> Any:
    """Places in the windows, r*S + s, as places in the image, row*W + column: int64."""
    xp = x._device.backend.xp
    top, _, left, _ = spec.padding
    rows, columns = (
        xp.arange(count, dtype=xp.int64) * stride - before
        for count, stride, before in zip(places.shape[2:], spec.stride, (top, left), strict=True)
    )
    place = xp.astype(places, xp.int64)
    r = place // spec.kernel_size[1]
    s = place - r * spec.kernel_size[1]
    return (rows[:, None] + r * spec.dilation[0]) * x.shape[3] + (columns + s * spec.dilation[1])
