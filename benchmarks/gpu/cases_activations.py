"""Activations that stand alone, as in a transformer's or a MobileNet's layers; losses of probabilities, and checks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cases import CASES, Case, Work, _float_bytes, _images, _normal, _probabilities, _rows


def _forward(function: str) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = _images(n, divide)
        return Work((_normal(rng, *shape), function), {}, 2 * _float_bytes(shape), 0)

    return make


def _backward(function: str) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = _images(n, divide)
        return Work((_normal(rng, *shape), _normal(rng, *shape), function), {}, 3 * _float_bytes(shape), 0)

    return make


def _cross_entropy(classes: int) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = _rows(n, divide, classes)
        return Work((_normal(rng, *shape), _probabilities(rng, shape, 1)), {}, 3 * _float_bytes(shape), 0)

    return make


def _check(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide)
    return Work((rng.random(shape, dtype=np.float32), 0.0, 1.0, "probabilities: "), {}, _float_bytes(shape), 0)


CASES += [
    *(Case(f"{f} forward 64 112^2", "pointwise_forward", _forward(f)) for f in ("gelu", "silu", "hardswish")),
    *(Case(f"{f} backward 64 112^2", "pointwise_backward", _backward(f)) for f in ("gelu", "silu", "hardswish")),
    *(Case(f"cross-entropy of probabilities {n}", "soft_cross_entropy", _cross_entropy(n)) for n in (10, 1000, 32768)),
    Case("probability check 64 112^2", "check_value_range", _check),
]
