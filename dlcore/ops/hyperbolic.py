"""Hyperbolic functions and their inverses, element by element; tanh stands in `elementary`, as do complex gradients."""

from __future__ import annotations

from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._common import conjugate, float_tensor
from dlcore.ops.powers import rsqrt

__all__ = ["acosh", "asinh", "atanh", "cosh", "sinh"]


class Sinh(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.sinh(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad * conjugate(cosh(x))


class Cosh(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.cosh(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad * conjugate(sinh(x))


class Asinh(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.asinh(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad * conjugate(rsqrt(x * x + 1))


class Acosh(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.acosh(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        if x.dtype.kind == "c":  # sqrt(x^2 - 1) would be on the wrong branch for half of the plane
            return grad * conjugate(rsqrt(x - 1) * rsqrt(x + 1))
        return grad * rsqrt(x * x - 1)


class Atanh(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.atanh(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(1 - x * x)


def sinh(x: Tensor) -> Tensor:
    """(exp(x) - exp(-x))/2; derivative cosh(x). Integers give float32.

    >>> dl.sinh(dl.tensor([0.0]))
    tensor([0.])
    """
    return Sinh()(float_tensor("sinh", x))


def cosh(x: Tensor) -> Tensor:
    """(exp(x) + exp(-x))/2; derivative sinh(x). Integers give float32.

    >>> dl.cosh(dl.tensor([0.0]))
    tensor([1.])
    """
    return Cosh()(float_tensor("cosh", x))


def asinh(x: Tensor) -> Tensor:
    """The y with sinh(y) = x; derivative 1/sqrt(1 + x**2). Integers give float32.

    >>> dl.asinh(dl.tensor([0.0]))
    tensor([0.])
    """
    return Asinh()(float_tensor("asinh", x))


def acosh(x: Tensor) -> Tensor:
    """The y >= 0 with cosh(y) = x; derivative 1/sqrt(x**2 - 1). NaN below 1. Integers give float32.

    >>> dl.acosh(dl.tensor([1.0]))
    tensor([0.])
    """
    return Acosh()(float_tensor("acosh", x))


def atanh(x: Tensor) -> Tensor:
    """The y with tanh(y) = x; derivative 1/(1 - x**2). Infinite at -1 and 1, NaN beyond. Integers give float32.

    >>> dl.atanh(dl.tensor([0.0]))
    tensor([0.])
    """
    return Atanh()(float_tensor("atanh", x))
