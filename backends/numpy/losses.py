"""The losses in their common form; class weights, ignored labels and smoothing take the reference implementation.

At the sizes people train on a CPU a loss is a few microseconds of arithmetic, so calls are what is saved.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

Array = Any


@lru_cache(maxsize=16)
def _starts(rows: int, columns: int) -> Array:
    """Where the rows of a matrix start among its elements."""
    starts = np.arange(0, rows * columns, columns)
    starts.flags.writeable = False
    return starts


def softmax_cross_entropy(logits: Array, labels: Array, reduction: str) -> tuple[Array, Array]:
    """Loss = log(sum(exp(x))) - x[label] of the logits shifted by their maximum; at least one row."""
    n, classes = logits.shape
    flat = _starts(n, classes) + labels.astype(np.int64, copy=False)  # int64 + uint64 would be float64
    gradient = np.empty((n, classes), logits.dtype)
    np.subtract(logits, np.maximum.reduce(logits, axis=1, keepdims=True), out=gradient)
    elements = gradient.reshape(-1)
    chosen = elements[flat]
    np.exp(gradient, out=gradient)
    total = np.add.reduce(gradient, axis=1, keepdims=True)
    loss = np.log(total[:, 0])
    loss -= chosen
    share = 1.0 / n if reduction == "mean" else 1.0
    if reduction != "none":
        loss = np.add.reduce(loss) * gradient.dtype.type(share)
    gradient *= share / total
    elements[flat] -= gradient.dtype.type(share)
    return np.asarray(loss), gradient


def soft_cross_entropy(logits: Array, target: Array, reduction: str) -> tuple[Array, Array]:
    """Loss = log(sum(exp(x))) * sum(t) - sum(t * x) of the logits shifted by their maximum; at least one element."""
    shifted = np.subtract(logits, np.maximum.reduce(logits, axis=1, keepdims=True))
    gradient = np.exp(shifted)
    total = np.add.reduce(gradient, axis=1, keepdims=True)
    target_sum = np.add.reduce(target, axis=1, keepdims=True)
    np.multiply(shifted, target, out=shifted, where=target != 0)  # a class that is not wanted may be -inf
    np.copyto(shifted, 0, where=target == 0)
    loss = np.log(total[:, 0])
    loss *= target_sum[:, 0]
    loss -= np.add.reduce(shifted, axis=1)
    np.divide(target_sum, total, out=total)
    gradient *= total
    gradient -= target
    if reduction == "none":
        return loss, gradient
    lost = np.add.reduce(loss)
    if reduction == "mean":
        lost = lost / logits.dtype.type(len(logits))
        gradient /= len(logits)
    return np.asarray(lost), gradient


def bce_with_logits(logits: Array, target: Array, weight: Array | None, reduction: str) -> tuple[Array, Array]:
    """Loss = max(x, 0) - t*x + log(1 + e), gradient = sigmoid(x) - t, with e = exp(-abs(x)); at least one element."""
    small = np.abs(logits)
    np.negative(small, out=small)
    np.exp(small, out=small)
    loss = np.log1p(small)
    loss += np.maximum(logits, 0)
    loss -= target * logits
    gradient = np.where(logits < 0, small, logits.dtype.type(1))
    small += 1
    gradient /= small
    gradient -= target
    if weight is not None:
        loss *= weight
        gradient *= weight
    if reduction == "none":
        return loss, gradient
    total = np.add.reduce(loss, axis=None)
    if reduction == "mean":
        total = total / logits.dtype.type(logits.size)
        gradient /= logits.size
    return np.asarray(total), gradient
