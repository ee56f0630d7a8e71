"""The larger and the smaller of two, element by element, and where the extremes along an axis stand."""

from __future__ import annotations

from typing import Any

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import fit
from dlcore.ops._common import as_tensor, axes_of, check_broadcast, pair, plain, raw, refuse
from dlcore.ops.selection import where

__all__ = ["argmax", "argmin", "maximum", "minimum"]


class _Chosen(Function):
    """The gradient goes to the operand that was chosen; two equal ones share it evenly, as in PyTorch."""

    saves = (0, 1)
    function: str

    def forward(self, x: Any, y: Any) -> Any:
        self.x_shape, self.y_shape = getattr(x, "shape", ()), getattr(y, "shape", ())
        return getattr(self.xp, self.function)(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = map(raw, self.saved)
        less, more = (x < y, x > y) if self.function == "maximum" else (x > y, x < y)
        shared = where(plain(grad, x == y), grad / 2, grad)
        return (
            fit(where(plain(grad, less), 0.0, shared), self.x_shape) if self.needs(0) else None,
            fit(where(plain(grad, more), 0.0, shared), self.y_shape) if self.needs(1) else None,
        )


class Maximum(_Chosen):
    function = "maximum"


class Minimum(_Chosen):
    function = "minimum"


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of x and y, with broadcasting; NaN if either is. Equal elements share the gradient evenly.

    Args:
        x, y: real tensors of shapes that broadcast together, or one of them a Python number.

    Raises:
        DTypeError: complex numbers have no order.
        ShapeError, DeviceError: as `add`.

    >>> dl.maximum(dl.tensor([1.0, 5.0]), dl.tensor([3.0, 4.0]))
    tensor([3., 5.])
    """
    return _chosen("maximum", Maximum, x, y)


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of x and y; as `maximum`.

    >>> dl.minimum(dl.tensor([1.0, 5.0]), 2)
    tensor([1., 2.])
    """
    return _chosen("minimum", Minimum, x, y)


def _chosen(name: str, function: type[_Chosen], x: Any, y: Any) -> Tensor:
    x, y = pair(name, x, y)
    refuse(name, x, y, "c")
    check_broadcast(name, x, y)
    return function()(x, y)


def argmax(x: Tensor, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the largest element along `axis` stands, as int64: the first of equal ones, or the first NaN.

    Args:
        x: a real tensor.
        axis: an int, or None for the place in all of x, in row-major order.
        keepdims: keep the axis (with None, all) with size 1.

    Raises:
        ShapeError: an axis that x does not have; nothing to take the maximum of.
        DTypeError: complex numbers have no order.

    >>> dl.argmax(dl.tensor([[1.0, 5.0], [4.0, 4.0]]), axis=1)
    tensor([1, 0])
    """
    return _place("argmax", x, axis, keepdims)


def argmin(x: Tensor, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the smallest element along `axis` stands; as `argmax`.

    >>> dl.argmin(dl.tensor([[1.0, 5.0], [4.0, 4.0]]), axis=1)
    tensor([0, 0])
    """
    return _place("argmin", x, axis, keepdims)


def _place(name: str, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    x = as_tensor(name, "x", x)
    if isinstance(axis, (tuple, list)):
        raise TypeError(f"{name}: axis must be an int or None, got {axis!r}")
    axes = axes_of(name, axis, x.ndim)
    if x.dtype.kind == "c":
        raise DTypeError(f"{name}: x is {x.dtype}, and complex numbers have no order")
    if 0 in [x.shape[i] for i in axes]:
        raise ShapeError(f"{name}: nothing to reduce: shape {x.shape} is empty along axis {axis}")
    one = axes[0] if axis is not None else None
    return plain(x, getattr(x._device.backend.xp, name)(x._array, axis=one, keepdims=keepdims))
