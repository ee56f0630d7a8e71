"""Products over axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore._tensor import Tensor
from dlcore.ops._broadcast import Reduction, Reshape
from dlcore.ops._common import as_tensor, axes_of, cast, conjugate
from dlcore.ops.cumulative import CumulativeProduct, accumulated, reverse, shifted
from dlcore.ops.indexing import getitem
from dlcore.ops.shape import permute_dims

if TYPE_CHECKING:
    from dlcore._tensor import Axis

__all__ = ["prod"]


class Product(Reduction):
    """The gradient of an element is the product of the others, those before times those after it: exact at 0."""

    saves = (0,)

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        if not self.axes:
            return self.xp.asarray(x, copy=True)
        return self.xp.prod(x, axis=self.axes, keepdims=self.keepdims)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        if not self.axes:
            return grad
        order = (*[i for i in range(x.ndim) if i not in self.axes], *self.axes)
        moved = permute_dims(x, order)
        kept = moved.shape[: x.ndim - len(self.axes)]
        flat = Reshape((*kept, _size(moved.shape[len(kept) :])))(moved)
        turned = reverse(flat.ndim, flat.ndim - 1)
        others = _before(flat) * getitem(_before(getitem(flat, turned)), turned)
        others = permute_dims(Reshape(moved.shape)(others), tuple(np.argsort(order).tolist()))
        return self.spread(grad) * conjugate(others)


def _before(x: Tensor) -> Tensor:
    """For each element of the last axis the product of those before it."""
    return shifted(CumulativeProduct(x.ndim - 1)(x), x.ndim - 1)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def prod(x: Tensor, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over `axis`, 1 over nothing; exact gradients where elements are 0.

    Args:
        x: a tensor. Bool and small integers are multiplied as int64 (uint64 for unsigned); float16 in float32.
        axis: an int, a tuple of ints, or None for all axes.
        dtype: convert x to it first, and give the result in it.
        keepdims: keep the reduced axes with size 1.

    Raises:
        ShapeError: an axis that x does not have, or one given twice.

    >>> dl.prod(dl.tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([3., 8.])
    """
    x = as_tensor("prod", "x", x)
    axes = axes_of("prod", axis, x.ndim)
    x, result = accumulated("prod", x, dtype)
    return cast(Product(axes, keepdims)(x), result)
