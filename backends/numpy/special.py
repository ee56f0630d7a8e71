"""erf, erfc and erfinv: the formulas of the reference, each for those elements alone that are in its interval.

Long arrays are worked on in parts that the cache can hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore.reference.special import (
    AT_1,
    CENTRE,
    FAR_TAIL,
    NEAR_0,
    NEAR_1,
    QUANTILE_FAR,
    QUANTILE_TAIL,
    TAIL,
)

Array = Any
Numbers = tuple[float, ...]

_PART = 8192

# erf(x) for float32: x p/q in x^2, off by 0.4 units in its last place up to where it is 1. Eigen's numbers, from the
# constant upwards; computed in float64, for float32 would add five more units.
_SINGLE = (
    (1.128379143519084, 0.18520832239976145, 0.050955695062380861, 0.0034082910107109506, 0.00022905065861350646),
    (1.0, 0.49746925110067538, 0.11098505178285362, 0.014070470171167667, 0.0010179625278914885,
     0.000023547966471313185, -1.1791602954361697e-7),
)  # fmt: skip
_ONE_FROM = 3.84


def erf(x: Array) -> Array:
    return _by_parts(_erf32 if x.dtype == np.float32 else _erf, x)


def erfc(x: Array) -> Array:
    return _by_parts(_erfc, x)


def erfinv(x: Array) -> Array:
    return _by_parts(_erfinv, x)


def _by_parts(function: Callable[[Array], Array], x: Array) -> Array:
    out = np.empty(x.shape, x.dtype)
    flat_in, flat_out = x.reshape(-1), out.reshape(-1)
    with np.errstate(all="ignore"):
        for start in range(0, x.size, _PART):
            part = slice(start, start + _PART)
            flat_out[part] = function(flat_in[part])
    return out


def _erf32(x: Array) -> Array:
    clipped = np.clip(x.astype(np.float64), -_ONE_FROM, _ONE_FROM)  # NaN stays NaN
    value = _ratio(_SINGLE, clipped * clipped)
    value *= clipped
    return value


def _erf(x: Array) -> Array:
    x = x.astype(np.float64, copy=False)
    size = np.abs(x)
    result = x.copy()  # NaN is in no interval
    _fill(result, size < 0.84375, _near_0, x)
    tail = np.nonzero(size >= 0.84375)[0]
    if tail.size:
        far = size[tail]
        values = np.ones_like(far)
        _fill(values, far < 1.25, lambda s: AT_1 + _ratio(NEAR_1, s - 1), far)
        _fill(values, (far >= 1.25) & (far < 6), lambda s: 1 - _tail(s), far)
        result[tail] = np.copysign(values, x[tail])
    return result


def _erfc(x: Array) -> Array:
    x = x.astype(np.float64, copy=False)
    size = np.abs(x)
    result = x.copy()
    _fill(result, size < 0.84375, _erfc_near_0, x)
    tail = np.nonzero(size >= 0.84375)[0]
    if tail.size:
        far, positive = size[tail], x[tail] > 0
        values = np.zeros_like(far)
        middle = far < 1.25
        _fill(values, middle, lambda s: (1 - AT_1) - _ratio(NEAR_1, s - 1), far)
        _fill(values, (far >= 1.25) & (far < 28), _tail, far)
        result[tail] = np.where(positive, values, 2 - values)
    return result


def _erfinv(x: Array) -> Array:
    x = x.astype(np.float64, copy=False)
    size = np.abs(x)
    result = np.full_like(x, math.nan)  # beyond 1
    _fill(result, size <= 0.85, lambda v: v / 2 * _ratio(CENTRE, 0.180625 - v * v / 4), x)
    tail = np.nonzero((size > 0.85) & (size <= 1))[0]
    if tail.size:
        r = np.sqrt(-np.log((1 - size[tail]) / 2))
        values = np.full_like(r, math.inf)
        _fill(values, r <= 5, lambda r: _ratio(QUANTILE_TAIL, r - 1.6), r)
        _fill(values, (r > 5) & (r < math.inf), lambda r: _ratio(QUANTILE_FAR, r - 5), r)
        result[tail] = np.copysign(values, x[tail])
    result *= math.sqrt(0.5)
    return result


def _fill(result: Array, where: Array, function: Callable[[Array], Array], x: Array) -> None:
    """result[where] = function(x[where]), without the copies if that is all of them or none."""
    count = np.count_nonzero(where)
    if count == x.size:
        result[...] = function(x)
    elif count:
        result[where] = function(x[where])


def _near_0(x: Array) -> Array:
    value = _ratio(NEAR_0, x * x)
    value *= x
    value += x
    return value


def _erfc_near_0(x: Array) -> Array:
    product = x * _ratio(NEAR_0, x * x)
    return np.where(x < 0.25, 1 - (x + product), 0.5 - (product + (x - 0.5)))


def _tail(size: Array) -> Array:
    """erfc(size) for 1.25 <= size <= 28, as in the reference."""
    inverse = 1 / (size * size)
    exponent = np.empty_like(size)
    near = size < 1 / 0.35
    _fill(exponent, near, lambda i: _ratio(TAIL, i), inverse)
    _fill(exponent, ~near, lambda i: _ratio(FAR_TAIL, i), inverse)
    z = size.astype(np.float32).astype(np.float64)
    exponent += (z - size) * (z + size)
    return np.exp(-z * z - 0.5625) * np.exp(exponent) / size


def _horner(polynomial: Numbers, x: Array) -> Array:
    value = x * x.dtype.type(polynomial[-1])
    for number in polynomial[-2:0:-1]:
        value += x.dtype.type(number)
        value *= x
    value += x.dtype.type(polynomial[0])
    return value


def _ratio(numbers: tuple[Numbers, Numbers], x: Array) -> Array:
    value = _horner(numbers[0], x)
    value /= _horner(numbers[1], x)
    return value
