"""Elements in other places: rolled, flipped, axes moved, triangles and diagonals of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._arguments import axis_of, int_of
from dlcore.ops._broadcast import Reshape
from dlcore.ops._common import as_tensor, axes_of
from dlcore.ops.shape import PermuteDims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlcore._tensor import Axis

__all__ = ["diag", "diag_embed", "diagonal", "flip", "moveaxis", "roll", "swapaxes", "tril", "triu"]


class Roll(Function):
    def __init__(self, shifts: tuple[int, ...], axes: tuple[int, ...]) -> None:
        self.shifts, self.axes = shifts, axes

    def forward(self, x: Any) -> Any:
        if not self.axes:
            return self.xp.asarray(x, copy=True)
        return self.xp.roll(x, self.shifts, axis=self.axes)

    def backward(self, grad: Tensor) -> Tensor:
        return Roll(tuple([-shift for shift in self.shifts]), self.axes)(grad)


class Flip(Function):
    is_view = True

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def forward(self, x: Any) -> Any:
        backwards, forwards = slice(None, None, -1), slice(None)
        return x[(*[backwards if i in self.axes else forwards for i in range(x.ndim)], ...)]

    def backward(self, grad: Tensor) -> Tensor:
        return Flip(self.axes)(grad)


class Triangle(Function):
    def __init__(self, function: str, k: int) -> None:
        self.function, self.k = function, k

    def forward(self, x: Any) -> Any:
        return getattr(self.xp, self.function)(x, self.k)

    def backward(self, grad: Tensor) -> Tensor:
        return Triangle(self.function, self.k)(grad)


class Diagonal(Function):
    """The diagonals of the last two axes, as the last axis."""

    is_view = True

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        return self.xp.diagonal(x, self.offset, x.ndim - 2, x.ndim - 1)

    def backward(self, grad: Tensor) -> Tensor:
        return DiagonalMatrix(self.offset, self.shape[-2:])(grad)


class DiagonalMatrix(Function):
    """The transpose of Diagonal: matrices of zeros, with the last axis of x on their diagonals."""

    def __init__(self, offset: int, shape: tuple[int, int]) -> None:
        self.offset, self.shape = offset, shape

    def forward(self, x: Any) -> Any:
        rows, columns = self.shape
        flat = self.xp.zeros((*x.shape[:-1], rows * columns), dtype=x.dtype)
        if x.size:
            start = self.offset if self.offset >= 0 else -self.offset * columns
            flat[..., start : start + (x.shape[-1] - 1) * (columns + 1) + 1 : columns + 1] = x
        return self.xp.reshape(flat, (*x.shape[:-1], rows, columns))

    def backward(self, grad: Tensor) -> Tensor:
        return Diagonal(self.offset)(grad)


def roll(x: Tensor, shift: int | Sequence[int], *, axis: Axis = None) -> Tensor:
    """Elements moved by `shift` places along an axis; those that leave at the end come back at the beginning.

    Args:
        x: a tensor.
        shift: how far; negative numbers move towards the beginning.
        axis: the axis, or several with a shift for each (or one shift for all); None rolls the flattened tensor.

    Raises:
        ShapeError: an axis that x does not have, or other numbers of shifts and axes.

    >>> dl.roll(dl.arange(5), 2)
    tensor([3, 4, 0, 1, 2])
    """
    x = as_tensor("roll", "x", x)
    given = shift if isinstance(shift, (tuple, list)) else (shift,)
    shifts = tuple([int_of("roll", "shift", number) for number in given])
    if axis is None:
        if isinstance(shift, (tuple, list)) and len(shifts) != 1:
            raise ShapeError(f"roll: {len(shifts)} shifts without axes; give as many axes")
        return Reshape(x.shape)(_rolled(Reshape((x.size,))(x), shifts, (0,)))
    axes = axes_of("roll", axis, x.ndim)
    if not isinstance(shift, (tuple, list)):
        shifts = shifts * len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes; give one for each")
    return _rolled(x, shifts, axes)


def _rolled(x: Tensor, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Tensor:
    sizes = [max(x.shape[axis], 1) for axis in axes]
    return Roll(tuple([shift % size for shift, size in zip(shifts, sizes, strict=True)]), axes)(x)


def flip(x: Tensor, *, axis: Axis = None) -> Tensor:
    """x with the order of elements along the axes reversed (None: along all), as a view. PyTorch copies.

    >>> dl.flip(dl.tensor([[1, 2], [3, 4]]), axis=1)
    tensor([[2, 1],
            [4, 3]])
    """
    x = as_tensor("flip", "x", x)
    return Flip(axes_of("flip", axis, x.ndim))(x)


def moveaxis(x: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Axes moved to other positions, the others staying in their order, as a view.

    Args:
        x: a tensor.
        source: an axis, or several.
        destination: where each of them is to stand in the result.

    Raises:
        ShapeError: axes that x does not have or that are named twice, or other numbers of sources and destinations.

    >>> dl.moveaxis(dl.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = as_tensor("moveaxis", "x", x)
    if source is None or destination is None:
        raise TypeError("moveaxis: source and destination must be ints or sequences of ints, got None")
    sources, destinations = axes_of("moveaxis", source, x.ndim), axes_of("moveaxis", destination, x.ndim)
    if len(sources) != len(destinations):
        raise ShapeError(f"moveaxis: source {source} and destination {destination} must have the same length")
    rest = iter([i for i in range(x.ndim) if i not in sources])
    moved = dict(zip(destinations, sources, strict=True))
    return PermuteDims(tuple([moved[i] if i in moved else next(rest) for i in range(x.ndim)]))(x)


def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged, as a view: NumPy's `swapaxes`, PyTorch's `transpose`.

    >>> dl.swapaxes(dl.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = as_tensor("swapaxes", "x", x)
    first, second = axis_of("swapaxes", axis1, x.ndim), axis_of("swapaxes", axis2, x.ndim)
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    return PermuteDims(tuple(order))(x)


def tril(x: Tensor, *, k: int = 0) -> Tensor:
    """Matrices with zeros above the k-th diagonal (above the main one for 0, further up for positive numbers).

    Args:
        x: shape (..., M, N).

    Raises:
        ShapeError: fewer than two dimensions.

    >>> dl.tril(dl.ones((2, 3)))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return _triangle("tril", x, k)


