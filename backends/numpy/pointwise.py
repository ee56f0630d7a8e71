"""Activations that stand alone, a piece of the array after the other: what is between the steps stays in the cache.

The common ones are written out with few steps, in place; the others are those of the reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.reference import POINTWISE

from . import special
from .masking import keep_where

Array = Any

PIECE = 2**14  # elements: a handful of arrays of so many are in the cache at once


def _hardtanh(x: Array, out: Array, alpha: float, beta: float) -> None:
    np.maximum(x, x.dtype.type(alpha), out=out)
    np.minimum(out, out.dtype.type(beta), out=out)


def _hardsigmoid(x: Array, out: Array, alpha: float, beta: float) -> None:
    np.add(x, 3, out=out)
    _hardtanh(out, out, 0.0, 6.0)
    out /= 6


def _hardswish(x: Array, out: Array, alpha: float, beta: float) -> None:
    _hardsigmoid(x, out, alpha, beta)
    out *= x


def _silu(x: Array, out: Array, alpha: float, beta: float) -> None:
    np.negative(x, out=out)
    np.exp(out, out=out)  # infinity where x is far below 0, and x / infinity the right 0
    out += 1
    np.divide(x, out, out=out)


def _twice_gelu_share(x: Array) -> Array:
    """1 + erf(x / sqrt(2)): twice the share of the normal distribution below x."""
    share = special.erf(x * x.dtype.type(math.sqrt(0.5)))
    share += 1
    return share


def _gelu(x: Array, out: Array, alpha: float, beta: float) -> None:
    np.multiply(_twice_gelu_share(x), x, out=out)
    out *= 0.5


#: (x, out, alpha, beta); out is not x.
FORWARD: dict[str, Callable[[Array, Array, float, float], None]] = {
    "hardtanh": _hardtanh,
    "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish,
    "silu": _silu,
    "gelu": _gelu,
}


def _hardtanh_backward(grad: Array, x: Array, out: Array, alpha: float, beta: float) -> None:
    outside = x <= alpha
    outside |= x >= beta  # NaN is not, and the gradient passes
    keep_where(grad, np.logical_not(outside, out=outside), out)


def _silu_backward(grad: Array, x: Array, out: Array, alpha: float, beta: float) -> None:
    s = np.negative(x)
    np.exp(s, out=s)
    s += 1
    np.divide(1, s, out=s)
    np.subtract(1, s, out=out)  # s * (1 + x * (1 - s))
    out *= x
    out += 1
    out *= s
    out *= grad


def _gelu_backward(grad: Array, x: Array, out: Array, alpha: float, beta: float) -> None:
    np.multiply(x, x, out=out)
    out *= -0.5
    np.exp(out, out=out)
    out *= x
    out *= math.sqrt(2 / math.pi)
    out += _twice_gelu_share(x)
    out *= grad
    out *= 0.5


#: (gradient, x, out, alpha, beta); out is a new array.
BACKWARD: dict[str, Callable[[Array, Array, Array, float, float], None]] = {
    "hardtanh": _hardtanh_backward,
    "silu": _silu_backward,
    "gelu": _gelu_backward,
}


def pointwise_forward(x: Array, function: str, alpha: float, beta: float) -> Array:
    out = np.empty(x.shape, x.dtype)
    source, target = x.reshape(-1), out.reshape(-1)
    fast = FORWARD.get(function) if x.dtype != np.float16 else None
    forward = POINTWISE[function].forward
    with np.errstate(over="ignore", invalid="ignore"):  # of infinity alone; where PyTorch gives NaN, so does this
        for start in range(0, x.size, PIECE):
            piece = slice(start, start + PIECE)
            if fast is None:
                target[piece] = forward(np, _wide(source[piece]), alpha, beta)
            else:
                fast(source[piece], target[piece], alpha, beta)
    return out


def pointwise_backward(grad: Array, x: Array, function: str, alpha: float, beta: float) -> Array:
    out = np.empty(grad.shape, grad.dtype)
    gradient, source, target = grad.reshape(-1), x.reshape(-1), out.reshape(-1)
    fast = BACKWARD.get(function) if grad.dtype == x.dtype != np.float16 else None
    backward = POINTWISE[function].backward
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, x.size, PIECE):
            piece = slice(start, start + PIECE)
            if fast is None:
                target[piece] = backward(np, _wide(source[piece]), _wide(gradient[piece]), alpha, beta)
            else:
                fast(gradient[piece], source[piece], target[piece], alpha, beta)
    return out


def _wide(x: Array) -> Array:
    return x.astype(np.float32) if x.dtype == np.float16 else x
