"""Reciprocal, reciprocal square root and hypotenuse; pow and square stand in `arithmetic`, sqrt in `elementary`."""

from __future__ import annotations

from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import fit
from dlcore.ops._common import check_broadcast, conjugate, float_tensor, pair, refuse
from dlcore.ops.arithmetic import negative

__all__ = ["hypot", "reciprocal", "rsqrt"]


class Reciprocal(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return 1 / x

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return negative(grad * conjugate(y * y))


class Rsqrt(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return 1 / self.xp.sqrt(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * -0.5 * conjugate(y * y * y)


class Hypot(Function):
    saves = (0, 1)
    saves_output = True

    def forward(self, x: Any, y: Any) -> Any:
        self.x_shape, self.y_shape = getattr(x, "shape", ()), getattr(y, "shape", ())
        return self.xp.hypot(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        length = self.output
        return (
            fit(grad * (x / length), self.x_shape) if self.needs(0) else None,
            fit(grad * (y / length), self.y_shape) if self.needs(1) else None,
        )


def reciprocal(x: Tensor) -> Tensor:
    """1/x; derivative -1/x**2. Integers give float32.

    >>> dl.reciprocal(dl.tensor([2, 4]))
    tensor([0.5 , 0.25])
    """
    return Reciprocal()(float_tensor("reciprocal", x))


def rsqrt(x: Tensor) -> Tensor:
    """1/sqrt(x); derivative -x**(-3/2)/2. Infinite at 0, NaN below. Integers give float32.

    >>> dl.rsqrt(dl.tensor([4.0, 16.0]))
    tensor([0.5 , 0.25])
    """
    return Rsqrt()(float_tensor("rsqrt", x))


def hypot(x: Any, y: Any) -> Tensor:
    """sqrt(x**2 + y**2) without overflow on the way, with broadcasting; NaN gradients at (0, 0), as in PyTorch.

    Args:
        x, y: real tensors of shapes that broadcast together, or one of them a Python number. Integers give float32.

    Raises:
        DTypeError: complex numbers.
        ShapeError, DeviceError: as `add`.

    >>> dl.hypot(dl.tensor([3.0]), dl.tensor([4.0]))
    tensor([5.])
    """
    x, y = pair("hypot", x, y, inexact=True)
    refuse("hypot", x, y, "c")
    check_broadcast("hypot", x, y)
    return Hypot()(x, y)
