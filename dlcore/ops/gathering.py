"""Elements taken by integer indices along an axis, and put by them: each is the other's gradient."""

from __future__ import annotations

from math import prod
from typing import Any

from dlcore._dtypes import int64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._arguments import axis_of, indices_of, same_axes
from dlcore.ops._broadcast import BroadcastTo
from dlcore.ops._common import as_tensor, plain
from dlcore.ops.arithmetic import add
from dlcore.ops.indexing import GetItem, value_for

__all__ = ["scatter", "scatter_add", "take", "take_along_axis"]


class Take(Function):
    """Whole slices of x across an axis, as embeddings are looked up. The index holds int64."""

    saves = (1,)

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Any, index: Any) -> Any:
        self.size = x.shape[self.axis]
        return self.xp.take(x, index, axis=self.axis)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved
        return Put(self.axis, self.size)(grad, index), None


class Put(Function):
    """The transpose of Take: slices summed where the index says, in their order."""

    saves = (1,)

    def __init__(self, axis: int, size: int) -> None:
        self.axis, self.size = axis, size

    def forward(self, values: Any, index: Any) -> Any:
        xp = self.xp
        end = self.axis + index.ndim
        rest = (*values.shape[: self.axis], *values.shape[end:])
        rows = xp.moveaxis(values, tuple(range(self.axis, end)), tuple(range(index.ndim)))
        rows = xp.reshape(rows, (index.size, *rest))
        flat = xp.reshape(index, (-1,))
        out = self.backend.scatter_add(rows, xp.where(flat < 0, flat + self.size, flat), self.size)
        return xp.moveaxis(out, 0, self.axis)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved
        return Take(self.axis)(grad, index), None


class TakeAlong(Function):
    """PyTorch's gather: y[i, j, k] = x[i, index[i, j, k], k] for axis 1. The index (>= 0) may be smaller than x.

    `unique`: no place is taken twice, as in sorting, so that the gradient is put and need not be summed.
    """

    saves = (1,)

    def __init__(self, axis: int, unique: bool = False) -> None:
        self.axis, self.unique = axis, unique

    def forward(self, x: Any, index: Any) -> Any:
        self.shape, xp = x.shape, self.xp
        if 0 in index.shape:
            return xp.zeros(index.shape, dtype=x.dtype)
        return xp.reshape(xp.take(xp.reshape(x, (-1,)), _places(xp, index, x.shape, self.axis)), index.shape)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved
        return PutAlong(self.axis, self.shape, self.unique)(grad, index), None


class PutAlong(Function):
    """The transpose of TakeAlong: values summed into zeros of `shape`, in their order."""

    saves = (1,)

    def __init__(self, axis: int, shape: tuple[int, ...], unique: bool = False) -> None:
        self.axis, self.shape, self.unique = axis, shape, unique

    def forward(self, values: Any, index: Any) -> Any:
        xp, size = self.xp, prod(self.shape)
        places, values = _places(xp, index, self.shape, self.axis), xp.reshape(values, (-1,))
        if self.unique:
            out = xp.zeros(size, dtype=values.dtype)
            out[places] = values
        else:
            out = self.backend.scatter_add(values, places, size)
        return xp.reshape(out, self.shape)

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved
        return TakeAlong(self.axis, self.unique)(grad, index), None