def triu(x: Tensor, *, k: int = 0) -> Tensor:
    """Matrices with zeros below the k-th diagonal; as `tril`.

    >>> dl.triu(dl.ones((2, 3)), k=1)
    tensor([[0., 1., 1.],
            [0., 0., 1.]])
    """
    return _triangle("triu", x, k)


def _triangle(name: str, x: Any, k: Any) -> Tensor:
    x = as_tensor(name, "x", x)
    if x.ndim < 2:
        raise ShapeError(f"{name}: x needs at least 2 dimensions, got shape {x.shape}")
    # beyond the corners nothing changes any more, and no number is too large
    return Triangle(name, max(-x.shape[-2], min(int_of(name, "k", k), x.shape[-1])))(x)


def diagonal(x: Tensor, *, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
    """The diagonals of matrices, as the last axis of a read-only view.

    The defaults are those of the array API's `linalg.diagonal`; NumPy and PyTorch take the first two axes.

    Args:
        x: shape (..., M, N), or with the matrices in axis1 and axis2.
        offset: which diagonal: 0 the main one, positive above, negative below.

    Returns:
        Shape (..., L), L the number of elements on that diagonal, 0 if it lies outside.

    Raises:
        ShapeError: fewer than two dimensions, or twice the same axis.

    >>> dl.diagonal(dl.tensor([[1, 2, 3], [4, 5, 6]]), offset=1)
    tensor([2, 6])
    """
    x = as_tensor("diagonal", "x", x)
    if x.ndim < 2:
        raise ShapeError(f"diagonal: x needs at least 2 dimensions, got shape {x.shape}")
    offset = int_of("diagonal", "offset", offset)
    first, second = axis_of("diagonal", axis1, x.ndim), axis_of("diagonal", axis2, x.ndim)
    if first == second:
        raise ShapeError(f"diagonal: axis1 and axis2 are both {first}; expected two axes")
    if (first, second) != (x.ndim - 2, x.ndim - 1):
        rest = [i for i in range(x.ndim) if i not in (first, second)]
        x = PermuteDims((*rest, first, second))(x)
    return Diagonal(max(-x.shape[-2], min(offset, x.shape[-1])))(x)


def diag_embed(x: Tensor, *, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
    """Square matrices of zeros with the last axis of x on a diagonal: PyTorch's `diag_embed`.

    Args:
        x: shape (..., L).
        offset: which diagonal: 0 the main one, positive above, negative below.
        axis1, axis2: where the rows and the columns stand in the result.

    Returns:
        Shape (..., L + |offset|, L + |offset|).

    >>> dl.diag_embed(dl.tensor([1, 2]), offset=1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    x = as_tensor("diag_embed", "x", x)
    if x.ndim < 1:
        raise ShapeError("diag_embed: x needs at least 1 dimension, got shape ()")
    offset = int_of("diag_embed", "offset", offset)
    first, second = axis_of("diag_embed", axis1, x.ndim + 1), axis_of("diag_embed", axis2, x.ndim + 1)
    if first == second:
        raise ShapeError(f"diag_embed: axis1 and axis2 are both {first}; expected two axes")
    size = x.shape[-1] + abs(offset)
    y = DiagonalMatrix(offset, (size, size))(x)
    if (first, second) == (y.ndim - 2, y.ndim - 1):
        return y
    rest = iter(range(y.ndim - 2))
    placed = {first: y.ndim - 2, second: y.ndim - 1}
    return PermuteDims(tuple([placed[i] if i in placed else next(rest) for i in range(y.ndim)]))(y)


def diag(x: Tensor, *, offset: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix (`diag_embed`), or the diagonal of a matrix (`diagonal`): NumPy's `diag`.

    Raises:
        ShapeError: neither a vector nor a matrix.

    >>> dl.diag(dl.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    x = as_tensor("diag", "x", x)
    if x.ndim not in (1, 2):
        raise ShapeError(f"diag: x must be a vector or a matrix, got shape {x.shape}")
    int_of("diag", "offset", offset)
    return diag_embed(x, offset=offset) if x.ndim == 1 else diagonal(x, offset=offset)
