"""Sorting, and the largest elements. Derivatives go to where the elements came from."""

from __future__ import annotations

from typing import NamedTuple

from dlcore._dtypes import int64
from dlcore._tensor import Tensor
from dlcore.autograd import is_grad_enabled
from dlcore.ops._arguments import axis_of, int_of, real
from dlcore.ops._common import plain
from dlcore.ops.gathering import TakeAlong

__all__ = ["argsort", "sort", "topk"]


class TopK(NamedTuple):
    """What `topk` finds."""

    values: Tensor
    indices: Tensor


def sort(x: Tensor, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements along an axis in order; values only, `argsort` has the places. NumPy's and PyTorch's order of NaN:
    it counts as the largest number, so it comes last, or first if `descending`.

    Args:
        x: a real tensor.
        axis: the axis to sort along.
        descending: the largest first.
        stable: equal elements keep their order, which matters for their gradients; False may be faster.

    Raises:
        DTypeError: complex numbers have no order. ShapeError: an axis that x does not have.

    >>> dl.sort(dl.tensor([2.0, 3.0, 1.0]))
    tensor([1., 2., 3.])
    """
    x = real("sort", "x", x)
    along = axis_of("sort", axis, x.ndim)
    if x._requires_grad and is_grad_enabled():
        return TakeAlong(along, unique=True)(x, _order(x, along, descending, stable))
    xp = x._device.backend.xp
    y = xp.sort(x._array, axis=along)  # equal elements cannot be told apart, so this need not be stable
    return plain(x, xp.flip(y, along) if descending else y)


def argsort(x: Tensor, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The places of the elements along an axis in the order of `sort`: int64, the shape of x. No gradient.

    >>> dl.argsort(dl.tensor([2.0, 3.0, 1.0]))
    tensor([2, 0, 1])
    """
    x = real("argsort", "x", x)
    return _order(x, axis_of("argsort", axis, x.ndim), descending, stable)


def topk(x: Tensor, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> TopK:
    """The k largest elements along an axis and their places: PyTorch's `topk`.

    Args:
        x: a real tensor; NaN counts as the largest number.
        k: how many, at most the size of the axis.
        largest: False for the smallest.
        sorted: they always come in order, the largest (or the smallest) first.

    Returns:
        (values, indices), both with size k along the axis; indices int64. Of equal elements those that come first
        are taken, in their order.

    Raises:
        ValueError: k is out of range. DTypeError: complex numbers have no order.

    >>> values, indices = dl.topk(dl.tensor([1.0, 4.0, 2.0, 3.0]), 2)
    >>> values, indices
    (tensor([4., 3.]), tensor([1, 3]))
    """
    x = real("topk", "x", x)
    along = axis_of("topk", axis, x.ndim)
    k = int_of("topk", "k", k)
    if not 0 <= k <= x.shape[along]:
        raise ValueError(f"topk: k must be in 0..{x.shape[along]}, the size of axis {along}, got {k}")
    first = plain(x, x._device.backend.top_places(x._array, k, along, bool(largest)))
    return TopK(TakeAlong(along, unique=True)(x, first), first)


def _order(x: Tensor, axis: int, descending: bool, stable: bool) -> Tensor:
    xp = x._device.backend.xp
    kind = "stable" if stable else None
    if not descending:
        return plain(x, xp.astype(xp.argsort(x._array, axis=axis, kind=kind), int64, copy=False))
    backwards = xp.argsort(xp.flip(x._array, axis), axis=axis, kind=kind)  # so that equal elements keep their order
    return plain(x, (x.shape[axis] - 1) - xp.flip(xp.astype(backwards, int64, copy=False), axis))
