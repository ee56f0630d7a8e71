"""Sums and products of all elements up to each, and the recurrence that differentiates the products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._dtypes import as_dtype, float16, float32, int64, uint64
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._common import as_tensor, axes_of, cast, conjugate
from dlcore.ops.creation import ones, zeros
from dlcore.ops.indexing import getitem
from dlcore.ops.shape import concat

if TYPE_CHECKING:
    from dlcore._dtypes import DType

__all__ = ["cumulative_prod", "cumulative_sum"]


class CumulativeSum(Function):
    """Along `axis`; with `backwards` from its end."""

    def __init__(self, axis: int, backwards: bool = False) -> None:
        self.axis, self.backwards = axis, backwards

    def forward(self, x: Any) -> Any:
        if not self.backwards:
            return self.xp.cumsum(x, axis=self.axis)
        turned = reverse(x.ndim, self.axis)
        return self.xp.cumsum(x[turned], axis=self.axis)[turned]

    def backward(self, grad: Tensor) -> Tensor:
        return CumulativeSum(self.axis, not self.backwards)(grad)


class CumulativeProduct(Function):
    """y_i = x_0 ... x_i. The gradient of x_i is x_0 ... x_(i-1) times S_i = g_i + x_(i+1) S_(i+1): nothing is divided.

    So it is exact where elements are 0, in every order of derivative.
    """

    saves = (0,)
    saves_output = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return self.xp.cumprod(x, axis=self.axis)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        before = shifted(self.output, self.axis)
        following = concat([cut(x, self.axis, 1, None), cut(x, self.axis, 0, 1)], axis=self.axis)
        return conjugate(before) * Recurrence(self.axis)(conjugate(following), grad)


class Recurrence(Function):
    """S_i = g_i + a_i S_(i+1) along `axis`, from its end; the last a has no effect.

    In log2(n) rounds for n elements (Hillis, Steele, "Data parallel algorithms", CACM 29, 1986): after a round that
    looks k places ahead, each element holds its sum of 2k terms, and each a the product over 2k places.
    """

    saves = (0,)
    saves_output = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, a: Any, g: Any) -> Any:
        total, factor = self.xp.asarray(g, copy=True), a
        size, step = g.shape[self.axis], 1
        while step < size:
            near, far = span(g.ndim, self.axis, 0, size - step), span(g.ndim, self.axis, step, size)
            total[near] = total[near] + factor[near] * total[far]
            if 2 * step < size:
                longer = self.xp.asarray(factor, copy=True)
                longer[near] = factor[near] * factor[far]
                factor = longer
            step *= 2
        return total

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """T_i = grad_i + a_(i-1) T_(i-1) is the gradient of g_i, and T_i S_(i+1) that of a_i."""
        (a,) = self.saved
        axis, turned = self.axis, reverse(grad.ndim, self.axis)
        size = grad.shape[axis]
        before = concat([cut(a, axis, size - 1, size), cut(a, axis, 0, size - 1)], axis=axis)
        t = getitem(Recurrence(axis)(getitem(conjugate(before), turned), getitem(grad, turned)), turned)
        following = cut(self.output, axis, 1, size)
        last = zeros((*a.shape[:axis], min(1, size), *a.shape[axis + 1 :]), dtype=a.dtype, device=a.device)
        return concat([cut(t, axis, 0, size - 1) * conjugate(following), last], axis=axis), t


def span(ndim: int, axis: int, start: int | None, stop: int | None) -> tuple[slice, ...]:
    """The index of a part of one axis."""
    return tuple([slice(start, stop) if i == axis else slice(None) for i in range(ndim)])


def reverse(ndim: int, axis: int) -> tuple[slice, ...]:
    """The index that turns one axis around."""
    return tuple([slice(None, None, -1) if i == axis else slice(None) for i in range(ndim)])


def cut(x: Tensor, axis: int, start: int, stop: int | None) -> Tensor:
    """Part of one axis."""
    return getitem(x, span(x.ndim, axis, start, x.shape[axis] if stop is None else stop))


def shifted(y: Tensor, axis: int) -> Tensor:
    """y one place further along `axis`, with 1 in the first place: what stands before each element's own factor."""
    size = y.shape[axis]
    first = ones((*y.shape[:axis], min(1, size), *y.shape[axis + 1 :]), dtype=y.dtype, device=y.device)
    return concat([first, cut(y, axis, 0, max(size - 1, 0))], axis=axis)


def accumulated(name: str, x: Tensor, dtype: Any) -> tuple[Tensor, DType]:
    """x in the dtype to accumulate in, and the dtype of the result: `dtype`, or the standard's choice."""
    chosen = {"b": int64, "i": int64, "u": uint64}.get(x.dtype.kind, x.dtype)
    result = chosen if dtype is None else as_dtype(dtype)
    return cast(x, float32 if result == float16 else result), result


def cumulative_sum(x: Tensor, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """The sums of all elements up to each along `axis`.

    Args:
        x: a tensor. Bool and small integers are summed as int64 (uint64 for unsigned); float16 in float32.
        axis: an int; None only for a tensor of one axis.
        dtype: convert x to it first, and give the result in it.
        include_initial: begin with a 0, so that the axis is one longer.

    Raises:
        ShapeError: an axis that x does not have; no `axis` where there is not just one.

    >>> dl.cumulative_sum(dl.tensor([1, 2, 3]))
    tensor([1, 3, 6])
    """
    return _cumulative("cumulative_sum", CumulativeSum, zeros, x, axis, dtype, include_initial)


def cumulative_prod(x: Tensor, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """The products of all elements up to each along `axis`, exact gradients at 0; arguments as `cumulative_sum`.

    With `include_initial` it begins with a 1.

    >>> dl.cumulative_prod(dl.tensor([1, 2, 3]))
    tensor([1, 2, 6])
    """
    return _cumulative("cumulative_prod", CumulativeProduct, ones, x, axis, dtype, include_initial)


def _cumulative(
    name: str, function: Any, initial: Any, x: Tensor, axis: int | None, dtype: Any, include_initial: bool
) -> Tensor:
    x = as_tensor(name, "x", x)
    if isinstance(axis, (tuple, list)):
        raise TypeError(f"{name}: axis must be an int or None, got {axis!r}")
    axes = axes_of(name, axis, x.ndim)
    if len(axes) != 1:
        raise ShapeError(f"{name}: axis must be given for a tensor of shape {x.shape}")
    x, result = accumulated(name, x, dtype)
    y = cast(function(axes[0])(x), result)
    if include_initial:
        shape = (*x.shape[: axes[0]], 1, *x.shape[axes[0] + 1 :])
        y = concat([initial(shape, dtype=result, device=x.device), y], axis=axes[0])
    return y
