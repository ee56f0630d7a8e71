"""Tensors put together and taken apart along an axis, repeated, and brought to one shape."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore import _dtypes
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, is_grad_enabled
from dlcore.autograd.several import SeveralOutputs
from dlcore.ops._arguments import axis_of, int_of
from dlcore.ops._broadcast import BroadcastTo, Reshape, Sum
from dlcore.ops._common import as_tensor, cast, check_broadcast, plain
from dlcore.ops.indexing import GetItem
from dlcore.ops.shape import Concat, reshape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["broadcast_arrays", "chunk", "meshgrid", "repeat", "split", "stack", "tile", "unstack"]


class Stack(Function):
    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays: Any) -> Any:
        self.count = len(arrays)
        return self.xp.stack(arrays, axis=self.axis)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        before = (slice(None),) * self.axis
        return tuple([GetItem((*before, i, ...), False)(grad) if self.needs(i) else None for i in range(self.count)])


class Parts(SeveralOutputs):
    """Views of the parts of x along an axis. Their gradients are joined, not each spread over all of x and summed."""

    is_view = True

    def __init__(self, axis: int, indices: Sequence[slice | int]) -> None:
        self.axis, self.indices = axis, indices

    def compute(self, x: Any) -> tuple[Any, ...]:
        before = (slice(None),) * self.axis
        return tuple([x[(*before, index, ...)] for index in self.indices])

    def gradients(self, grads: Sequence[Tensor | None]) -> Tensor:
        like = next(grad for grad in grads if grad is not None)
        filled = [
            plain(like, self.xp.zeros(part.shape, dtype=part.dtype)) if grad is None else grad
            for grad, part in zip(grads, self.kept, strict=True)
        ]
        join = Stack(self.axis) if isinstance(self.indices[0], int) else Concat(self.axis)
        return join(*filled)


class Tile(Function):
    def __init__(self, repetitions: tuple[int, ...]) -> None:
        self.repetitions = repetitions

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.xp.tile(x, self.repetitions)

    def backward(self, grad: Tensor) -> Tensor:
        ndim = len(self.repetitions)
        shape = (*(1,) * (ndim - len(self.shape)), *self.shape)
        pairs = tuple([size for both in zip(self.repetitions, shape, strict=True) for size in both])
        return Reshape(self.shape)(Sum(tuple(range(0, 2 * ndim, 2)), False)(Reshape(pairs)(grad)))


class Repeat(Function):
    """Each element `count` times in a row."""

    def __init__(self, count: int, axis: int) -> None:
        self.count, self.axis = count, axis

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.xp.repeat(x, self.count, axis=self.axis)

    def backward(self, grad: Tensor) -> Tensor:
        apart = (*self.shape[: self.axis + 1], self.count, *self.shape[self.axis + 1 :])
        return Sum((self.axis + 1,), False)(Reshape(apart)(grad))


def stack(arrays: Sequence[Tensor], *, axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis.

    Args:
        arrays: one or more tensors.
        axis: the position of the new axis in the result.

    Raises:
        ShapeError: no tensors, or shapes that differ.

    >>> dl.stack([dl.tensor([1, 2]), dl.tensor([3, 4])], axis=1)
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = _tensors("stack", arrays)
    first = tensors[0]
    for i, x in enumerate(tensors):
        if x.shape != first.shape:
            raise ShapeError(f"stack: arrays[{i}] has shape {x.shape}; all must have that of arrays[0], {first.shape}")
    return Stack(axis_of("stack", axis, first.ndim + 1))(*tensors)


def unstack(x: Tensor, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x at each position of an axis, without that axis, as views.

    Raises:
        ShapeError: an axis that x does not have.

    >>> a, b = dl.unstack(dl.tensor([[1, 2], [3, 4]]), axis=1)
    >>> b
    tensor([2, 4])
    """
    x = as_tensor("unstack", "x", x)
    along = axis_of("unstack", axis, x.ndim)
    return _parts(x, along, list(range(x.shape[along])))


