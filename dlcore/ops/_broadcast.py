"""Broadcasting and its transpose, summation: each is the other's gradient, so they stand together."""

from __future__ import annotations

from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function


class Reshape(Function):
    is_view = None  # a copy where the strides do not allow a view

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        self.before = x.shape
        return self.xp.reshape(x, self.shape)

    def backward(self, grad: Tensor) -> Tensor:
        return Reshape(self.before)(grad)


class BroadcastTo(Function):
    is_view = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def forward(self, x: Any) -> Any:
        self.before = x.shape
        return self.xp.broadcast_to(x, self.shape)

    def backward(self, grad: Tensor) -> Tensor:
        return fit(grad, self.before)


class Reduction(Function):
    """A function over `axes`; `spread` undoes the reduction's shape by broadcasting."""

    shape: tuple[int, ...]  # of the input, noted by forward

    def __init__(self, axes: tuple[int, ...], keepdims: bool) -> None:
        self.axes, self.keepdims = axes, keepdims

    @property
    def kept_shape(self) -> tuple[int, ...]:
        """The shape of the result with the reduced axes kept as 1."""
        return tuple([1 if i in self.axes else size for i, size in enumerate(self.shape)])

    def spread(self, y: Tensor) -> Tensor:
        return BroadcastTo(self.shape)(Reshape(self.kept_shape)(y))


class Sum(Reduction):
    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.backend.sum(x, self.axes, self.keepdims)

    def backward(self, grad: Tensor) -> Tensor:
        return self.spread(grad)


def fit(grad: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The gradient of an input that was broadcast, summed to its `shape`."""
    if grad.shape != shape:
        extra = grad.ndim - len(shape)
        axes = tuple(range(extra)) + tuple(
            [extra + i for i, size in enumerate(shape) if size == 1 and grad.shape[extra + i] != 1]
        )
        grad = Sum(axes, False)(grad)
        if grad.shape != shape:
            grad = Reshape(shape)(grad)
    return grad
