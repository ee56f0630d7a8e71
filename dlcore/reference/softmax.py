"""Softmax and log-softmax, and their gradients."""

from __future__ import annotations

from typing import Any

from ._precision import cast, compute_dtype, wide

Array = Any


def softmax_forward(xp: Any, x: Array, axis: int, log: bool = False) -> Array:
    if x.shape[axis] == 0:  # an empty maximum does not exist
        return xp.zeros_like(x)
    values = wide(xp, x)
    shifted = values - xp.max(values, axis=axis, keepdims=True)
    exponentials = xp.exp(shifted)
    total = xp.sum(exponentials, axis=axis, keepdims=True)
    return cast(xp, shifted - xp.log(total) if log else exponentials / total, x.dtype)


def softmax_backward(xp: Any, grad: Array, output: Array, axis: int, log: bool = False) -> Array:
    g, y = wide(xp, grad), cast(xp, output, compute_dtype(xp, grad))
    if log:
        result = g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True)
    else:
        result = y * (g - xp.sum(g * y, axis=axis, keepdims=True))
    return cast(xp, result, grad.dtype)
