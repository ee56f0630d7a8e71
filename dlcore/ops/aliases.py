"""Methods of tensors under PyTorch's names and with its arguments, for what the array functions call otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.ops import gathering, reduction
from dlcore.ops._arguments import axis_of, indices_of, same_axes
from dlcore.ops._common import as_tensor, check_broadcast
from dlcore.ops.cumulative import cumulative_prod, cumulative_sum
from dlcore.ops.indexing import getitem, value_for
from dlcore.ops.joining import broadcast_arrays
from dlcore.ops.selection import where

if TYPE_CHECKING:
    from dlcore._tensor import Axis

__all__ = [
    "amax", "amin", "cumprod", "cumsum", "gather", "index_select", "masked_fill", "masked_select", "scatter",
    "scatter_add",
]  # fmt: skip


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """PyTorch's `x.gather(dim, index)`: y[i, j] = x[i, index[i, j]] for dim 1. See `dl.take_along_axis`.

    Args:
        dim: the axis along which to gather.
        index: integers in 0..n-1, of as many dimensions as x and at most its size in all but `dim`.

    Raises:
        IndexError: an index out of range. DTypeError: no integers. ShapeError: a larger index.

    >>> dl.tensor([[1, 2], [3, 4]]).gather(1, dl.tensor([[1], [0]]))
    tensor([[2],
            [3]])
    """
    along = axis_of("gather", dim, x.ndim)
    same_axes("gather", "index", x, as_tensor("gather", "index", index), along, smaller=True)
    return gathering.TakeAlong(along)(x, indices_of("gather", "index", x, index, x.shape[along], 0, along))


def scatter(x: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """PyTorch's `x.scatter(dim, index, src)`: `dl.scatter(x, index, src, dim)`.

    >>> dl.zeros((1, 3)).scatter(1, dl.tensor([[2]]), 5.0)
    tensor([[0., 0., 5.]])
    """
    return gathering.scatter(x, index, src, dim)


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """PyTorch's `x.scatter_add(dim, index, src)`: `dl.scatter_add(x, index, src, dim)`.

    >>> dl.zeros((2,)).scatter_add(0, dl.tensor([1, 1]), dl.ones((2,)))
    tensor([0., 2.])
    """
    return gathering.scatter_add(x, index, src, dim)


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """PyTorch's `x.index_select(dim, index)`, for a vector of indices in 0..n-1. See `dl.take`.

    >>> dl.tensor([[1, 2, 3]]).index_select(1, dl.tensor([2, 0]))
    tensor([[3, 1]])
    """
    along = axis_of("index_select", dim, x.ndim)
    index = as_tensor("index_select", "index", index)
    if index.ndim > 1:
        raise ShapeError(f"index_select: index must be a vector, got shape {index.shape}")
    index = indices_of("index_select", "index", x, index, x.shape[along], 0, along)
    return gathering.Take(along)(x, index if index.ndim else index.reshape(1))


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """PyTorch's `x.masked_fill(mask, value)`: the value where the mask is True. See `dl.where`.

    Args:
        mask: bool, broadcasts with x.
        value: a number, or a tensor without dimensions, that fits the dtype of x.

    >>> dl.tensor([1.0, 2.0]).masked_fill(dl.tensor([True, False]), 0.0)
    tensor([0., 2.])
    """
    mask = as_tensor("masked_fill", "mask", mask)
    if mask.dtype.kind != "b":
        raise DTypeError(f"masked_fill: mask must be bool, got {mask.dtype}")
    check_broadcast("masked_fill", x, mask)
    value = value_for("masked_fill", x, value)
    if x.dtype.kind == "b" and not isinstance(value, (bool, Tensor)):
        raise DTypeError(f"masked_fill: value={value} does not fit into bool")
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError(f"masked_fill: value must be a number or have no dimensions, got shape {value.shape}")
    return where(mask, value, x)


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """PyTorch's `x.masked_select(mask)`: the elements where the mask is True, as a vector. See `x[mask]`.

    Args:
        mask: bool, broadcasts with x.

    >>> dl.tensor([[1, 2], [3, 4]]).masked_select(dl.tensor([True, False]))
    tensor([1, 3])
    """
    mask = as_tensor("masked_select", "mask", mask)
    if mask.dtype.kind != "b":
        raise DTypeError(f"masked_select: mask must be bool, got {mask.dtype}")
    check_broadcast("masked_select", x, mask)
    x, mask = (part.reshape((part.size,)) for part in broadcast_arrays(x, mask))
    return getitem(x, mask)


def cumsum(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """PyTorch's `x.cumsum(dim)`: see `dl.cumulative_sum`.

    >>> dl.tensor([1, 2, 3]).cumsum(0)
    tensor([1, 3, 6])
    """
    return cumulative_sum(x, axis=axis_of("cumsum", dim, x.ndim), dtype=dtype)


def cumprod(x: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """PyTorch's `x.cumprod(dim)`: see `dl.cumulative_prod`.

    >>> dl.tensor([1, 2, 3]).cumprod(0)
    tensor([1, 2, 6])
    """
    return cumulative_prod(x, axis=axis_of("cumprod", dim, x.ndim), dtype=dtype)


def amax(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """PyTorch's `x.amax(dim)`: see `dl.max`, which shares the gradient of ties evenly, too.

    >>> dl.tensor([[1.0, 5.0], [3.0, 4.0]]).amax(1)
    tensor([5., 4.])
    """
    return reduction.max(x, axis=dim, keepdims=keepdim)


def amin(x: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """PyTorch's `x.amin(dim)`: see `dl.min`.

    >>> dl.tensor([[1.0, 5.0], [3.0, 4.0]]).amin(1)
    tensor([1., 3.])
    """
    return reduction.min(x, axis=dim, keepdims=keepdim)
