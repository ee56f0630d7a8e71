"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import fit
from dlcore.ops._common import as_tensor, conjugate, pair
from dlcore.ops.shape import matrix_transpose, reshape

__all__ = ["matmul"]


class MatMul(Function):
    """(..., M, K) @ (..., K, N): Giles, 2008, "Collected matrix derivative results", section 2.2."""

    saves = (0, 1)

    def forward(self, x: Any, y: Any) -> Any:
        return self.backend.matmul(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        return (
            fit(MatMul()(grad, conjugate(matrix_transpose(y))), x.shape) if self.needs(0) else None,
            fit(MatMul()(conjugate(matrix_transpose(x)), grad), y.shape) if self.needs(1) else None,
        )


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """The matrix product. Also `x @ y`.

    Args:
        x: shape (..., M, K), or (K,) for a row vector.
        y: shape (..., K, N), or (K,) for a column vector. Leading axes broadcast.

    Returns:
        Shape (..., M, N); the axis of a vector is left out, so two vectors give their inner product, shape ().

    Raises:
        ShapeError: 0-d arguments, inner sizes that differ, or leading axes that do not broadcast.
        DTypeError: bool tensors.

    >>> dl.matmul(dl.tensor([[1.0, 2.0]]), dl.tensor([3.0, 4.0]))
    tensor([11.])
    """
    x, y = pair("matmul", as_tensor("matmul", "x", x), as_tensor("matmul", "y", y))
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"matmul: x and y need at least one dimension, got shapes {x.shape} and {y.shape}")
    inner = y.shape[0] if y.ndim == 1 else y.shape[-2]
    if x.shape[-1] != inner:
        raise ShapeError(
            f"matmul: the last axis of x (shape {x.shape}) and the {'first' if y.ndim == 1 else 'second last'} axis "
            f"of y (shape {y.shape}) must have one size, got {x.shape[-1]} and {inner}"
        )
    if x.dtype.kind == "b":
        raise DTypeError("matmul: not defined for bool; convert with astype")
    row, column = x.ndim == 1, y.ndim == 1
    if row:
        x = reshape(x, (1, x.shape[0]))
    if column:
        y = reshape(y, (y.shape[0], 1))
    if x.ndim > 2 or y.ndim > 2:
        _check_batch(x, y)
    result = MatMul()(x, y)
    if row or column:
        shape = result.shape[:-2] + (() if row else (result.shape[-2],)) + (() if column else (result.shape[-1],))
        result = reshape(result, shape)
    return result


def _check_batch(x: Tensor, y: Tensor) -> None:
    try:
        np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise ShapeError(f"matmul: leading axes of shapes {x.shape} and {y.shape} do not broadcast together") from None
