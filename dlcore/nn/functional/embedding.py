"""Embedding: rows of a table by their number."""

from __future__ import annotations

import math
from typing import Any

from dlcore._dtypes import int64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, different_devices
from dlcore.nn.functional._args import floats
from dlcore.ops._common import as_tensor


class Embedding(Function):
    """(weight (V, D), index (...)) -> weight[index] (..., D); `as_gradient`: the transpose of EmbeddingGradient."""

    saves = (1,)

    def __init__(self, padding_idx: int | None, by_freq: bool, as_gradient: bool = False) -> None:
        self.settings, self.as_gradient = (padding_idx, by_freq), as_gradient

    def forward(self, weight: Any, index: Any) -> Any:
        self.rows = weight.shape[0]
        rows = weight[index]
        if self.as_gradient:
            padding_idx, by_freq = self.settings
            xp = self.xp
            if by_freq:
                rows = rows / self.backend.xp.astype(_counts(self, index), rows.dtype)[..., None]
            if padding_idx is not None:
                rows = xp.where((index == padding_idx)[..., None], xp.zeros_like(rows), rows)
        return rows

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved
        return EmbeddingGradient(self.rows, *self.settings)(grad, index), None


class EmbeddingGradient(Function):
    """(grad (..., D), index (...)) -> the sums (V, D) of what belongs to each row; the row `padding_idx` is zero.

    `by_freq`: divided by how often the row is in the index.
    """

    saves = (1,)

    def __init__(self, rows: int, padding_idx: int | None, by_freq: bool) -> None:
        self.rows, self.padding_idx, self.by_freq = rows, padding_idx, by_freq

    def forward(self, grad: Any, index: Any) -> Any:
        xp = self.xp
        if self.by_freq:
            grad = grad / xp.astype(_counts(self, index), grad.dtype)[..., None]
        flat = xp.astype(xp.reshape(index, (-1,)), int64, copy=False)
        sums = self.backend.scatter_add(xp.reshape(grad, (flat.shape[0], grad.shape[-1])), flat, self.rows)
        if self.padding_idx is not None:
            sums[self.padding_idx] = 0
        return sums

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = self.saved
        return Embedding(self.padding_idx, self.by_freq, as_gradient=True)(grad, index), None


def _counts(node: Any, index: Any) -> Any:
    """How often each element of the index is in it, in float32."""
    xp = node.xp
    flat = xp.astype(xp.reshape(index, (-1,)), int64, copy=False)
    counts = node.backend.scatter_add(xp.ones(flat.shape, dtype=xp.float32), flat, node.rows)
    return counts[index]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """weight[input]: rows of a table by their number.

    Args:
        input: integers of any shape, each in 0..V-1.
        weight: shape (V, D), float.
        padding_idx: a row that gets no gradient; negative ones count from the end.
        max_norm: rows that are looked up and whose `norm_type`-norm is larger are first scaled to it, in place.
        scale_grad_by_freq: divide the gradient of a row by how often it was looked up.
        sparse: gradients are dense here; True is refused.

    Returns:
        Shape (*input.shape, D).

    Raises:
        IndexError: a number out of range (on a GPU, at the next synchronisation).
        DTypeError, ShapeError: input that is not of integers, weight that is not a float matrix.
        ValueError: padding_idx out of range, max_norm or norm_type that is no number above 0, sparse.

    >>> F.embedding(dl.tensor([2, 0]), dl.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    index = as_tensor("embedding", "input", input)
    if index.dtype.kind not in "iu":
        raise DTypeError(f"embedding: input must be integers, got {index.dtype}")
    table = floats("embedding", "weight", weight)
    if table.ndim != 2:
        raise ShapeError(f"embedding: weight must have shape (V, D), got {table.shape}")
    if sparse:
        raise ValueError("embedding: sparse=True is not supported; gradients are dense")
    rows = table.shape[0]
    if index.size and not rows:
        raise IndexError(f"embedding: input of shape {index.shape} looks up rows of a table that has none")
    padding_idx = padding_row("embedding", padding_idx, rows)
    for argument, value in (("max_norm", max_norm), ("norm_type", norm_type)):
        wrong = isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0
        if wrong and not (value is None and argument == "max_norm"):
            raise ValueError(f"embedding: {argument} must be a number above 0, got {value!r}")
    if index._device is not table._device:
        raise different_devices("embedding", (index, table))
    backend = table._device.backend
    backend.check_index_range(index._array, 0, rows, f"embedding: input must be in 0..{rows - 1}, got ")
    if max_norm is not None and index.size:
        _renormalise(table, index._array, float(max_norm), float(norm_type))
    return Embedding(padding_idx, bool(scale_grad_by_freq))(table, index)


def padding_row(name: str, padding_idx: Any, rows: int) -> int | None:
    """`padding_idx` as a row from 0 on, or None."""
    if padding_idx is None:
        return None
    if isinstance(padding_idx, bool) or not hasattr(padding_idx, "__index__"):
        raise TypeError(f"{name}: padding_idx must be an int or None, got {padding_idx!r}")
    row = padding_idx.__index__()
    if not -rows <= row < rows:
        raise ValueError(f"{name}: padding_idx must be in {-rows}..{rows - 1}, got {row}")
    return int(row % rows)


def _renormalise(table: Tensor, index: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows of the index whose norm is too large, in place; a row that is named twice is written twice."""
    xp = table._device.backend.xp
    flat = xp.reshape(index, (-1,))
    rows = table._array[flat]
    wide = xp.astype(rows, xp.float32) if rows.dtype == xp.float16 else rows
    sizes = xp.abs(wide)
    if norm_type == math.inf:
        norms = xp.max(sizes, axis=1, keepdims=True)
    else:
        norms = xp.sum(sizes**norm_type, axis=1, keepdims=True) ** (1 / norm_type)
    scaled = wide * xp.where(norms > max_norm, max_norm / (norms + 1e-7), xp.ones_like(norms))
    table._array[flat] = xp.astype(scaled, rows.dtype)
    table._version[0] += 1
