"""Other views of the same elements: reshape, permute, squeeze, broadcast; and concatenation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore import _dtypes
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import BroadcastTo, Reshape
from dlcore.ops._common import as_tensor, axes_of, cast, shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlcore._tensor import Axis

__all__ = ["broadcast_to", "concat", "expand_dims", "matrix_transpose", "permute_dims", "reshape", "squeeze"]


class PermuteDims(Function):
    is_view = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        return self.xp.permute_dims(x, self.axes)

    def backward(self, grad: Tensor) -> Tensor:
        inverse = [0] * len(self.axes)
        for position, axis in enumerate(self.axes):
            inverse[axis] = position
        return PermuteDims(tuple(inverse))(grad)


class Concat(Function):
    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays: Any) -> Any:
        self.ends = list(accumulate(x.shape[self.axis] for x in arrays))
        self.ndim = arrays[0].ndim
        return self.xp.concat(arrays, axis=self.axis)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        before = (slice(None),) * self.axis
        starts = [0, *self.ends[:-1]]
        return tuple(
            [
                grad[(*before, slice(start, end))] if self.needs(i) else None
                for i, (start, end) in enumerate(zip(starts, self.ends, strict=True))
            ]
        )


def reshape(x: Tensor, shape: int | Sequence[int]) -> Tensor:
    """The elements of x, in row-major order, in another shape.

    Args:
        x: a tensor of any shape.
        shape: the sizes; one of them may be -1 and is then found from the rest.

    Returns:
        A view of the same memory where that is possible, else a copy.

    Raises:
        ShapeError: the sizes do not multiply to that of x.

    >>> dl.reshape(dl.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    x = as_tensor("reshape", "x", x)
    wanted = shape_of("reshape", shape)
    known = prod([size for size in wanted if size != -1])
    unknown = wanted.count(-1)
    if unknown > 1 or any(size < -1 for size in wanted):
        raise ShapeError(f"reshape: sizes must be >= 0, with at most one -1, got {wanted}")
    if unknown and (known == 0 or x.size % known):
        raise ShapeError(f"reshape: a tensor of shape {x.shape} ({x.size} elements) does not fit into {wanted}")
    if not unknown and known != x.size:
        raise ShapeError(f"reshape: a tensor of shape {x.shape} ({x.size} elements) does not fit into {wanted}")
    return Reshape(tuple([x.size // known if size == -1 else size for size in wanted]))(x)


def permute_dims(x: Tensor, axes: Sequence[int]) -> Tensor:
    """The axes of x in another order, as a view.

    Args:
        x: a tensor with n dimensions.
        axes: a permutation of 0..n-1 (negative numbers count from the end).

    >>> dl.permute_dims(dl.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = as_tensor("permute_dims", "x", x)
    if axes is None:
        raise TypeError("permute_dims: axes must be a sequence of ints, got None")
    order = axes_of("permute_dims", axes, x.ndim)
    if len(order) != x.ndim:
        raise ShapeError(f"permute_dims: axes {axes} must name each of the {x.ndim} dimensions of x once")
    return PermuteDims(order)(x)


def matrix_transpose(x: Tensor) -> Tensor:
    """The last two axes exchanged: (..., M, N) -> (..., N, M), as a view. Also `x.mT`, and `x.T` for a matrix.

    >>> dl.matrix_transpose(dl.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    x = as_tensor("matrix_transpose", "x", x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: x needs at least 2 dimensions, got shape {x.shape}")
    return PermuteDims((*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))(x)


def squeeze(x: Tensor, axis: Axis = None) -> Tensor:
    """x without the axes of size 1 named by `axis` (None: all of them), as a view.

    Raises:
        ShapeError: a named axis has another size than 1.

    >>> dl.squeeze(dl.zeros((1, 3, 1)), axis=0).shape
    (3, 1)
    """
    x = as_tensor("squeeze", "x", x)
    if axis is None:
        gone = tuple([i for i, size in enumerate(x.shape) if size == 1])
    else:
        gone = axes_of("squeeze", axis, x.ndim)
    for i in gone:
        if x.shape[i] != 1:
            raise ShapeError(f"squeeze: axis {i} of shape {x.shape} has size {x.shape[i]}, not 1")
    return Reshape(tuple([size for i, size in enumerate(x.shape) if i not in gone]))(x)


def expand_dims(x: Tensor, *, axis: int = 0) -> Tensor:
    """x with a new axis of size 1 at position `axis` of the result, as a view.

    >>> dl.expand_dims(dl.zeros((2, 3)), axis=1).shape
    (2, 1, 3)
    """
    x = as_tensor("expand_dims", "x", x)
    (position,) = axes_of("expand_dims", (axis,), x.ndim + 1)
    return Reshape((*x.shape[:position], 1, *x.shape[position:]))(x)


def broadcast_to(x: Tensor, shape: int | Sequence[int]) -> Tensor:
    """x repeated to `shape` by NumPy's broadcasting rules, as a read-only view.

    Raises:
        ShapeError: the shape of x does not broadcast to `shape`.

    >>> dl.broadcast_to(dl.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    x = as_tensor("broadcast_to", "x", x)
    wanted = shape_of("broadcast_to", shape)
    if x.shape == wanted:
        return x
    try:
        fits = np.broadcast_shapes(x.shape, wanted) == wanted
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"broadcast_to: shape {x.shape} does not broadcast to {wanted}")
    return BroadcastTo(wanted)(x)


def concat(arrays: Sequence[Tensor], *, axis: int | None = 0) -> Tensor:
    """Tensors joined along an axis.

    Args:
        arrays: one or more tensors whose shapes agree except along `axis`.
        axis: the axis to join along; None joins the flattened tensors.

    Raises:
        ShapeError: no tensors, shapes that do not agree, or 0-d tensors with an axis.

    >>> dl.concat([dl.tensor([1, 2]), dl.tensor([3])])
    tensor([1, 2, 3])
    """
    if not isinstance(arrays, Iterable):
        raise TypeError(f"concat: arrays must be a sequence of tensors, got {type(arrays).__name__}")
    tensors = [as_tensor("concat", f"arrays[{i}]", x) for i, x in enumerate(arrays)]
    if not tensors:
        raise ShapeError("concat: arrays is empty; expected at least one tensor")
    if axis is None:
        tensors, axis = [reshape(x, (-1,)) if x.size else reshape(x, (0,)) for x in tensors], 0
    first = tensors[0]
    (along,) = axes_of("concat", (axis,), first.ndim)
    for i, x in enumerate(tensors):
        agrees = x.ndim == first.ndim and all(
            a == b for k, (a, b) in enumerate(zip(x.shape, first.shape, strict=True)) if k != along
        )
        if not agrees:
            raise ShapeError(
                f"concat: arrays[{i}] has shape {x.shape}; it must agree with {first.shape} except along axis {along}"
            )
    dtype = first.dtype
    for x in tensors[1:]:
        dtype = _dtypes.result_type("concat", dtype, x.dtype)
    return Concat(along)(*[cast(x, dtype) for x in tensors])
