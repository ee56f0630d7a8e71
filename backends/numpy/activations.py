"""Bias with activation, and softmax, in as few passes over memory as NumPy allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .masking import keep_where
from .workspace import scratch_like

Array = Any

SMALL = 2**14  # elements; below about this, one slower pass beats several fast ones

#: The activations that are written out here; the others take the reference implementation.
FORWARD = frozenset({"identity", "relu", "sigmoid", "tanh"})
BACKWARD = frozenset({"identity", "relu", "leaky_relu"})


def has_forward(activation: str, alpha: float) -> bool:
    """Whether it is written out here; a leaky ReLU that is the larger of x and alpha * x is."""
    return activation in FORWARD or (activation == "leaky_relu" and 0 < alpha <= 1)


def bias_activation_forward(
    x: Array, bias: Array | None, activation: str, alpha: float, axis: int, out: Array | None
) -> Array:
    if out is None:
        out = np.empty_like(x)
    if bias is not None:
        x = np.add(x, _along(bias, axis, x.ndim), out=out)
    if activation == "relu":
        np.maximum(x, 0, out=out)
    elif activation == "leaky_relu":
        np.maximum(x, np.multiply(x, x.dtype.type(alpha), out=scratch_like(x, "leaky", x.dtype)), out=out)
    elif activation == "tanh":
        np.tanh(x, out=out)
    elif activation == "sigmoid":
        np.negative(x, out=out)
        with np.errstate(over="ignore"):  # exp gives inf, and 1 / (1 + inf) the right 0
            np.exp(out, out=out)
        np.add(out, 1, out=out)
        np.divide(1, out, out=out)
    elif x is not out:
        np.copyto(out, x)
    return out


def activation_backward(grad: Array, saved: Array, activation: str, alpha: float) -> Array:
    if activation == "relu" and grad.size <= SMALL:
        return np.where(saved != 0, grad, 0)
    result = np.empty_like(grad)
    if activation == "relu":  # its output is positive, zero or NaN; at NaN the gradient passes, as in PyTorch
        keep_where(grad, np.not_equal(saved, 0, out=scratch_like(saved, "mask", np.bool_)), result)
    elif activation == "leaky_relu":
        kind = grad.dtype.type
        np.multiply(grad, np.where(saved > 0, kind(1), kind(alpha)), out=result)
    else:
        np.copyto(result, grad)
    return result


def all_axes_but(axis: int, ndim: int) -> tuple[int, ...]:
    """The axes over which the gradient of a bias along `axis` is summed."""
    return tuple([i for i in range(ndim) if i != axis % ndim])


def softmax_forward(x: Array, axis: int, log: bool) -> Array:
    out = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True))
    if log:
        total = np.add.reduce(np.exp(out), axis=axis, keepdims=True)
        out -= np.log(total, out=total)
    else:
        np.exp(out, out=out)
        out /= np.add.reduce(out, axis=axis, keepdims=True)
    return out


def softmax_backward(grad: Array, output: Array, axis: int, log: bool) -> Array:
    if log:
        result = np.exp(output)
        result *= np.add.reduce(grad, axis=axis, keepdims=True)
        return np.subtract(grad, result, out=result)
    result = np.multiply(grad, output)
    total = np.add.reduce(result, axis=axis, keepdims=True)
    np.subtract(grad, total, out=result)
    result *= output
    return result


def _along(bias: Array, axis: int, ndim: int) -> Array:
    """`bias` (n,) so that it broadcasts along `axis`."""
    after = ndim - 1 - axis % ndim
    return bias.reshape(-1, *(1,) * after) if after else bias
