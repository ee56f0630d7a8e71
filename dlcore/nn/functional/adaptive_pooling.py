"""Adaptive pooling: windows that divide the input into as many parts as are wanted.

Part i of P of an axis of size H is floor(i*H/P) <= element < ceil((i+1)*H/P): parts differ in size by one at most, and
overlap where H is no multiple of P. Where it is one they are ordinary windows of size H/P.
"""

from __future__ import annotations

from typing import Any

from dlcore._errors import ShapeError
from dlcore._specs import Pool2dSpec
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import batched, single
from dlcore.nn.functional.pooling import AvgPool2d, extreme
from dlcore.ops import expand_dims, squeeze
from dlcore.ops._common import plain


class AdaptiveAvgPool2d(Function):
    def __init__(self, output_size: tuple[int, int]) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.backend.adaptive_avg_pool2d_forward(x, self.output_size)

    def backward(self, grad: Tensor) -> Tensor:
        return AdaptiveAvgPool2dBackward(self.shape)(grad)


class AdaptiveAvgPool2dBackward(Function):
    def __init__(self, shape: Any) -> None:
        self.shape = shape

    def forward(self, grad: Any) -> Any:
        self.output_size = grad.shape[2:]
        return self.backend.adaptive_avg_pool2d_backward(grad, self.shape)

    def backward(self, grad: Tensor) -> Tensor:
        return AdaptiveAvgPool2d(self.output_size)(grad)


class AdaptiveMaxPool2d(Function):
    """The places of the maxima are kept: the gradient goes there, and only there."""

    def __init__(self, output_size: tuple[int, int]) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        y, self.kept = self.backend.adaptive_max_pool2d_forward(x, self.output_size)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        return AdaptivePoolScatter(self.kept, self.shape)(grad)


class AdaptivePoolScatter(Function):
    def __init__(self, index: Any, shape: Any) -> None:
        self.kept, self.shape = index, shape

    def forward(self, grad: Any) -> Any:
        return self.backend.adaptive_pool2d_scatter(grad, self.kept, self.shape)

    def backward(self, grad: Tensor) -> Tensor:
        return AdaptivePoolGather(self.kept)(grad)


class AdaptivePoolGather(Function):
    def __init__(self, index: Any) -> None:
        self.kept = index

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.backend.adaptive_pool2d_gather(x, self.kept)

    def backward(self, grad: Tensor) -> Tensor:
        return AdaptivePoolScatter(self.kept, self.shape)(grad)


def adaptive_avg_pool1d(input: Tensor, output_size: int | tuple[int]) -> Tensor:
    """The means of `output_size` parts of a sequence, as PyTorch's; see `adaptive_avg_pool2d`.

    Args:
        input: shape (N, C, L) or (C, L), float.
        output_size: P.

    Returns:
        Shape (N, C, P).

    >>> F.adaptive_avg_pool1d(dl.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[2. , 3.5]]])
    """
    return _average("adaptive_avg_pool1d", input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: int | tuple[int | None, int | None] | None) -> Tensor:
    """The means of `output_size` parts of an image, as PyTorch's: 1 is the mean of the whole image.

    Args:
        input: shape (N, C, H, W) or (C, H, W), float.
        output_size: an int, or a pair (P, Q); None leaves the size as it is. Part i of P is made of the rows
            floor(i*H/P) to ceil((i+1)*H/P) - 1.

    Returns:
        Shape (N, C, P, Q).

    Raises:
        ShapeError: an input of another shape, or of size 0 behind the batch. DTypeError: an input that is not float.
        ValueError: an output size that is negative or no size.

    >>> F.adaptive_avg_pool2d(dl.arange(16, dtype="float32").reshape(1, 1, 4, 4), 1)
    tensor([[[[7.5]]]])
    """
    return _average("adaptive_avg_pool2d", input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: int | tuple[int], return_indices: bool = False) -> Any:
    """The maxima of `output_size` parts of a sequence, as PyTorch's; see `adaptive_max_pool2d`.

    Args:
        input: shape (N, C, L) or (C, L), float.
        output_size: P.
        return_indices: give the places of the maxima, too.

    Returns:
        Shape (N, C, P); with `return_indices` a pair, and int64 of that shape.

    >>> F.adaptive_max_pool1d(dl.tensor([[[1.0, 3.0, 2.0, 5.0]]]), 2)
    tensor([[[3., 5.]]])
    """
    return _maximum("adaptive_max_pool1d", input, output_size, return_indices)


