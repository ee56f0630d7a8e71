"""Exponentials and logarithms beyond exp, log and log1p, which stand in `elementary`, as do complex gradients."""

from __future__ import annotations

import math
from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import fit
from dlcore.ops._common import check_broadcast, conjugate, float_tensor, pair, plain
from dlcore.ops.elementary import exp, log1p, real
from dlcore.ops.powers import reciprocal
from dlcore.ops.selection import greater_equal, where

__all__ = ["expm1", "log2", "log10", "logaddexp", "sigmoid"]


class Expm1(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.expm1(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad * conjugate(self.output + 1)


class Log2(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.log2(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(x * math.log(2))


class Log10(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.log10(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(x * math.log(10))


class LogAddExp(Function):
    """The gradient is shared as softmax shares: 1/(1 + exp(y - x)) goes to x."""

    saves = (0, 1)

    def forward(self, x: Any, y: Any) -> Any:
        self.x_shape, self.y_shape = getattr(x, "shape", ()), getattr(y, "shape", ())
        return self.xp.logaddexp(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        return (
            fit(grad * _share(x - y), self.x_shape) if self.needs(0) else None,
            fit(grad * _share(y - x), self.y_shape) if self.needs(1) else None,
        )


def _share(difference: Tensor) -> Tensor:
    """1/(1 + exp(-d)) from exp(-|d|), whose derivatives, unlike those by the result, subtract nothing from 1."""
    positive = greater_equal(difference, 0)
    small = exp(where(positive, -difference, difference))
    return where(positive, 1.0, small) / (small + 1)


def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, exact for small x; derivative exp(x). Integers give float32.

    >>> dl.expm1(dl.tensor([0.0, 1e-10])) > 0
    tensor([False,  True])
    """
    return Expm1()(float_tensor("expm1", x))


def log2(x: Tensor) -> Tensor:
    """The logarithm to base 2; derivative 1/(x log(2)). -inf at 0, NaN below. Integers give float32.

    >>> dl.log2(dl.tensor([1, 8]))
    tensor([0., 3.])
    """
    return Log2()(float_tensor("log2", x))


def log10(x: Tensor) -> Tensor:
    """The logarithm to base 10; derivative 1/(x log(10)). -inf at 0, NaN below. Integers give float32.

    >>> dl.log10(dl.tensor([1, 10]))
    tensor([0., 1.])
    """
    return Log10()(float_tensor("log10", x))


def logaddexp(x: Any, y: Any) -> Tensor:
    """log(exp(x) + exp(y)) without overflow, with broadcasting. Integers give float32.

    Args:
        x, y: tensors of shapes that broadcast together, or one of them a Python number.

    Raises:
        ShapeError, DeviceError: as `add`.

    >>> dl.logaddexp(dl.tensor([0.0, 1000.0]), 0.0)
    tensor([6.931472e-01, 1.000000e+03])
    """
    x, y = pair("logaddexp", x, y, inexact=True)
    check_broadcast("logaddexp", x, y)
    like: Tensor = x if isinstance(x, Tensor) else y
    if like.dtype.kind != "c":
        return LogAddExp()(x, y)
    first, second = (z if isinstance(z, Tensor) else plain(like, like._array * 0 + z) for z in (x, y))
    larger = plain(like, real(first)._array >= real(second)._array)
    return where(larger, first, second) + log1p(exp(where(larger, second - first, first - second)))


def sigmoid(x: Tensor) -> Tensor:
    """1/(1 + exp(-x)), the logistic function, without overflow; derivative y (1 - y). Integers give float32.

    >>> dl.sigmoid(dl.tensor([0.0, -1000.0, 1000.0]))
    tensor([0.5, 0. , 1. ])
    """
    from dlcore.nn.functional.activation import Activation  # the operation of F.sigmoid

    x = float_tensor("sigmoid", x)
    return reciprocal(exp(-x) + 1) if x.dtype.kind == "c" else Activation("sigmoid")(x)
