"""The error function, its complement and its inverse, which the array API lacks.

erf and erfc follow Sun's s_erf.c (fdlibm 5.3, 1993), which is within 1 ulp: rational approximations on five intervals.
Their numbers: erf(x) = x + x R(x^2) up to 0.84375, then c + R(|x| - 1) with c near erf(1); beyond 1.25,
erfc(x) = exp(-x^2 - 0.5625 + R(1/x^2)) / x on two intervals. erfinv is Wichura's PPND16 (Algorithm AS 241, Applied
Statistics 37, 1988), the normal distribution's quantile, at (1 + x)/2. All compute in float64, whatever the dtype.
"""

from __future__ import annotations

import math
from typing import Any

from ._precision import cast

Array = Any
Numbers = tuple[float, ...]

# fmt: off
#: |x| < 0.84375: erf(x) = x + x p/q in x^2. Numbers of a polynomial stand from the constant upwards.
NEAR_0 = (
    (1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
     -5.77027029648944159157e-03, -2.37630166566501626084e-05),
    (1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03,
     1.32494738004321644526e-04, -3.96022827877536812320e-06),
)
#: 0.84375 <= |x| < 1.25: erf(|x|) = AT_1 + p/q in |x| - 1.
AT_1 = 8.45062911510467529297e-01
NEAR_1 = (
    (-2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01,
     3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02,
     -2.16637559486879084300e-03),
    (1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02,
     1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02),
)
#: 1.25 <= |x| < 1/0.35: log(|x| erfc(|x|)) + x^2 + 0.5625 = p/q in 1/x^2.
TAIL = (
    (-9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01,
     -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02,
     -8.12874355063065934246e+01, -9.81432934416914548592e+00),
    (1.0, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02,
     6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02,
     6.57024977031928170135e+00, -6.04244152148580987438e-02),
)
#: 1/0.35 <= |x|: the same.
FAR_TAIL = (
    (-9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01,
     -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03,
     -4.83519191608651397019e+02),
    (1.0, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03,
     3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02,
     -2.24409524465858183362e+01),
)
#: PPND16: for q = x/2 and |q| <= 0.425, q p/q in 0.180625 - q^2.
CENTRE = (
    (3.3871328727963666080e+0, 1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
     4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3),
    (1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3, 2.1213794301586595867e+4,
     3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3),
)
#: Else, with r = sqrt(-log((1 - |x|)/2)): p/q in r - 1.6 up to r = 5.
QUANTILE_TAIL = (
    (1.42343711074968357734e+0, 4.63033784615654529590e+0, 5.76949722146069140550e+0, 3.64784832476320460504e+0,
     1.27045825245236838258e+0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e+0, 1.67638483018380384940e+0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)
#: Beyond: p/q in r - 5.
QUANTILE_FAR = (
    (6.65790464350110377720e+0, 5.46378491116411436990e+0, 1.78482653991729133580e+0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)
# fmt: on


def erf(xp: Any, x: Array) -> Array:
    value, size = _bounded(xp, x, 6.0)  # from 6 on it is 1 to the last bit
    far = 1 - _tail(xp, xp.maximum(size, 1.25))
    far = xp.where(size < 1.25, AT_1 + _ratio(NEAR_1, size - 1), far)
    near = value + value * _ratio(NEAR_0, value * value)
    return cast(xp, xp.where(size < 0.84375, near, xp.where(value < 0, -far, far)), x.dtype)


def erfc(xp: Any, x: Array) -> Array:
    value, size = _bounded(xp, x, 28.0)  # from 28 on it is 0
    tail = _tail(xp, xp.maximum(size, 1.25))
    far = xp.where(value < 0, 2 - tail, tail)
    middle = _ratio(NEAR_1, size - 1)
    middle = xp.where(value < 0, 1 + (AT_1 + middle), (1 - AT_1) - middle)
    product = value * _ratio(NEAR_0, value * value)
    # from 1/4 on, 1 - erf(x) is taken from 1/2, of which more bits remain
    near = xp.where(value < 0.25, 1 - (value + product), 0.5 - (product + (value - 0.5)))
    return cast(xp, xp.where(size < 0.84375, near, xp.where(size < 1.25, middle, far)), x.dtype)


def erfinv(xp: Any, x: Array) -> Array:
    value = cast(xp, x, xp.float64)
    size = xp.abs(value)
    inside = size < 1
    half = xp.where(inside, value, 0.0) / 2
    r = xp.sqrt(-xp.log(xp.where(inside, (1 - size) / 2, 0.5)))
    far = xp.where(r <= 5, _ratio(QUANTILE_TAIL, r - 1.6), _ratio(QUANTILE_FAR, r - 5))
    far = xp.where(inside, far, xp.where(size == 1, math.inf, math.nan))
    near = half * _ratio(CENTRE, 0.180625 - half * half)
    quantile = xp.where(size <= 0.85, near, xp.where(value < 0, -far, far))
    return cast(xp, quantile * math.sqrt(0.5), x.dtype)


def _bounded(xp: Any, x: Array, bound: float) -> tuple[Array, Array]:
    """x in float64 and its absolute value, both cut off where the function is constant. NaN stays NaN."""
    value = xp.minimum(xp.maximum(cast(xp, x, xp.float64), -bound), bound)
    return value, xp.abs(value)


def _ratio(numbers: tuple[Numbers, Numbers], x: Array) -> Array:
    """p(x) / q(x), by Horner's rule."""
    values = []
    for polynomial in numbers:
        value = polynomial[-1]
        for number in reversed(polynomial[:-1]):
            value = value * x + number
        values.append(value)
    return values[0] / values[1]


def _tail(xp: Any, size: Array) -> Array:
    """erfc(size) for 1.25 <= size <= 28."""
    inverse = 1 / (size * size)
    exponent = xp.where(size < 1 / 0.35, _ratio(TAIL, inverse), _ratio(FAR_TAIL, inverse))
    # exp(-size^2) without the rounding of the square: that of z, of 24 bits, is exact
    z = cast(xp, cast(xp, size, xp.float32), xp.float64)
    return xp.exp(-z * z - 0.5625) * xp.exp((z - size) * (z + size) + exponent) / size
