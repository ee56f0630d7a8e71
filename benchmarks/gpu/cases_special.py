"""The error function and its kin on long arrays: erf as exact GELU needs it, erfinv as a truncated normal does."""

from __future__ import annotations

import numpy as np

from .cases import CASES, Case, Work, _normal, _size


def _any(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((_normal(rng, size),), {}, 8 * size, 0)


def _inside(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((rng.random(size, dtype=np.float32) * np.float32(1.998) - np.float32(0.999),), {}, 8 * size, 0)


CASES += [
    Case("erf 25M", "erf", _any),
    Case("erfc 25M", "erfc", _any),
    Case("erfinv 25M", "erfinv", _inside),
]
