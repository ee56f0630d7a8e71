"""Products of vectors, and what is read off a matrix."""

from __future__ import annotations

from typing import Any

from dlcore._dtypes import as_dtype
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops import rearranging
from dlcore.ops._arguments import axis_of
from dlcore.ops._broadcast import fit
from dlcore.ops._common import as_tensor, check_broadcast, conjugate
from dlcore.ops.contraction import Outer, numbers, tensordot, vecdot
from dlcore.ops.creation import astype
from dlcore.ops.matrix import matmul
from dlcore.ops.rearranging import moveaxis
from dlcore.ops.reduction import sum as sum_over
from dlcore.ops.shape import matrix_transpose, reshape

__all__ = ["cross", "diagonal", "matmul", "matrix_transpose", "outer", "tensordot", "trace", "vecdot"]


class Cross(Function):
    """The product along the last axis; (x, y, g) is unchanged by turning it: gx = y x g, gy = g x x, conjugated."""

    saves = (0, 1)

    def forward(self, x: Any, y: Any) -> Any:
        return self.xp.cross(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        return (
            fit(Cross()(conjugate(y), grad), x.shape) if self.needs(0) else None,
            fit(Cross()(grad, conjugate(x)), y.shape) if self.needs(1) else None,
        )


def cross(x1: Tensor, x2: Tensor, *, axis: int = -1) -> Tensor:
    """The vector product along an axis of size 3.

    Args:
        x1, x2: tensors of numbers with size 3 along `axis`; the other axes broadcast.
        axis: counted from the end where the numbers of axes differ.

    Raises:
        ShapeError: another size along the axis, or other axes that do not broadcast.
        DTypeError: bool tensors.

    >>> dl.linalg.cross(dl.tensor([1.0, 0.0, 0.0]), dl.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    x, y = numbers("cross", x1, x2)
    first, second = axis_of("cross", axis, x.ndim), axis_of("cross", axis, y.ndim)
    if x.shape[first] != 3 or y.shape[second] != 3:
        raise ShapeError(f"cross: axis {axis} must have size 3, got shapes {x.shape} and {y.shape}")
    if first - x.ndim != second - y.ndim:
        raise ShapeError(
            f"cross: axis {axis} is not the same of shapes {x.shape} and {y.shape} aligned at their ends; "
            "give it as a negative number"
        )
    shape = check_broadcast("cross", x, y)
    place = first - x.ndim
    if not (x.size and y.size):
        return reshape(x * y, shape)
    return moveaxis(Cross()(moveaxis(x, first, -1), moveaxis(y, second, -1)), -1, place)


def outer(x1: Tensor, x2: Tensor) -> Tensor:
    """The products of each element of one vector with each of another.

    Args:
        x1, x2: shapes (M,) and (N,), numbers.

    Returns:
        Shape (M, N).

    >>> dl.linalg.outer(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 10.0]))
    tensor([[ 1., 10.],
            [ 2., 20.]])
    """
    x, y = numbers("outer", x1, x2)
    if x.ndim != 1 or y.ndim != 1:
        raise ShapeError(f"outer: x1 and x2 must have one dimension, got shapes {x.shape} and {y.shape}")
    return Outer()(reshape(x, (x.shape[0], 1)), reshape(y, (1, y.shape[0])))


def diagonal(x: Tensor, *, offset: int = 0) -> Tensor:
    """The diagonals of matrices: (..., M, N) -> (..., L), as a read-only view. `dl.diagonal` takes other axes, too.

    >>> dl.linalg.diagonal(dl.tensor([[1, 2], [3, 4]]), offset=1)
    tensor([2])
    """
    return rearranging.diagonal(x, offset=offset)


def trace(x: Tensor, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum along the diagonals of matrices.

    Args:
        x: shape (..., M, N).
        offset: which diagonal, as in `diagonal`.
        dtype: sum in this dtype; default as `dl.sum` does, int64 for bool and integers.

    Returns:
        Shape (...).

    >>> dl.linalg.trace(dl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    x = as_tensor("trace", "x", x)
    if x.ndim < 2:
        raise ShapeError(f"trace: x needs at least 2 dimensions, got shape {x.shape}")
    found = rearranging.diagonal(x, offset=offset)
    if dtype is not None:
        wanted = as_dtype(dtype)
        if x.dtype.kind == "c" and wanted.kind != "c":
            raise DTypeError(f"trace: dtype {wanted} would lose the imaginary part of {x.dtype}")
        found = astype(found, wanted)
    return sum_over(found, axis=-1)
