"""Trigonometric functions and their inverses, element by element, in radians. Complex gradients: see `elementary`."""

from __future__ import annotations

import math
from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import fit
from dlcore.ops._common import check_broadcast, conjugate, float_tensor, pair, refuse
from dlcore.ops.arithmetic import negative
from dlcore.ops.powers import reciprocal, rsqrt
from dlcore.ops.selection import equal, where

__all__ = ["acos", "asin", "atan", "atan2", "cos", "sin", "tan"]


class Sin(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.sin(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad * conjugate(cos(x))


class Cos(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.cos(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return negative(grad * conjugate(sin(x)))


class Tan(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.tan(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * conjugate(y * y + 1)


class Asin(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.asin(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad * conjugate(rsqrt(1 - x * x))


class Acos(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.acos(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return negative(grad * conjugate(rsqrt(1 - x * x)))


class Atan(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.atan(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(x * x + 1)


class Atan2(Function):
    """The gradient is (y, -x) / (x^2 + y^2), and 0 at (0, 0)."""

    saves = (0, 1)

    def forward(self, x: Any, y: Any) -> Any:
        self.x_shape, self.y_shape = getattr(x, "shape", ()), getattr(y, "shape", ())
        return self.xp.atan2(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        square = x * x + y * y
        scaled = grad * reciprocal(where(equal(square, 0), math.inf, square))
        return (
            fit(scaled * y, self.x_shape) if self.needs(0) else None,
            fit(negative(scaled * x), self.y_shape) if self.needs(1) else None,
        )


def sin(x: Tensor) -> Tensor:
    """The sine of x in radians; derivative cos(x). Integers give float32.

    >>> dl.sin(dl.tensor([0.0, 0.5])) < 0.5
    tensor([ True,  True])
    """
    return Sin()(float_tensor("sin", x))


def cos(x: Tensor) -> Tensor:
    """The cosine of x in radians; derivative -sin(x). Integers give float32.

    >>> dl.cos(dl.tensor([0.0]))
    tensor([1.])
    """
    return Cos()(float_tensor("cos", x))


def tan(x: Tensor) -> Tensor:
    """The tangent of x in radians; derivative 1 + tan(x)**2. Integers give float32.

    >>> dl.tan(dl.tensor([0.0]))
    tensor([0.])
    """
    return Tan()(float_tensor("tan", x))


def asin(x: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x; derivative 1/sqrt(1 - x**2). NaN outside [-1, 1].

    >>> dl.asin(dl.tensor([0.0]))
    tensor([0.])
    """
    return Asin()(float_tensor("asin", x))


def acos(x: Tensor) -> Tensor:
    """The angle in [0, pi] whose cosine is x; derivative -1/sqrt(1 - x**2). NaN outside [-1, 1].

    >>> dl.acos(dl.tensor([1.0]))
    tensor([0.])
    """
    return Acos()(float_tensor("acos", x))


def atan(x: Tensor) -> Tensor:
    """The angle in [-pi/2, pi/2] whose tangent is x; derivative 1/(1 + x**2). Integers give float32.

    >>> dl.atan(dl.tensor([0.0]))
    tensor([0.])
    """
    return Atan()(float_tensor("atan", x))


def atan2(x: Any, y: Any) -> Tensor:
    """The angle in [-pi, pi] of the point whose second coordinate is x and whose first is y, with broadcasting.

    Args:
        x, y: real tensors of shapes that broadcast together, or one of them a Python number. Integers give float32.

    Raises:
        DTypeError: complex numbers.
        ShapeError, DeviceError: as `add`.

    >>> dl.atan2(dl.tensor([0.0, 1.0]), dl.tensor([1.0, 0.0]))
    tensor([0.       , 1.5707964])
    """
    x, y = pair("atan2", x, y, inexact=True)
    refuse("atan2", x, y, "c")
    check_broadcast("atan2", x, y)
    return Atan2()(x, y)
