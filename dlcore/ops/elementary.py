"""Elementary functions of one argument, element by element.

Gradients of complex functions follow PyTorch's convention: the incoming gradient times the conjugate of
the derivative, so that `x -= lr * x.grad` descends.
"""

from __future__ import annotations

import math
from typing import Any

from dlcore._errors import DTypeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._common import Conj, Imag, Real, as_tensor, conjugate, float_tensor, plain
from dlcore.ops.selection import equal, where

__all__ = ["abs", "conj", "exp", "imag", "log", "log1p", "real", "sqrt", "tanh"]


class Exp(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.exp(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad * conjugate(self.output)


class Log(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.log(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(x)


class Log1p(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.log1p(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(x + 1)


class Sqrt(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.sqrt(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad / conjugate(self.output * 2)


class Tanh(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.tanh(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * conjugate(1 - y * y)


class Abs(Function):
    """|x|: the gradient is the sign, x/|x| for complex numbers, 0 at 0."""

    saves = (0,)
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.abs(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        if x.dtype.kind == "c":
            y = self.output
            return grad * (x / where(equal(y, 0), math.inf, y))  # at 0, where x/|x| has no limit, all orders give 0
        return grad * plain(x, self.xp.sign(x._array))


def exp(x: Tensor) -> Tensor:
    """e to the power x; derivative exp(x). Integers give float32.

    >>> dl.exp(dl.tensor([0.0, -1000.0]))
    tensor([1., 0.])
    """
    return Exp()(float_tensor("exp", x))


def log(x: Tensor) -> Tensor:
    """The natural logarithm; derivative 1/x. -inf at 0, NaN below. Integers give float32.

    >>> dl.log(dl.tensor([1.0]))
    tensor([0.])
    """
    return Log()(float_tensor("log", x))


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact for small x; derivative 1/(1 + x). Integers give float32.

    >>> dl.log1p(dl.tensor([0.0, 1e-10])) > 0
    tensor([False,  True])
    """
    return Log1p()(float_tensor("log1p", x))


def sqrt(x: Tensor) -> Tensor:
    """The square root; derivative 1/(2*sqrt(x)). NaN below 0. Integers give float32.

    >>> dl.sqrt(dl.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return Sqrt()(float_tensor("sqrt", x))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent; derivative 1 - tanh(x)**2. Integers give float32.

    >>> dl.tanh(dl.tensor([0.0, 100.0]))
    tensor([0., 1.])
    """
    return Tanh()(float_tensor("tanh", x))


def abs(x: Tensor) -> Tensor:
    """|x|; derivative sign(x), 0 at 0. The modulus of complex numbers, as real numbers.

    >>> dl.abs(dl.tensor([-1.5, 2.0]))
    tensor([1.5, 2. ])
    """
    x = as_tensor("abs", "x", x)
    if x.dtype.kind == "b":
        raise DTypeError("abs: not defined for bool; convert with astype")
    return Abs()(x)


def real(x: Tensor) -> Tensor:
    """The real part; a real tensor is returned as it is.

    >>> dl.real(dl.tensor([1 + 2j]))
    tensor([1.])
    """
    return Real()(x) if as_tensor("real", "x", x).dtype.kind == "c" else x


def imag(x: Tensor) -> Tensor:
    """The imaginary part of a complex tensor.

    >>> dl.imag(dl.tensor([1 + 2j]))
    tensor([2.])
    """
    if as_tensor("imag", "x", x).dtype.kind != "c":
        raise DTypeError(f"imag: x must be complex, got {x.dtype}")
    return Imag()(x)


def conj(x: Tensor) -> Tensor:
    """The complex conjugate; a real tensor is returned as it is.

    >>> dl.conj(dl.tensor([1 + 2j]))
    tensor([1.-2.j], dtype=complex64)
    """
    x = as_tensor("conj", "x", x)
    return Conj()(x) if x.dtype.kind == "c" else x
