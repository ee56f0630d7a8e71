"""Normal random numbers with the same bits on every device: Box-Muller on a logarithm, sine and cosine of our own.

G. E. P. Box, M. E. Muller, "A Note on the Generation of Random Normal Deviates", 1958. Elements 2k and 2k+1 are

    sqrt(-2 ln u1) * cos(2 pi u2)   and   sqrt(-2 ln u1) * sin(2 pi u2)

- float32: u1 = ((word[2k] >> 8) + 1) * 2**-24 and u2 = (word[2k+1] >> 8) * 2**-24.
- float64: with b53(j) = (word[j] >> 5) * 2**26 + (word[j+1] >> 6), u1 = (b53(4k) + 1) * 2**-53 and
  u2 = b53(4k+2) * 2**-53.
- float16: the float32 numbers, rounded. With an odd count the last sine is not used.

Library functions differ in the last bit from machine to machine. Those below use only operations that IEEE 754
rounds correctly (+ - * / sqrt), each rounded to the dtype by itself (no fused multiply-add), in the order that
the code has: every line is one or more binary operations, evaluated left to right as Python does. A kernel in
another language gives the same bits if it keeps that order and turns contraction off. Constants are the
nearest numbers of the dtype to the Taylor coefficients named beside them.

Errors measured against a wider format: logarithm below 1 ulp; sine and cosine below 2 ulp of the result.
"""

from __future__ import annotations

from math import pi, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from .philox import bits53, philox

if TYPE_CHECKING:
    from dlcore._specs import PhiloxCounter

Array = Any


class Coefficients(NamedTuple):
    """The polynomials of one dtype, highest power first, as Horner's rule takes them."""

    log: tuple[float, ...]  # 2/(2k+1), k = n..1: ln((1+s)/(1-s)) = 2s + s * sum(2/(2k+1) * s**(2k))
    sin: tuple[float, ...]  # (-1)**k / (2k+1)!, k = n..1: sin t = t + t * sum(... * t**(2k))
    cos: tuple[float, ...]  # (-1)**k / (2k)!, k = n..1: cos t = 1 + sum(... * t**(2k))
    ln2_high: float  # ln 2 with so many zero bits at the end that multiples up to 64 are exact
    ln2_low: float  # ln 2 - ln2_high


def _factorial_series(last: int) -> tuple[float, ...]:
    """(-1)**(n // 2) / n! for n = last, last - 2, ... > 1."""
    return tuple((-1) ** (n // 2) / prod(range(1, n + 1)) for n in range(last, 1, -2))


# The terms that are left out are below a quarter of the dtype's rounding error.
FLOAT32 = Coefficients(
    log=tuple(2 / n for n in range(9, 1, -2)),
    sin=_factorial_series(9),
    cos=_factorial_series(10),
    ln2_high=float.fromhex("0x1.62e3p-1"),
    ln2_low=float.fromhex("0x1.2fefa2p-17"),
)
FLOAT64 = Coefficients(
    log=tuple(2 / n for n in range(21, 1, -2)),
    sin=_factorial_series(17),
    cos=_factorial_series(18),
    ln2_high=float.fromhex("0x1.62e42fee00000p-1"),
    ln2_low=float.fromhex("0x1.a39ef35793c76p-33"),
)


def random_normal(xp: Any, counter: PhiloxCounter, shape: tuple[int, ...], dtype: Any) -> Array:
    size = prod(shape)
    pairs = (size + 1) // 2
    if dtype == xp.float64:
        bits = xp.reshape(bits53(xp, philox(xp, counter, 4 * pairs)), (pairs, 2))
        u = xp.asarray(bits + xp.asarray([1, 0], dtype=xp.uint64), dtype=xp.float64) * 2.0**-53
    else:
        bits = xp.reshape(philox(xp, counter, 2 * pairs) >> 8, (pairs, 2))
        u = xp.asarray(bits + xp.asarray([1, 0], dtype=xp.uint32), dtype=xp.float32) * 2.0**-24
    radius = xp.sqrt(-2.0 * log(xp, u[:, 0]))
    cosine, sine = cos_sin_turns(xp, u[:, 1])
    values = xp.reshape(xp.stack((radius * cosine, radius * sine), axis=1), (2 * pairs,))
    return xp.reshape(xp.asarray(values[:size], dtype=dtype), shape)


def log(xp: Any, u: Array) -> Array:
    """ln u for 2**-64 <= u <= 1, by the method of Sun's fdlibm (e_log.c).

    u = m * 2**e exactly, with sqrt(1/2) <= m < sqrt(2). For f = m - 1 (exact) and s = f / (2 + f),
    ln m = 2 atanh(s) = f - (f*f/2 - s * (f*f/2 + R)), where R is the series without its first term.
    """
    coefficients = FLOAT64 if u.dtype == xp.float64 else FLOAT32
    mantissa, exponent = u, xp.zeros_like(u)
    for shift in (32, 16, 8, 4, 2, 1):  # to 1/2 <= mantissa <= 1; a kernel may as well take the exponent's bits
        small = mantissa < 2.0**-shift
        mantissa = xp.where(small, mantissa * 2.0**shift, mantissa)
        exponent = xp.where(small, exponent - shift, exponent)
    small = mantissa < xp.asarray(0.5**0.5, dtype=u.dtype)
    mantissa = xp.where(small, mantissa * 2, mantissa)
    exponent = xp.where(small, exponent - 1, exponent)

    f = mantissa - 1
    s = f / (2 + f)
    z = s * s
    rest = _horner(xp, z, coefficients.log)
    half_square = (0.5 * f) * f
    tail = s * (half_square + rest) + exponent * coefficients.ln2_low
    return exponent * coefficients.ln2_high - ((half_square - tail) - f)


def cos_sin_turns(xp: Any, u: Array) -> tuple[Array, Array]:
    """cos(2 pi u) and sin(2 pi u) for 0 <= u < 1, a multiple of the dtype's epsilon / 2.

    4u = quadrant + fraction exactly, with |fraction| <= 1/2; t = fraction * pi/2 is within [-pi/4, pi/4].
    """
    coefficients = FLOAT64 if u.dtype == xp.float64 else FLOAT32
    quarters = 4 * u
    quadrant = xp.floor(quarters + 0.5)  # 0, 1, 2, 3 or 4
    t = (quarters - quadrant) * (pi / 2)
    z = t * t
    sine = t + t * _horner(xp, z, coefficients.sin)
    cosine = 1 + _horner(xp, z, coefficients.cos)
    odd = (quadrant == 1) | (quadrant == 3)
    cos_turned, sin_turned = xp.where(odd, sine, cosine), xp.where(odd, cosine, sine)
    cos_negative, sin_negative = (quadrant == 1) | (quadrant == 2), (quadrant == 2) | (quadrant == 3)
    return (
        xp.where(cos_negative, -cos_turned, cos_turned),
        xp.where(sin_negative, -sin_turned, sin_turned),
    )


def _horner(xp: Any, z: Array, coefficients: tuple[float, ...]) -> Array:
    """(...((c0*z + c1)*z + c2)*z + ... + cn)*z."""
    result = xp.full_like(z, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * z + coefficient
    return result * z
