"""The error function, its complement and its inverse (NIST Handbook of Mathematical Functions, section 7.2)."""

from __future__ import annotations

import math
from typing import Any

from dlcore._errors import DTypeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._common import float_tensor
from dlcore.ops.elementary import exp

__all__ = ["erf", "erfc", "erfinv"]

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0


class Erf(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.backend.erf(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad * (exp(-(x * x)) * _SLOPE)


class Erfc(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.backend.erfc(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad * (exp(-(x * x)) * -_SLOPE)


class Erfinv(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.backend.erfinv(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * (exp(y * y) * (1 / _SLOPE))


def erf(x: Tensor) -> Tensor:
    """The error function, 2/sqrt(pi) times the integral of exp(-t**2) from 0 to x; derivative 2/sqrt(pi) exp(-x**2).

    Args:
        x: a real tensor; integers give float32.

    Raises:
        DTypeError: complex numbers.

    >>> dl.erf(dl.tensor([0.0, 10.0]))
    tensor([0., 1.])
    """
    return Erf()(_real("erf", x))


def erfc(x: Tensor) -> Tensor:
    """1 - erf(x), exact where that is small; derivative -2/sqrt(pi) exp(-x**2). Arguments and errors as `erf`.

    >>> dl.erfc(dl.tensor([0.0, 8.0])) > 0
    tensor([ True,  True])
    """
    return Erfc()(_real("erfc", x))


def erfinv(x: Tensor) -> Tensor:
    """The y with erf(y) = x; derivative sqrt(pi)/2 exp(y**2). Infinite at -1 and 1, NaN beyond. As `erf`.

    >>> dl.erfinv(dl.tensor([0.0, 1.0]))
    tensor([ 0., inf])
    """
    return Erfinv()(_real("erfinv", x))


def _real(name: str, x: Tensor) -> Tensor:
    x = float_tensor(name, x)
    if x.dtype.kind == "c":
        raise DTypeError(f"{name}: not defined for {x.dtype}")
    return x
