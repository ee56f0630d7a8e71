"""Sums, means and extrema over axes."""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any

from dlcore._dtypes import DEFAULT_FLOAT, as_dtype, float16, float32
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.ops._broadcast import Reduction, Sum
from dlcore.ops._common import as_tensor, axes_of, cast, conjugate, float_tensor, plain
from dlcore.ops.elementary import exp

if TYPE_CHECKING:
    from dlcore._tensor import Axis

__all__ = ["logsumexp", "max", "mean", "min", "sum"]


class _Extremum(Reduction):
    """Elements that tie for the extremum share its gradient evenly, as in PyTorch's amax and amin."""

    saves = (0,)
    saves_output = True
    function: str

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return getattr(self.xp, self.function)(x, axis=self.axes, keepdims=self.keepdims)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        best = self.xp.reshape(self.output._array, self.kept_shape)
        ties = self.xp.astype(x._array == best, x.dtype)
        share = ties / self.xp.sum(ties, axis=self.axes, keepdims=True)
        return self.spread(grad) * plain(x, share)


class Max(_Extremum):
    function = "max"


class Min(_Extremum):
    function = "min"


class LogSumExp(Reduction):
    """log(sum(exp(x))), shifted by the largest; the gradient is softmax."""

    saves = (0,)
    saves_output = True

    def forward(self, x: Any) -> Any:
        xp = self.xp
        self.shape = x.shape
        if not self.axes:
            return xp.asarray(x, copy=True)
        if prod([x.shape[i] for i in self.axes]) == 0:
            kept = self.kept_shape if self.keepdims else [n for i, n in enumerate(x.shape) if i not in self.axes]
            return xp.full(tuple(kept), -inf, dtype=x.dtype)
        largest = xp.max(xp.real(x), axis=self.axes, keepdims=True)
        largest = xp.where(xp.abs(largest) == inf, xp.zeros_like(largest), largest)  # not inf - inf
        total = self.backend.sum(xp.exp(x - largest), self.axes, self.keepdims)
        return xp.log(total) + xp.reshape(largest, total.shape)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return self.spread(grad) * conjugate(exp(x - self.spread(self.output)))


def sum(x: Tensor, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis`; 0 over nothing.

    Args:
        x: a tensor. Bool and small integers are summed as int64 (uint64 for unsigned); float16 in float32.
        axis: an int, a tuple of ints, or None for all axes.
        dtype: convert x to it first, and give the result in it.
        keepdims: keep the summed axes with size 1.

    Raises:
        ShapeError: an axis that x does not have, or one given twice.

    >>> dl.sum(dl.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([4., 6.])
    """
    x = as_tensor("sum", "x", x)
    axes = axes_of("sum", axis, x.ndim)
    if dtype is None:
        return Sum(axes, keepdims)(x)
    wanted = as_dtype(dtype)
    return cast(Sum(axes, keepdims)(cast(x, wanted)), wanted)


def mean(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over `axis`; NaN over nothing. Arguments and errors as `sum`; integers give float32.

    >>> dl.mean(dl.tensor([[1.0, 2.0], [3.0, 5.0]]), axis=1)
    tensor([1.5, 4. ])
    """
    x = as_tensor("mean", "x", x)
    axes = axes_of("mean", axis, x.ndim)
    if x.dtype.kind not in "fc":
        x = cast(x, DEFAULT_FLOAT)
    count = prod([x.shape[i] for i in axes])
    if x.dtype == float16:  # the sum may not fit where the mean does
        return cast(mean(cast(x, float32), axis=axes, keepdims=keepdims), float16)
    return Sum(axes, keepdims)(x) * (1.0 / count if count else float("nan"))


def logsumexp(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over `axis`, without overflow; -inf over nothing. Arguments and errors as `sum`.

    Integers give float32; float16 is computed in float32. The gradient is softmax.

    >>> dl.logsumexp(dl.tensor([1000.0, 0.0]))
    tensor(1000.)
    """
    given = float_tensor("logsumexp", x)
    axes = axes_of("logsumexp", axis, given.ndim)
    if given.dtype == float16:
        return cast(LogSumExp(axes, keepdims)(cast(given, float32)), float16)
    return LogSumExp(axes, keepdims)(given)


def max(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest value over `axis`; NaN if there is one. Ties share the gradient evenly. Arguments as `sum`.

    Raises:
        ShapeError: also where there is nothing to take the maximum of.
        DTypeError: complex numbers have no order.

    >>> dl.max(dl.tensor([[1.0, 5.0], [3.0, 4.0]]), axis=1)
    tensor([5., 4.])
    """
    return _extremum("max", Max, x, axis, keepdims)


def min(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest value over `axis`; as `max`.

    >>> dl.min(dl.tensor([[1.0, 5.0], [3.0, 4.0]]))
    tensor(1.)
    """
    return _extremum("min", Min, x, axis, keepdims)


def _extremum(name: str, function: type[_Extremum], x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    x = as_tensor(name, "x", x)
    axes = axes_of(name, axis, x.ndim)
    if x.dtype.kind == "c":
        raise DTypeError(f"{name}: x is {x.dtype}, and complex numbers have no order")
    if any(x.shape[i] == 0 for i in axes):
        raise ShapeError(f"{name}: nothing to reduce: shape {x.shape} is empty along axis {axis}")
    return function(axes, keepdims)(x)
