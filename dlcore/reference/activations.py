"""Activation functions, one line each, and the primitive that adds a bias and applies one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ._precision import cast, compute_dtype, result_in, wide

Array = Any


def sigmoid(xp: Any, x: Array) -> Array:
    """1 / (1 + exp(-x)), from exp(-abs(x)) alone, which cannot overflow."""
    small = xp.exp(-xp.abs(x))
    return xp.where(x < 0, small, xp.ones_like(x)) / (1 + small)


def _where_alive(xp: Any, y: Array, grad: Array) -> Array:
    """0 where y <= 0, else the gradient: a choice, not a product, so infinity stays out and NaN passes (PyTorch's)."""
    return xp.where(y <= 0, xp.zeros_like(grad), grad)


def _negative(xp: Any, x: Array) -> Array:
    return xp.minimum(x, xp.zeros_like(x))


def _positive(xp: Any, x: Array) -> Array:
    return xp.maximum(x, xp.zeros_like(x))


class Activation(NamedTuple):
    """An activation and its backward. `saves` says whether that is computed from the output or the input."""

    saves: str
    forward: Callable[[Any, Array, float], Array]  # (xp, x, alpha) -> y
    backward: Callable[[Any, Array, Array, float], Array]  # (xp, saved, gradient of y, alpha) -> gradient of x


# leaky_relu and elu save the input: with alpha <= 0 the sign of the output does not tell the branch.
ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation("output", lambda xp, x, a: x, lambda xp, y, g, a: xp.positive(g)),
    "relu": Activation("output", lambda xp, x, a: _positive(xp, x), lambda xp, y, g, a: _where_alive(xp, y, g)),
    "sigmoid": Activation("output", lambda xp, x, a: sigmoid(xp, x), lambda xp, y, g, a: g * (1 - y) * y),
    "tanh": Activation("output", lambda xp, x, a: xp.tanh(x), lambda xp, y, g, a: g * (1 - y * y)),
    "leaky_relu": Activation(
        "input",
        lambda xp, x, a: xp.where(x > 0, x, a * _negative(xp, x)),
        lambda xp, x, g, a: xp.where(x > 0, g, g * a),
    ),
    "elu": Activation(
        "input",
        lambda xp, x, a: xp.where(x > 0, x, a * xp.expm1(_negative(xp, x))),
        lambda xp, x, g, a: xp.where(x > 0, g, g * a * xp.exp(_negative(xp, x))),
    ),
}


def bias_activation_forward(
    xp: Any,
    x: Array,
    bias: Array | None,
    activation: str = "identity",
    alpha: float = 0.0,
    axis: int = -1,
    out: Array | None = None,
) -> Array:
    result = wide(xp, x)
    if bias is not None:
        shape = [1] * x.ndim
        shape[axis] = bias.shape[0]
        result = result + xp.reshape(cast(xp, bias, result.dtype), tuple(shape))
    result = ACTIVATIONS[activation].forward(xp, result, float(alpha))
    return result_in(xp.empty_like(x) if out is None else out, result)


def bias_activation_backward(
    xp: Any,
    grad: Array,
    saved: Array,
    activation: str = "identity",
    alpha: float = 0.0,
    axis: int = -1,
    bias_grad: bool = False,
    bias_out: Array | None = None,
) -> tuple[Array, Array | None]:
    saved = cast(xp, saved, compute_dtype(xp, grad))
    result = ACTIVATIONS[activation].backward(xp, saved, wide(xp, grad), float(alpha))
    summed = None
    if bias_grad:
        other_axes = tuple(i for i in range(grad.ndim) if i != axis % grad.ndim)
        summed = result_in(bias_out, cast(xp, xp.sum(result, axis=other_axes), grad.dtype))
    return cast(xp, result, grad.dtype), summed