class Scatter(Function):
    """A copy of x with values put where the index says; no place is named twice."""

    saves = (1,)

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Any, index: Any, values: Any) -> Any:
        xp = self.xp
        out = xp.empty(x.shape, dtype=x.dtype)
        out[...] = x
        flat = xp.reshape(out, (-1,))
        flat[_places(xp, index, x.shape, self.axis)] = xp.reshape(values, (-1,)) if hasattr(values, "shape") else values
        return out

    def backward(self, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        (index,) = self.saved
        return (
            Scatter(self.axis)(grad, index, 0) if self.needs(0) else None,
            None,
            TakeAlong(self.axis, unique=True)(grad, index) if self.needs(2) else None,
        )


def take(x: Tensor, indices: Tensor, *, axis: int | None = None) -> Tensor:
    """Slices of x at `indices` along an axis.

    Args:
        x: a tensor.
        indices: integers of any shape S, each in -n..n-1 for an axis of size n; negative ones count from the end.
        axis: may be left out for a vector. (NumPy and PyTorch flatten then.)

    Returns:
        The shape of x with S in place of the axis.

    Raises:
        IndexError: an index out of range. DTypeError: indices that are not integers.
        TypeError: no axis for a tensor with several.

    >>> dl.take(dl.tensor([[1, 2, 3], [4, 5, 6]]), dl.tensor([2, 0]), axis=1)
    tensor([[3, 1],
            [6, 4]])
    """
    x = as_tensor("take", "x", x)
    if axis is None:
        if x.ndim != 1:
            raise TypeError(f"take: axis must be given for a tensor of shape {x.shape}")
        axis = 0
    along = axis_of("take", axis, x.ndim)
    size = x.shape[along]
    return Take(along)(x, indices_of("take", "indices", x, indices, size, -size, along))


def take_along_axis(x: Tensor, indices: Tensor, *, axis: int = -1) -> Tensor:
    """For every place of `indices`, the element of x there, but at the given index along the axis.

    For a matrix and axis 1: y[i, j] = x[i, indices[i, j]]. It undoes `argsort`. PyTorch's `gather`, which does not
    broadcast and lets the index be smaller than x, is the method `x.gather(dim, index)`.

    Args:
        x: a tensor.
        indices: integers, of as many dimensions, that broadcast with x except along the axis; negative ones count
            from the end.

    Raises:
        IndexError: an index out of range. DTypeError: indices that are not integers.
        ShapeError: shapes that do not broadcast.

    >>> x = dl.tensor([[3, 1, 2]])
    >>> dl.take_along_axis(x, dl.argsort(x))
    tensor([[1, 2, 3]])
    """
    name = "take_along_axis"
    x = as_tensor(name, "x", x)
    along = axis_of(name, axis, x.ndim)
    size = x.shape[along]
    index = as_tensor(name, "indices", indices)
    fits = index.ndim == x.ndim and all(
        i == along or a == b or 1 in (a, b) for i, (a, b) in enumerate(zip(index.shape, x.shape, strict=True))
    )
    if not fits:
        raise ShapeError(
            f"{name}: indices have shape {index.shape}, x {x.shape}; they must broadcast but for axis {along}"
        )
    index = indices_of(name, "indices", x, index, size, -size, along)
    rest = [b if a == 1 else a for a, b in zip(index.shape, x.shape, strict=True)]
    whole, wanted = (tuple([*rest[:along], end, *rest[along + 1 :]]) for end in (size, index.shape[along]))
    if x.shape != whole:
        x = BroadcastTo(whole)(x)
    xp = x._device.backend.xp
    places = xp.where(index._array < 0, index._array + size, index._array)
    return TakeAlong(along)(x, plain(x, places if places.shape == wanted else xp.broadcast_to(places, wanted)))


def scatter(x: Tensor, index: Tensor, values: Any, axis: int = -1) -> Tensor:
    """A copy of x with y[i, index[i, j]] = values[i, j] (for axis 1): PyTorch's `scatter`.

    Args:
        x: a tensor.
        index: integers in 0..n-1 for an axis of size n, of as many dimensions as x and at most its size in the others.
            No place may be named twice: the result would depend on the order. `scatter_add` sums instead.
        values: a number, or a tensor at least as large as the index in every dimension; what is beyond is not used.
        axis: the axis along which the index counts.

    Raises:
        IndexError: an index out of range, or a place that is named twice.
        DTypeError: an index that holds no integers, values that do not fit the dtype of x.
        ShapeError: an index that is too large, or values that are too small.

    >>> dl.scatter(dl.zeros((2, 3)), dl.tensor([[2], [0]]), dl.tensor([[5.0], [6.0]]))
    tensor([[0., 0., 5.],
            [6., 0., 0.]])
    """
    x, index, values, along = _scattered("scatter", x, index, values, axis)
    if index.size > 1:
        xp, backend = x._device.backend.xp, x._device.backend
        places = _places(xp, index._array, x.shape, along)
        times = backend.scatter_add(xp.full(places.shape, 1, dtype=int64), places, x.size)
        backend.check_index_range(times, 0, 2, "scatter: index must name no place twice; times that one is named: ")
    return Scatter(along)(x, index, values)


def scatter_add(x: Tensor, index: Tensor, values: Any, axis: int = -1) -> Tensor:
    """A copy of x with values[i, j] added to y[i, index[i, j]] (for axis 1): PyTorch's `scatter_add`.

    Places may be named again and again; values are added in their order, so that the result is the same every time.
    Arguments and errors as `scatter`.

    >>> dl.scatter_add(dl.zeros((3,)), dl.tensor([0, 2, 0]), dl.tensor([1.0, 2.0, 3.0]))
    tensor([4., 0., 2.])
    """
    if as_tensor("scatter_add", "x", x).dtype.kind == "b":
        raise DTypeError("scatter_add: not defined for bool; convert with astype")
    x, index, values, along = _scattered("scatter_add", x, index, values, axis)
    if not isinstance(values, Tensor):
        values = plain(x, x._device.backend.xp.full(index.shape, values, dtype=x.dtype))
    return add(x, PutAlong(along, x.shape)(values, index))


def _scattered(name: str, x: Any, index: Any, values: Any, axis: Any) -> tuple[Tensor, Tensor, Any, int]:
    x = as_tensor(name, "x", x)
    along = axis_of(name, axis, x.ndim)
    values = value_for(name, x, values)
    index = as_tensor(name, "index", index)
    same_axes(name, "index", x, index, along, smaller=True)
    if isinstance(values, Tensor):
        if values.ndim != index.ndim or any(a > b for a, b in zip(index.shape, values.shape, strict=True)):
            raise ShapeError(f"{name}: values of shape {values.shape} are fewer than those of index, {index.shape}")
        if values.shape != index.shape:
            values = GetItem((*[slice(size) for size in index.shape], ...), False)(values)
    return x, indices_of(name, "index", x, index, x.shape[along], 0, along), values, along


def _places(xp: Any, index: Any, shape: tuple[int, ...], axis: int) -> Any:
    """Where the elements that an index (>= 0) along an axis names lie in an array of `shape`, as row-major numbers."""
    step = prod(shape[axis + 1 :])
    places = index if step == 1 else index * step
    for group, unit in ((range(axis), step * shape[axis]), (range(axis + 1, len(shape)), 1)):
        offsets = None  # of the axes before, or behind: small, so that few passes go over all places
        for i in reversed(group):
            alone = (1,) * i + (index.shape[i],) + (1,) * (len(shape) - i - 1)
            steps = xp.reshape(xp.arange(index.shape[i], dtype=int64) * unit, alone)
            offsets = steps if offsets is None else offsets + steps
            unit *= shape[i]
        if offsets is not None:
            places = places + offsets
    return xp.reshape(places, (-1,))
