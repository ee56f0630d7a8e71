"""Dropout (Srivastava et al., 2014) whose mask is a function of a position in the random sequence."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ._precision import cast, wide
from .philox import philox

if TYPE_CHECKING:
    from dlcore._specs import PhiloxCounter

Array = Any


def dropout_mask(xp: Any, shape: tuple[int, ...], p: float, counter: PhiloxCounter) -> Array:
    """True where an element is kept: where the upper 24 bits of its word are at least round(p * 2**24)."""
    words = philox(xp, counter, prod(shape))
    return xp.reshape((words >> 8) >= round(p * 2**24), shape)


def dropout_scale(p: float) -> float:
    """1 / (1 - p); with p = 1 nothing is kept, and any finite number does."""
    return 1.0 / (1.0 - p) if p < 1 else 1.0


def dropout_forward(xp: Any, x: Array, p: float, counter: PhiloxCounter) -> tuple[Array, Array | None]:
    kept = dropout_mask(xp, x.shape, p, counter)
    return _apply(xp, x, p, kept), kept


def dropout_backward(xp: Any, grad: Array, p: float, counter: PhiloxCounter, mask: Array | None) -> Array:
    kept = dropout_mask(xp, grad.shape, p, counter) if mask is None else mask
    return _apply(xp, grad, p, kept)


def _apply(xp: Any, x: Array, p: float, kept: Array) -> Array:
    values = wide(xp, x)
    return cast(xp, xp.where(kept, values * dropout_scale(p), xp.zeros_like(values)), x.dtype)
