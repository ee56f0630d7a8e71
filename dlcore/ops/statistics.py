"""Variance and standard deviation over axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dlcore._dtypes import float16, float32
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import Reduction, Sum
from dlcore.ops._common import axes_of, cast, float_tensor
from dlcore.ops.selection import equal, where

if TYPE_CHECKING:
    from dlcore._tensor import Axis

__all__ = ["std", "var"]


class Variance(Reduction):
    """sum(|x - mean|^2) / (n - correction); the gradient is 2/(n - correction) (x - mean)."""

    saves = (0,)

    def __init__(self, axes: tuple[int, ...], keepdims: bool, correction: float) -> None:
        super().__init__(axes, keepdims)
        self.correction = correction

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        count = math.prod([x.shape[i] for i in self.axes])
        deviation = x - self.backend.sum(x, self.axes, True) / (count or math.nan)
        if x.dtype.kind == "c":
            real, imag = self.xp.real(deviation), self.xp.imag(deviation)
            squares = real * real + imag * imag
        else:
            squares = deviation * deviation
        left = count - self.correction  # what is below 0 counts as 0, but not in the gradient: as in PyTorch
        self.slope = 2 / left if left else math.inf
        return self.backend.sum(squares, self.axes, self.keepdims) * (1 / left if left > 0 else math.inf)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        count = math.prod([self.shape[i] for i in self.axes])
        mean = Sum(self.axes, True)(x) / (count or math.nan)  # divided: 1/count rounds once more
        return self.spread(grad) * self.slope * (x - mean)


class _Root(Function):
    """sqrt with gradient 0 at 0: the standard deviation of equal numbers, as in PyTorch."""

    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.sqrt(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad / where(equal(y, 0), math.inf, y * 2)


def var(x: Tensor, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance over `axis`: the mean squared distance from the mean, of complex numbers a real one.

    Args:
        x: a tensor; integers give float32. float16 is computed in float32.
        axis: an int, a tuple of ints, or None for all axes.
        correction: the sum of squares is divided by the number of elements less this; 1 makes a sample's variance an
            unbiased estimate. PyTorch's default is 1. With nothing left to divide by, the result is NaN or infinite.
        keepdims: keep the reduced axes with size 1.

    Raises:
        ShapeError: an axis that x does not have, or one given twice.
        TypeError: `correction` is no number.

    >>> dl.var(dl.tensor([[1.0, 3.0], [2.0, 2.0]]), axis=1)
    tensor([1., 0.])
    """
    return _variance("var", x, axis, correction, keepdims)


def std(x: Tensor, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The square root of `var`, with its arguments and errors. The gradient is 0 where all elements are equal.

    >>> dl.std(dl.tensor([[1.0, 3.0], [2.0, 2.0]]), axis=1)
    tensor([1., 0.])
    """
    return _variance("std", x, axis, correction, keepdims)


def _variance(name: str, x: Tensor, axis: Axis, correction: float, keepdims: bool) -> Tensor:
    given = float_tensor(name, x)
    axes = axes_of(name, axis, given.ndim)
    if isinstance(correction, bool) or not isinstance(correction, (int, float)):
        raise TypeError(f"{name}: correction must be a number, got {correction!r}")
    result = Variance(axes, keepdims, float(correction))(cast(given, float32) if given.dtype == float16 else given)
    if name == "std":
        result = _Root()(result)
    return cast(result, float16) if given.dtype == float16 else result
