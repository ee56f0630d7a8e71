"""Activations that stand alone, one line each: they save their input, and have up to two parameters, alpha and beta.

What may end a linear or convolution layer, and saves its output, stands in `activations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ._precision import cast, compute_dtype, wide
from .activations import sigmoid
from .special import erf

Array = Any

#: Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017: SELU's factor, and its ELU's alpha.
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
#: Of the tanh form of GELU: Hendrycks, Gimpel, arXiv:1606.08415, section 2.
GELU_SLOPE, GELU_CUBIC = math.sqrt(2 / math.pi), 0.044715


def _softplus(xp: Any, x: Array) -> Array:
    """log(1 + exp(x)), from exp(-abs(x)) alone, which cannot overflow."""
    return xp.maximum(x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))


def _negative(xp: Any, x: Array) -> Array:
    return xp.minimum(x, xp.zeros_like(x))


def _clamp(xp: Any, x: Array, low: float, high: float) -> Array:
    """Between two numbers; NaN stays NaN."""
    return xp.where(x < low, xp.full_like(x, low), xp.where(x > high, xp.full_like(x, high), x))


def _zero_where(xp: Any, condition: Array, x: Array) -> Array:
    """A choice, not a product: an infinite gradient is cut off, too."""
    return xp.where(condition, xp.zeros_like(x), x)


def _gelu_slope(xp: Any, x: Array) -> Array:
    return 0.5 * (1 + erf(xp, x * math.sqrt(0.5))) + x * xp.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _gelu_tanh(xp: Any, x: Array) -> Array:
    return xp.tanh(GELU_SLOPE * (x + GELU_CUBIC * x * x * x))


def _gelu_tanh_slope(xp: Any, x: Array) -> Array:
    t = _gelu_tanh(xp, x)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GELU_SLOPE * (1 + 3 * GELU_CUBIC * x * x)


def _silu_slope(xp: Any, x: Array) -> Array:
    s = sigmoid(xp, x)
    return s * (1 + x * (1 - s))


def _mish_slope(xp: Any, x: Array) -> Array:
    t = xp.tanh(_softplus(xp, x))
    return t + x * sigmoid(xp, x) * (1 - t * t)


class Pointwise(NamedTuple):
    """An activation and its backward, by which it may be told where the gradient is cut off rather than multiplied."""

    forward: Callable[[Any, Array, float, float], Array]  # (xp, x, alpha, beta) -> y
    backward: Callable[[Any, Array, Array, float, float], Array]  # (xp, x, gradient of y, alpha, beta) -> that of x


#: alpha, beta: softplus, its beta and threshold; hardtanh, the bounds; threshold, its threshold and value;
#: the shrinks, their lambda; celu, its alpha.
POINTWISE: dict[str, Pointwise] = {
    "gelu": Pointwise(
        lambda xp, x, a, b: 0.5 * x * (1 + erf(xp, x * math.sqrt(0.5))),
        lambda xp, x, g, a, b: g * _gelu_slope(xp, x),
    ),
    "gelu_tanh": Pointwise(
        lambda xp, x, a, b: 0.5 * x * (1 + _gelu_tanh(xp, x)),
        lambda xp, x, g, a, b: g * _gelu_tanh_slope(xp, x),
    ),
    "silu": Pointwise(
        lambda xp, x, a, b: x * sigmoid(xp, x),
        lambda xp, x, g, a, b: g * _silu_slope(xp, x),
    ),
    "mish": Pointwise(
        lambda xp, x, a, b: x * xp.tanh(_softplus(xp, x)),
        lambda xp, x, g, a, b: g * _mish_slope(xp, x),
    ),
    "selu": Pointwise(
        lambda xp, x, a, b: SELU_SCALE * xp.where(x > 0, x, SELU_ALPHA * xp.expm1(_negative(xp, x))),
        lambda xp, x, g, a, b: g * SELU_SCALE * xp.where(x > 0, xp.ones_like(x), SELU_ALPHA * xp.exp(_negative(xp, x))),
    ),
    "celu": Pointwise(
        lambda xp, x, a, b: xp.where(x > 0, x, a * xp.expm1(xp.where(x > 0, xp.zeros_like(x), x / a))),
        lambda xp, x, g, a, b: xp.where(x > 0, g, g * xp.exp(xp.where(x > 0, xp.zeros_like(x), x / a))),
    ),
    "softplus": Pointwise(
        lambda xp, x, a, b: xp.where(x * a > b, x, _softplus(xp, x * a) / a),
        lambda xp, x, g, a, b: xp.where(x * a > b, g, g * sigmoid(xp, x * a)),
    ),
    "log_sigmoid": Pointwise(
        lambda xp, x, a, b: -_softplus(xp, -x),
        lambda xp, x, g, a, b: g * sigmoid(xp, -x),
    ),
    "softsign": Pointwise(
        lambda xp, x, a, b: x / (1 + xp.abs(x)),
        lambda xp, x, g, a, b: g / ((1 + xp.abs(x)) * (1 + xp.abs(x))),
    ),
    "tanhshrink": Pointwise(
        lambda xp, x, a, b: x - xp.tanh(x),
        lambda xp, x, g, a, b: g * xp.tanh(x) * xp.tanh(x),
    ),
    "hardsigmoid": Pointwise(
        lambda xp, x, a, b: _clamp(xp, x + 3, 0.0, 6.0) / 6,
        lambda xp, x, g, a, b: _zero_where(xp, ~((x > -3) & (x < 3)), g / 6),
    ),
    "hardswish": Pointwise(
        lambda xp, x, a, b: x * _clamp(xp, x + 3, 0.0, 6.0) / 6,
        lambda xp, x, g, a, b: _zero_where(xp, x <= -3, xp.where(x < 3, g * (x / 3 + 0.5), g)),
    ),
    "hardtanh": Pointwise(
        lambda xp, x, a, b: _clamp(xp, x, a, b),
        lambda xp, x, g, a, b: _zero_where(xp, (x <= a) | (x >= b), g),
    ),
    "threshold": Pointwise(
        lambda xp, x, a, b: xp.where(x <= a, xp.full_like(x, b), x),
        lambda xp, x, g, a, b: _zero_where(xp, x <= a, g),
    ),
    "hardshrink": Pointwise(
        lambda xp, x, a, b: _zero_where(xp, (x >= -a) & (x <= a), x),
        lambda xp, x, g, a, b: _zero_where(xp, (x >= -a) & (x <= a), g),
    ),
    "softshrink": Pointwise(
        lambda xp, x, a, b: xp.where(x > a, x - a, xp.where(x < -a, x + a, x * 0)),
        lambda xp, x, g, a, b: _zero_where(xp, (x >= -a) & (x <= a), g),
    ),
}


def pointwise_forward(xp: Any, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
    return cast(xp, POINTWISE[function].forward(xp, wide(xp, x), float(alpha), float(beta)), x.dtype)


def pointwise_backward(xp: Any, grad: Array, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
    x = cast(xp, x, compute_dtype(xp, grad))
    return cast(xp, POINTWISE[function].backward(xp, x, wide(xp, grad), float(alpha), float(beta)), grad.dtype)