def adaptive_max_pool2d(
    input: Tensor, output_size: int | tuple[int | None, int | None] | None, return_indices: bool = False
) -> Any:
    """The maxima of `output_size` parts of an image, as PyTorch's; parts and errors as `adaptive_avg_pool2d`.

    Args:
        input: shape (N, C, H, W) or (C, H, W), float.
        output_size: an int, or a pair (P, Q); None leaves the size as it is.
        return_indices: give the places of the maxima, too.

    Returns:
        Shape (N, C, P, Q). With `return_indices` a pair: and int64 of that shape, the place of each maximum in its
        image, row * W + column; of equal ones the first.

    >>> F.adaptive_max_pool2d(dl.arange(16, dtype="float32").reshape(1, 1, 4, 4), (2, 1))
    tensor([[[[ 7.],
              [15.]]]])
    """
    return _maximum("adaptive_max_pool2d", input, output_size, return_indices)


def _average(name: str, input: Tensor, output_size: Any) -> Tensor:
    x, size, axes, was_single = _prepared(name, input, output_size)
    spec = _ordinary(x, size)
    y = AdaptiveAvgPool2d(size)(x) if spec is None else AvgPool2d(spec, True, None)(x)
    return _finished(y, axes, was_single)


def _maximum(name: str, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    x, size, axes, was_single = _prepared(name, input, output_size)
    spec = _ordinary(x, size)
    if spec is not None:
        y, places = extreme("max_pool2d_forward", x, spec, return_indices)
    else:
        node = AdaptiveMaxPool2d(size)
        y = node(x)
        places = plain(x, node.kept) if return_indices else None
    if places is None:
        return _finished(y, axes, was_single)
    return _finished(y, axes, was_single), _finished(places, axes, was_single)


def _prepared(name: str, input: Tensor, output_size: Any) -> tuple[Tensor, tuple[int, int], int, bool]:
    """The input as (N, C, H, W), the output's size, the number of axes that are pooled, whether there was no N."""
    axes = int(name[-2])
    x, was_single = batched(name, input, axes)
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,)
    if axes == 2 and len(given) == 1 and not isinstance(output_size, (tuple, list)):
        given *= 2
    whole = [size.__index__() for size in given if hasattr(size, "__index__") and not isinstance(size, bool)]
    kept = given.count(None) if axes == 2 else 0
    if len(given) != axes or len(whole) + kept != axes or min(whole, default=0) < 0:
        forms = "an int >= 0, None, or a pair of them" if axes == 2 else "an int >= 0"
        raise ValueError(f"{name}: output_size must be {forms}, got {output_size!r}")
    if 0 in x.shape[1:]:
        raise ShapeError(f"{name}: input of shape {input.shape} has no elements to pool")
    size = [present if wanted is None else int(wanted) for wanted, present in zip(given, x.shape[2:], strict=True)]
    if axes == 1:
        x, size = expand_dims(x, axis=2), [1, *size]
    return x, (size[0], size[1]), axes, was_single


def _ordinary(x: Tensor, output_size: tuple[int, int]) -> Pool2dSpec | None:
    """The windows as those of ordinary pooling, if they are of one size and lie side by side."""
    if 0 in output_size or x.shape[2] % output_size[0] or x.shape[3] % output_size[1]:
        return None
    window = (x.shape[2] // output_size[0], x.shape[3] // output_size[1])
    return Pool2dSpec(window, window)


def _finished(y: Tensor, axes: int, was_single: bool) -> Tensor:
    return single(squeeze(y, axis=2) if axes == 1 else y, was_single)
