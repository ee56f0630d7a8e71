"""Losses with a margin: they want a score to be on its side of a line, or the right one ahead of the others."""

from __future__ import annotations

from typing import Any

from dlcore._dtypes import int64
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.nn.functional._args import floats, real_number, reduction_of, same_dtype
from dlcore.nn.functional._losses import class_indices, factor, numbers_like, reduced, same_shape
from dlcore.nn.functional.activation import relu
from dlcore.nn.functional.smooth import logsigmoid
from dlcore.ops import clip, expand_dims, mean, not_equal, reshape, square, take_along_axis, where
from dlcore.ops import sum as sum_
from dlcore.ops._common import as_tensor, plain


def hinge_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """max(0, 1 - t * x): the loss of support vector machines; derivative -t where t * x < 1, else 0.

    Cortes, Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    Args:
        input: scores, float, any shape.
        target: 1 or -1, integer or of that dtype, of the same shape.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        ValueError: an unknown reduction; a target other than 1 and -1 (on CUDA at the next synchronisation).

    >>> F.hinge_loss(dl.tensor([0.5, 3.0]), dl.tensor([1, -1]), reduction="none")
    tensor([0.5, 4. ])
    """
    x, t = _scored("hinge_loss", input, target)
    reduction_of("hinge_loss", reduction)
    message = "hinge_loss: target must be 1 or -1, got one whose square is "
    x._device.backend.check_value_range(t._array * t._array, 1.0, 1.0, message)
    return reduced("hinge_loss", relu(1 - t * x), reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x for a pair that belongs together (target 1), max(0, margin - x) for one that does not (-1), x a distance.

    Args:
        input: distances, float, any shape.
        target: 1 or -1, integer or of that dtype, of the same shape.
        margin: how far apart is far enough.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: an unknown reduction.

    >>> F.hinge_embedding_loss(dl.tensor([0.5, 0.25]), dl.tensor([1, -1]), reduction="none")
    tensor([0.5 , 0.75])
    """
    name = "hinge_embedding_loss"
    x, t = _scored(name, input, target)
    limit = real_number(name, "margin", margin)
    apart = where(not_equal(t, 1), clip(limit - x, min=0), 0.0)
    return reduced(name, apart + where(not_equal(t, -1), x, 0.0), reduction)


def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-t * x)), without overflow; derivative -t * sigmoid(-t * x). Arguments as `hinge_embedding_loss`.

    >>> round(F.soft_margin_loss(dl.zeros(2), dl.tensor([1, -1])).item(), 4)
    0.6931
    """
    x, t = _scored("soft_margin_loss", input, target)
    return reduced("soft_margin_loss", -logsigmoid(t * x), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, -t * (x1 - x2) + margin): x1 is to be above x2 where the target is 1, below it where it is -1.

    Args:
        input1, input2: scores, float, of one shape and dtype.
        target: 1 or -1, integer or of that dtype, of the same shape.
        margin: by how much.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: an unknown reduction.

    >>> F.margin_ranking_loss(dl.tensor([1.0]), dl.tensor([3.0]), dl.tensor([1])).item()
    2.0
    """
    name = "margin_ranking_loss"
    x1, x2 = floats(name, "input1", input1), floats(name, "input2", input2)
    same_dtype(name, input1=x1, input2=x2)
    t = numbers_like(name, "target", target, x1)
    same_shape(name, input1=x1, input2=x2, target=t)
    return reduced(name, clip(-t * (x1 - x2) + real_number(name, "margin", margin), min=0), reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum of w * max(0, margin - x[target] + x[i])^p over the other classes i, divided by their number C.

    Crammer, Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", JMLR 2, 2001.

    Args:
        input: scores (N, C) or (C,), float.
        target: class indices in 0..C-1, (N,) or ().
        p: 1 or 2.
        margin: how far the right class is to be ahead.
        weight: a factor for each class of a target, (C,).
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        IndexError: a target out of range. ValueError: p or reduction.

    >>> F.multi_margin_loss(dl.tensor([[0.0, 0.5, 2.0]]), dl.tensor([2])).item()
    0.0
    """
    name = "multi_margin_loss"
    x = floats(name, "input", input)
    reduction_of(name, reduction)
    if p not in (1, 2):
        raise ValueError(f"{name}: p must be 1 or 2, got {p!r}")
    limit = real_number(name, "margin", margin)
    labels = as_tensor(name, "target", target)
    shape = labels.shape
    if x.ndim <= 1 and labels.size == 1:
        x, labels = reshape(x, (1, x.size)), reshape(labels, (1,))
    if x.ndim != 2 or len(shape) > 1:
        raise ShapeError(
            f"{name}: target of shape {shape} does not fit input of shape {input.shape}: expected (N, C) and (N,), or "
            "(C,) and ()"
        )
    labels, _ = class_indices(name, x, labels)
    classes = x.shape[1]
    w = None if weight is None else factor(name, "weight", weight, x, (classes,))
    backend = x._device.backend
    backend.check_index_range(labels._array, 0, classes, f"{name}: target must be in 0..{classes - 1}, got ")
    place = expand_dims(labels.astype("int64"), axis=1)
    ahead = relu(limit - take_along_axis(x, place, axis=1) + x)
    others = plain(x, backend.xp.arange(classes, dtype=place.dtype) != place._array)
    loss = where(others, ahead if p == 1 else square(ahead), 0.0)
    if w is not None:
        loss = loss * plain(x, w._array[place._array])
    return reduced(name, reshape(sum_(loss, axis=1) * (1 / classes), shape), reduction)


def multilabel_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """sum of max(0, 1 - x[j] + x[i]) over the right classes j and the wrong ones i, divided by the number of classes C.

    Args:
        input: scores (N, C) or (C,), float.
        target: the right classes, as a list of indices that -1 ends, in a tensor of the same shape.
        reduction: "mean", "sum" or "none", over the rows.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together.
        IndexError: a target that is not in -1..C-1. ValueError: an unknown reduction.

    >>> round(F.multilabel_margin_loss(dl.tensor([0.1, 0.2, 0.4, 0.8]), dl.tensor([3, 0, -1, 1])).item(), 4)
    0.85
    """
    name = "multilabel_margin_loss"
    x, labels = floats(name, "input", input), as_tensor(name, "target", target)
    reduction_of(name, reduction)
    same_shape(name, input=x, target=labels)
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"{name}: target must hold class indices (integers), got {labels.dtype}")
    classes, rows = x.shape[-1] if x.ndim else 1, x.shape[:-1]  # as in PyTorch, a number is a single class
    if x.ndim > 2 or classes == 0:
        raise ShapeError(f"{name}: input must have shape (N, C) or (C,) with C > 0, got {x.shape}")
    backend = x._device.backend
    backend.check_index_range(labels._array, -1, classes, f"{name}: target must be in -1..{classes - 1}, got ")
    scores, xp = reshape(x, (-1 if x.size else 0, classes)), backend.xp
    listed = xp.astype(xp.reshape(labels._array, scores.shape), int64)
    counts = xp.cumprod(xp.astype(listed >= 0, int64), axis=1) != 0  # up to the first -1
    listed = xp.where(counts, listed, xp.zeros_like(listed))
    hits = (listed[:, :, None] == xp.arange(classes, dtype=int64)) & counts[:, :, None]
    pairs = counts[:, :, None] & ~xp.any(hits, axis=1)[:, None, :]  # (row, place in the list, class)
    right = take_along_axis(scores, plain(x, listed), axis=1)
    behind = relu(1 - expand_dims(right, axis=2) + expand_dims(scores, axis=1))
    loss = sum_(where(plain(x, pairs), behind, 0.0), axis=(1, 2)) * (1 / classes)
    return reduced(name, reshape(loss, rows), reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-(t log(sigmoid(x)) + (1 - t) log(sigmoid(-x))), averaged over the classes: several of them may be right.

    Args:
        input: logits (N, C) or (C,), float.
        target: 1 for the classes that are right, else 0; integer or of that dtype, of the same shape.
        weight: a factor that broadcasts to that shape.
        reduction: "mean", "sum" or "none", over the rows.

    Raises:
        ShapeError, DTypeError: arguments that do not fit together. ValueError: an unknown reduction.

    >>> round(F.multilabel_soft_margin_loss(dl.zeros((1, 2)), dl.tensor([[1, 0]])).item(), 4)
    0.6931
    """
    name = "multilabel_soft_margin_loss"
    x, t = _scored(name, input, target)
    if not x.ndim:
        raise ShapeError(f"{name}: input must have an axis of classes, got shape ()")
    loss = -(t * logsigmoid(x) + (1 - t) * logsigmoid(-x))
    if weight is not None:
        loss = loss * factor(name, "weight", weight, x)
    return reduced(name, mean(loss, axis=-1), reduction)


def _scored(name: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    x = floats(name, "input", input)
    t = numbers_like(name, "target", target, x)
    same_shape(name, input=x, target=t)
    return x, t
