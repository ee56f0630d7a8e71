"""Norms of matrices, and the rank."""

from __future__ import annotations

import math
from typing import Any

from dlcore._dtypes import int64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.linalg._matrices import Values, matrices, run
from dlcore.linalg.decompositions import DIVERGED, svdvals
from dlcore.linalg.solving import tolerance
from dlcore.ops._common import as_tensor, axes_of
from dlcore.ops.elementary import abs
from dlcore.ops.norms import vector_norm
from dlcore.ops.rearranging import moveaxis
from dlcore.ops.reduction import max as largest
from dlcore.ops.reduction import min as smallest
from dlcore.ops.reduction import sum as sum_over
from dlcore.ops.shape import reshape

__all__ = ["matrix_norm", "matrix_rank", "vector_norm"]


def matrix_norm(
    x: Tensor, *, keepdims: bool = False, ord: float | str = "fro", axis: tuple[int, int] = (-2, -1)
) -> Tensor:
    """The norm of matrices, a real number each.

    Args:
        x: shape (..., M, N), float or complex.
        keepdims: keep the two axes with size 1.
        ord: "fro": the root of the sum of squares; "nuc": the sum of the singular values; 2 and -2: the largest and the
            smallest of these; 1 and -1: the largest and the smallest sum of moduli of a column; inf and -inf: of a row.
        axis: the axes of the rows and of the columns.

    Those with singular values take float32, float64, complex64 and complex128. Gradients are PyTorch's: 0 for "fro" of
    zeros, shared evenly where several sums or singular values are the largest.

    Raises:
        ShapeError, DTypeError, ValueError: another shape, dtype or `ord`; the extreme of nothing.

    >>> x = dl.tensor([[3.0, 0.0], [0.0, -4.0]])
    >>> dl.linalg.matrix_norm(x), dl.linalg.matrix_norm(x, ord="nuc")
    (tensor(5.), tensor(7.))
    """
    x = as_tensor("matrix_norm", "x", x)
    if x.dtype.kind not in "fc":
        raise DTypeError(f"matrix_norm: x must be of a float or complex dtype, got {x.dtype}")
    if x.ndim < 2:
        raise ShapeError(f"matrix_norm: x needs at least 2 dimensions, got shape {x.shape}")
    axes = axes_of("matrix_norm", axis, x.ndim)
    if len(axes) != 2:
        raise ShapeError(f"matrix_norm: axis must name two dimensions, got {axis!r}")
    if isinstance(ord, bool) or ord not in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise ValueError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    kept = tuple([1 if i in axes else size for i, size in enumerate(x.shape)])
    if ord == "fro":
        return vector_norm(x, axis=axes, keepdims=keepdims)
    x = moveaxis(x, axes, (-2, -1))
    if ord in ("nuc", 2, -2):
        values = svdvals(matrices("matrix_norm", "x", x))
    else:
        values = sum_over(abs(x), axis=-2 if ord in (1, -1) else -1)
    if ord != "nuc" and not values.shape[-1]:
        raise ShapeError(f"matrix_norm: no norm with ord={ord!r} of an empty matrix, shape {x.shape[-2:]}")
    if ord == "nuc":
        result = sum_over(values, axis=-1)
    else:
        result = (largest if ord in (1, 2, math.inf) else smallest)(values, axis=-1)
    return reshape(result, kept) if keepdims else result


def matrix_rank(x: Tensor, *, rtol: float | Tensor | None = None) -> Tensor:
    """How many singular values are larger than `rtol` times the largest.

    Args:
        x: shape (..., M, N), float or complex.
        rtol: a number, or a tensor of the leading shape of x; default max(M, N) times the dtype's machine epsilon.

    Returns:
        int64, shape (...).

    >>> dl.linalg.matrix_rank(dl.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    x = matrices("matrix_rank", "x", x)
    bound = tolerance("matrix_rank", x, rtol)

    def rank(xp: Any, array: Any) -> Any:
        if not array.size:
            return xp.zeros(array.shape[:-2], dtype=int64)
        values = run("matrix_rank", DIVERGED, xp.linalg.svd, array, compute_uv=False)
        return xp.sum(values > bound * xp.max(values, axis=-1, keepdims=True), axis=-1, dtype=int64)

    return Values(rank)(x.detach())
