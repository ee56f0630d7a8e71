"""Losses that come with their gradient: cross-entropy of logits, and its binary form.

Both follow PyTorch (`torch.nn.functional.cross_entropy`, `binary_cross_entropy_with_logits`).
"""

from __future__ import annotations

from typing import Any, Literal

from ._precision import cast, compute_dtype, wide
from .activations import sigmoid
from .softmax import softmax_forward

Array = Any


def softmax_cross_entropy(
    xp: Any,
    logits: Array,
    labels: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: Literal["none", "mean", "sum"] = "mean",
) -> tuple[Array, Array]:
    """With t = the (smoothed, weighted) target distribution: loss = -sum(t * log p), gradient = p * sum(t) - t."""
    x = wide(xp, logits)
    classes = x.shape[1]
    class_weight = xp.ones((classes,), dtype=x.dtype) if weight is None else cast(xp, weight, x.dtype)
    labels = xp.asarray(labels, dtype=xp.int64)
    counts = labels != ignore_index
    label = xp.where(counts, labels, xp.zeros_like(labels))
    row_weight = xp.where(counts, xp.take(class_weight, label, axis=0), xp.zeros((), dtype=x.dtype))

    log_p = softmax_forward(xp, x, 1, log=True)
    is_label = xp.arange(classes, dtype=xp.int64) == label[:, None]
    zero = xp.zeros_like(x)
    # Only the label's own log p counts: those of other classes may be -inf, and so may all of an ignored row.
    hard = xp.sum(xp.where(is_label & counts[:, None], log_p, zero), axis=1)
    loss = -(1 - label_smoothing) * row_weight * hard
    target = xp.where(is_label, (1 - label_smoothing) * row_weight[:, None], zero)
    if label_smoothing > 0:
        share = label_smoothing / classes * class_weight
        loss = loss - xp.sum(share * log_p, axis=1)
        target = target + share
    loss = xp.where(counts, loss, xp.zeros_like(loss))
    gradient = xp.exp(log_p) * xp.sum(target, axis=1, keepdims=True) - target
    loss, gradient = _reduce(xp, loss, gradient, xp.sum(row_weight), reduction)
    gradient = xp.where(counts[:, None], gradient, zero)
    return xp.asarray(loss, dtype=logits.dtype), cast(xp, gradient, logits.dtype)


def soft_cross_entropy(
    xp: Any,
    logits: Array,
    target: Array,
    weight: Array | None = None,
    label_smoothing: float = 0.0,
    reduction: Literal["none", "mean", "sum"] = "mean",
) -> tuple[Array, Array]:
    x = wide(xp, logits)
    t = (1 - label_smoothing) * cast(xp, target, x.dtype) + label_smoothing / x.shape[1]
    if weight is not None:
        t = t * cast(xp, weight, x.dtype)
    log_p = softmax_forward(xp, x, 1, log=True)
    zero = xp.zeros_like(x)
    loss = -xp.sum(t * xp.where(t == 0, zero, log_p), axis=1)
    gradient = xp.exp(log_p) * xp.sum(t, axis=1, keepdims=True) - t
    loss, gradient = _reduce(xp, loss, gradient, xp.asarray(x.shape[0], dtype=x.dtype), reduction)
    return xp.asarray(loss, dtype=logits.dtype), cast(xp, gradient, logits.dtype)


def bce_with_logits(
    xp: Any,
    logits: Array,
    target: Array,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    reduction: Literal["none", "mean", "sum"] = "mean",
) -> tuple[Array, Array]:
    x = wide(xp, logits)
    t = cast(xp, target, compute_dtype(xp, logits))
    w = xp.ones((), dtype=x.dtype) if weight is None else cast(xp, weight, x.dtype)
    log_weight = 1 if pos_weight is None else 1 + (cast(xp, pos_weight, x.dtype) - 1) * t
    # log(1 + exp(-x)), whose exponential never overflows
    softplus = xp.maximum(-x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))
    loss = w * ((1 - t) * x + log_weight * softplus)
    gradient = w * ((1 - t) - log_weight * sigmoid(xp, -x))
    count = xp.asarray(x.size, dtype=x.dtype)
    loss, gradient = _reduce(xp, loss, gradient, count, reduction)
    return xp.asarray(loss, dtype=logits.dtype), cast(xp, gradient, logits.dtype)


def _reduce(xp: Any, loss: Array, gradient: Array, total_weight: Array, reduction: str) -> tuple[Array, Array]:
    """A mean over nothing is NaN, as in PyTorch."""
    if reduction == "none":
        return loss, gradient
    if reduction == "sum":
        return xp.sum(loss), gradient
    divisor = xp.where(total_weight == 0, xp.full_like(total_weight, xp.nan), total_weight)
    return xp.sum(loss) / divisor, gradient / divisor