def split(x: Tensor, split_size_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along an axis, as views. The array API has no such function; this is PyTorch's.

    Args:
        x: a tensor.
        split_size_or_sections: the size of each part (the last may be smaller), or the sizes of all parts, in order.
            NumPy's `split` takes the number of parts instead (see `chunk`), or the places to cut at.
        axis: the axis to cut along.

    Raises:
        ShapeError: sizes that do not sum to that of the axis.
        ValueError: a negative size, or size 0 for an axis that is not empty.

    >>> dl.split(dl.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> dl.split(dl.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """
    x = as_tensor("split", "x", x)
    along = axis_of("split", axis, x.ndim)
    size = x.shape[along]
    if isinstance(split_size_or_sections, (tuple, list)):
        sizes = [int_of("split", "split_size_or_sections", part) for part in split_size_or_sections]
        if any(part < 0 for part in sizes):
            raise ValueError(f"split: split_size_or_sections must be >= 0, got {split_size_or_sections}")
        if sum(sizes) != size:
            raise ShapeError(f"split: sections {sizes} sum to {sum(sizes)}, axis {along} of x has size {size}")
    else:
        sizes = _equal_sizes("split", "split_size_or_sections", size, split_size_or_sections)
    return _cut(x, along, sizes)


def chunk(x: Tensor, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along an axis into at most `chunks` parts of equal size (the last may be smaller), as views; PyTorch's.

    Raises:
        ValueError: `chunks` is not positive.

    >>> dl.chunk(dl.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    x = as_tensor("chunk", "x", x)
    along = axis_of("chunk", axis, x.ndim)
    count = int_of("chunk", "chunks", chunks)
    if count < 1:
        raise ValueError(f"chunk: chunks must be at least 1, got {chunks}")
    size = x.shape[along]
    return _cut(x, along, _equal_sizes("chunk", "chunks", size, -(-size // count)) if size else [0] * count)


def tile(x: Tensor, repetitions: int | Sequence[int]) -> Tensor:
    """x laid side by side, `repetitions` times along each axis: PyTorch's `tile`, and `repeat` of its tensors.

    Args:
        x: a tensor.
        repetitions: how often, an int for the last axis or one for each; missing ones at the front count as 1, and
            if there are more than x has axes, new axes are put before these.

    >>> dl.tile(dl.tensor([1, 2]), (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    x = as_tensor("tile", "x", x)
    given = repetitions if isinstance(repetitions, (tuple, list)) else (repetitions,)
    counts = [int_of("tile", "repetitions", count) for count in given]
    if any(count < 0 for count in counts):
        raise ValueError(f"tile: repetitions must be >= 0, got {repetitions}")
    return Tile((*(1,) * (x.ndim - len(counts)), *counts))(x)


def repeat(x: Tensor, repeats: int | Tensor, *, axis: int | None = None) -> Tensor:
    """Each element repeated in place: PyTorch's `repeat_interleave`, not the `repeat` of its tensors, which is `tile`.

    Args:
        x: a tensor.
        repeats: how often: an int, or a 1-D integer tensor with a number for each place of the axis (or one for all).
            The size of the result depends on its values, for which the host waits for a GPU.
        axis: the axis along which to repeat; None flattens x first.

    Raises:
        ShapeError: `repeats` has another size than the axis.
        ValueError: a negative number.

    >>> dl.repeat(dl.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    >>> dl.repeat(dl.tensor([[1, 2], [3, 4]]), dl.tensor([0, 2]), axis=0)
    tensor([[3, 4],
            [3, 4]])
    """
    x = as_tensor("repeat", "x", x)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    along = axis_of("repeat", axis, x.ndim)
    if not isinstance(repeats, Tensor):
        count = int_of("repeat", "repeats", repeats)
        if count < 0:
            raise ValueError(f"repeat: repeats must be >= 0, got {repeats}")
        return Repeat(count, along)(x)
    if repeats.dtype.kind not in "iu":
        raise DTypeError(f"repeat: repeats must be integers, got {repeats.dtype}")
    size = x.shape[along]
    if repeats.ndim > 1 or repeats.size not in (1, size):
        raise ShapeError(
            f"repeat: repeats has shape {repeats.shape}; expected ({size},) for axis {along} of x, or (1,)"
        )
    counts = np.broadcast_to(repeats.numpy().reshape(-1), (size,))
    if (counts < 0).any():
        raise ValueError(f"repeat: repeats must be >= 0, got {counts.min()}")
    from dlcore.ops.gathering import Take  # which builds on what is here

    places = x._device.backend.from_host(np.repeat(np.arange(size), counts.astype(np.int64)))
    return Take(along)(x, plain(x, places))


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """Tensors as read-only views of their common shape, by NumPy's broadcasting rules.

    Raises:
        ShapeError: the shapes do not broadcast together.

    >>> a, b = dl.broadcast_arrays(dl.tensor([1, 2]), dl.tensor([[3], [4]]))
    >>> a.shape, b.shape
    ((2, 2), (2, 2))
    """
    tensors = [as_tensor("broadcast_arrays", f"arrays[{i}]", x) for i, x in enumerate(arrays)]
    if not tensors:
        return ()
    shape = check_broadcast("broadcast_arrays", *tensors)
    return tuple([x if x.shape == shape else BroadcastTo(shape)(x) for x in tensors])


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinate grids from coordinate vectors, as read-only views.

    Args:
        arrays: N one-dimensional tensors (0-d ones count as one element) of one dtype.
        indexing: "ij" gives shape (n0, n1, n2, ...); "xy", the standard's default, (n1, n0, n2, ...), as the axes of a
            picture. PyTorch's default is "ij".

    Returns:
        N tensors of that shape: the i-th varies along its axis as arrays[i] does.

    Raises:
        ShapeError: a tensor with more than one dimension. DTypeError: dtypes that differ. ValueError: another indexing.

    >>> x, y = dl.meshgrid(dl.tensor([1, 2, 3]), dl.tensor([10, 20]))
    >>> x
    tensor([[1, 2, 3],
            [1, 2, 3]])
    """
    tensors = [as_tensor("meshgrid", f"arrays[{i}]", x) for i, x in enumerate(arrays)]
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    for i, x in enumerate(tensors):
        if x.ndim > 1:
            raise ShapeError(f"meshgrid: arrays[{i}] must have one dimension, got shape {x.shape}")
        if x.dtype != tensors[0].dtype:
            raise DTypeError(f"meshgrid: arrays[{i}] is {x.dtype}, arrays[0] {tensors[0].dtype}; convert with astype")
    order = list(range(len(tensors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    shape = tuple([tensors[i].size for i in order])
    grids = []
    for i, x in enumerate(tensors):
        placed = tuple([x.size if which == i else 1 for which in order])
        grids.append(BroadcastTo(shape)(Reshape(placed)(x)))
    return tuple(grids)


def _tensors(name: str, arrays: Any) -> list[Tensor]:
    """A sequence of tensors as a list, in one dtype."""
    if not isinstance(arrays, Iterable):
        raise TypeError(f"{name}: arrays must be a sequence of tensors, got {type(arrays).__name__}")
    tensors = [as_tensor(name, f"arrays[{i}]", x) for i, x in enumerate(arrays)]
    if not tensors:
        raise ShapeError(f"{name}: arrays is empty; expected at least one tensor")
    dtype = tensors[0].dtype
    for x in tensors[1:]:
        dtype = _dtypes.result_type(name, dtype, x.dtype)
    return [cast(x, dtype) for x in tensors]


def _equal_sizes(name: str, argument: str, size: int, each: Any) -> list[int]:
    each = int_of(name, argument, each)
    if each < 0 or (each == 0 and size):
        raise ValueError(f"{name}: {argument} must be positive, got {each}")
    if not size:
        return [0]
    return [each] * (size // each) + ([size % each] if size % each else [])


def _cut(x: Tensor, axis: int, sizes: list[int]) -> tuple[Tensor, ...]:
    ends = list(accumulate(sizes))
    return _parts(x, axis, [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)])


def _parts(x: Tensor, axis: int, indices: Sequence[slice | int]) -> tuple[Tensor, ...]:
    if x._requires_grad and is_grad_enabled() and indices:
        return Parts(axis, indices).apply(x)
    before = (slice(None),) * axis
    return tuple([GetItem((*before, index, ...), False)(x) for index in indices])
