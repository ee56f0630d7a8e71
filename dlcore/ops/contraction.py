"""Products of tensors by axes: tensordot, vecdot. Both are matrix products of rearranged operands."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.ops._arguments import axis_of
from dlcore.ops._common import as_tensor, axes_of, check_broadcast, conjugate, pair
from dlcore.ops.matrix import MatMul, matmul
from dlcore.ops.rearranging import moveaxis
from dlcore.ops.shape import expand_dims, permute_dims, reshape, squeeze

__all__ = ["tensordot", "vecdot"]


class Outer(MatMul):
    """(..., M, 1) times (..., 1, N): a product that broadcasts is faster, in the gradients a matrix product is."""

    def forward(self, x: Any, y: Any) -> Any:
        return x * y


def tensordot(x1: Tensor, x2: Tensor, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Tensor:
    """Products of elements, summed over axes of one tensor and equally long ones of the other.

    Args:
        x1, x2: tensors of numbers.
        axes: n for the last n axes of x1 and the first n of x2 (0: the outer product), or the axes of each.

    Returns:
        The remaining axes of x1, then those of x2.

    Raises:
        ShapeError: axes that are not there, are named twice, or differ in size; other numbers of axes.
        DTypeError: bool tensors.

    >>> dl.tensordot(dl.ones((2, 3, 4)), dl.ones((3, 4, 5))).shape
    (2, 5)
    >>> dl.tensordot(dl.ones((2, 3)), dl.ones((5, 2)), axes=((0,), (1,))).shape
    (3, 5)
    """
    x, y = numbers("tensordot", x1, x2)
    if isinstance(axes, (tuple, list)):
        if len(axes) != 2:
            raise ValueError(f"tensordot: axes must be an int or a pair of sequences, got {axes!r}")
        if axes[0] is None or axes[1] is None:
            raise TypeError(f"tensordot: axes must be an int or a pair of sequences, got {axes!r}")
        left, right = axes_of("tensordot", axes[0], x.ndim), axes_of("tensordot", axes[1], y.ndim)
        if len(left) != len(right):
            raise ShapeError(f"tensordot: axes {axes!r} name {len(left)} of x1 and {len(right)} of x2")
    else:
        if isinstance(axes, bool) or not hasattr(axes, "__index__"):
            raise TypeError(f"tensordot: axes must be an int or a pair of sequences, got {axes!r}")
        count = axes.__index__()
        if not 0 <= count <= min(x.ndim, y.ndim):
            raise ShapeError(
                f"tensordot: axes={count}, but x1 of shape {x.shape} and x2 of shape {y.shape} have 0 to "
                f"{min(x.ndim, y.ndim)} in common"
            )
        left, right = tuple(range(x.ndim - count, x.ndim)), tuple(range(count))
    for i, j in zip(left, right, strict=True):
        if x.shape[i] != y.shape[j]:
            raise ShapeError(
                f"tensordot: axis {i} of x1 (shape {x.shape}) and axis {j} of x2 (shape {y.shape}) must have one size"
            )
    rows, columns = ([i for i in range(z.ndim) if i not in used] for z, used in ((x, left), (y, right)))
    kept = (*[x.shape[i] for i in rows], *[y.shape[j] for j in columns])
    inner = prod([x.shape[i] for i in left])
    x = reshape(permute_dims(x, (*rows, *left)), (prod([x.shape[i] for i in rows]), inner))
    y = reshape(permute_dims(y, (*right, *columns)), (inner, prod([y.shape[j] for j in columns])))
    return reshape(matmul(x, y), kept)


def vecdot(x1: Tensor, x2: Tensor, *, axis: int = -1) -> Tensor:
    """The inner product of vectors along an axis: the sum of conj(x1) * x2.

    Args:
        x1, x2: tensors of numbers whose sizes agree along `axis`; the other axes broadcast.
        axis: counted from the end where the numbers of axes differ.

    Raises:
        ShapeError: an axis that is not there or differs in size; other axes that do not broadcast.
        DTypeError: bool tensors.

    >>> dl.vecdot(dl.tensor([[1.0, 2.0], [3.0, 4.0]]), dl.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    x, y = numbers("vecdot", x1, x2)
    first, second = axis_of("vecdot", axis, x.ndim), axis_of("vecdot", axis, y.ndim)
    if x.shape[first] != y.shape[second]:
        raise ShapeError(f"vecdot: axis {axis} of x1 (shape {x.shape}) and x2 (shape {y.shape}) must have one size")
    x, y = moveaxis(x, first, -1), moveaxis(y, second, -1)
    check_broadcast("vecdot", x, y)
    product = matmul(expand_dims(conjugate(x), axis=-2), expand_dims(y, axis=-1))  # (..., 1, K) @ (..., K, 1)
    return squeeze(product, axis=(-2, -1))


def numbers(name: str, x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Two tensors of one dtype that is not bool."""
    x, y = pair(name, as_tensor(name, "x1", x1), as_tensor(name, "x2", x2))
    if x.dtype.kind == "b":
        raise DTypeError(f"{name}: not defined for bool; convert with astype")
    return x, y
