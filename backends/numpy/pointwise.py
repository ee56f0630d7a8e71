"""Activations that stand alone, a piece of the array after the other: what is between the steps stays in the cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.reference import POINTWISE

from . import special

Array = Any

PIECE = 2**13  # elements: a handful of arrays of so many are in the cache at once


def pointwise_forward(x: Array, function: str, alpha: float, beta: float) -> Array:
    forward: Callable[..., Array] = FORWARD.get(function) or POINTWISE[function].forward
    out = np.empty(x.shape, x.dtype)
    source, target = x.reshape(-1), out.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):  # of infinity alone; where PyTorch gives NaN, so does this
        for start in range(0, x.size, PIECE):
            piece = slice(start, start + PIECE)
            target[piece] = forward(np, _wide(source[piece]), alpha, beta)
    return out


def pointwise_backward(grad: Array, x: Array, function: str, alpha: float, beta: float) -> Array:
    backward: Callable[..., Array] = BACKWARD.get(function) or POINTWISE[function].backward
    out = np.empty(grad.shape, grad.dtype)
    gradient, source, target = grad.reshape(-1), x.reshape(-1), out.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, x.size, PIECE):
            piece = slice(start, start + PIECE)
            target[piece] = backward(np, _wide(source[piece]), _wide(gradient[piece]), alpha, beta)
    return out


def _gelu(xp: Any, x: Array, alpha: float, beta: float) -> Array:
    return 0.5 * x * (1 + special.erf(x * math.sqrt(0.5)))


def _gelu_backward(xp: Any, x: Array, grad: Array, alpha: float, beta: float) -> Array:
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return grad * (0.5 * (1 + special.erf(x * math.sqrt(0.5))) + x * density)


#: Where the reference takes its own slow erf.
FORWARD: dict[str, Callable[..., Array]] = {"gelu": _gelu}
BACKWARD: dict[str, Callable[..., Array]] = {"gelu": _gelu_backward}


def _wide(x: Array) -> Array:
    return x.astype(np.float32) if x.dtype == np.float16 else x
