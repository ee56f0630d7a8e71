"""Activations that save their input, as operations; and their second derivatives, which serve every higher order.

The value and the gradient of each is one primitive; what follows is an expression of Tensor ops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional.activation import sigmoid
from dlcore.ops import abs as abs_
from dlcore.ops import clip, exp, less, multiply, square, tanh, where
from dlcore.ops._common import plain
from dlcore.reference.pointwise import GELU_CUBIC, GELU_SLOPE, POINTWISE, SELU_ALPHA, SELU_SCALE


class Pointwise(Function):
    """function(x), by name: a key of `dlcore.reference.POINTWISE`, or one of `ACTIVATIONS` that saves its input."""

    saves = (0,)

    def __init__(self, function: str, alpha: float = 0.0, beta: float = 0.0) -> None:
        self.function, self.alpha, self.beta = function, alpha, beta

    def forward(self, x: Any) -> Any:
        if self.function in POINTWISE:
            return self.backend.pointwise_forward(x, self.function, self.alpha, self.beta)
        return self.backend.bias_activation_forward(x, None, self.function, self.alpha)

    def backward(self, grad: Tensor) -> Tensor:
        return PointwiseBackward(self.function, self.alpha, self.beta)(grad, self.saved[0])


class PointwiseBackward(Function):
    """(gradient g, input x) -> g * f'(x)."""

    saves = (0, 1)

    def __init__(self, function: str, alpha: float, beta: float) -> None:
        self.function, self.alpha, self.beta = function, alpha, beta

    def forward(self, grad: Any, x: Any) -> Any:
        if self.function in POINTWISE:
            return self.backend.pointwise_backward(grad, x, self.function, self.alpha, self.beta)
        return self.backend.bias_activation_backward(grad, x, self.function, self.alpha)[0]

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        g, x = self.saved
        second = _SECOND.get(self.function)
        return (
            PointwiseBackward(self.function, self.alpha, self.beta)(grad, x) if self.needs(0) else None,
            multiply(grad * g, second(x, self.alpha, self.beta)) if second is not None and self.needs(1) else None,
        )


# --- second derivatives; at a kink 0, as PyTorch's ------------------------------------------------------------


def _gelu(x: Tensor, alpha: float, beta: float) -> Tensor:
    near = square(clip(x, -40, 40))  # beyond, the density is 0 in every dtype; and the square fits into float16
    return exp(near * -0.5) * (2 - near) * (1 / math.sqrt(2 * math.pi))


def _gelu_tanh(x: Tensor, alpha: float, beta: float) -> Tensor:
    x = clip(x, -20, 20)  # beyond, 1 - t^2 is 0 in every dtype; and the powers fit into float16
    t = tanh((x + GELU_CUBIC * x * x * x) * GELU_SLOPE)
    first, second = GELU_SLOPE * (1 + 3 * GELU_CUBIC * x * x), 6 * GELU_SLOPE * GELU_CUBIC * x  # of tanh's argument
    return (1 - t * t) * (first + 0.5 * x * second - x * t * first * first)


def _silu(x: Tensor, alpha: float, beta: float) -> Tensor:
    s = sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


def _mish(x: Tensor, alpha: float, beta: float) -> Tensor:
    t, s = tanh(Pointwise("softplus", 1.0, 20.0)(x)), sigmoid(x)
    return (1 - t * t) * s * (2 + x * (1 - s) - 2 * x * t * s)


def _softplus(x: Tensor, alpha: float, beta: float) -> Tensor:
    s = sigmoid(x * alpha)
    return where(plain(x, x._array * alpha >= beta), 0.0, s * (1 - s) * alpha)


def _log_sigmoid(x: Tensor, alpha: float, beta: float) -> Tensor:
    s = sigmoid(x)
    return s * (s - 1)


def _softsign(x: Tensor, alpha: float, beta: float) -> Tensor:
    sign = plain(x, x.device.backend.xp.sign(x._array))
    s = 1 / (1 + abs_(x))
    return sign * -2 * s * s * s


def _tanhshrink(x: Tensor, alpha: float, beta: float) -> Tensor:
    t = tanh(x)
    return 2 * t * (1 - t * t)


def _hardswish(x: Tensor, alpha: float, beta: float) -> Tensor:
    return where(less(abs_(x), 3), 1 / 3, plain(x, x.device.backend.xp.zeros_like(x._array)))


def _selu(x: Tensor, alpha: float, beta: float) -> Tensor:
    return _elu(x, SELU_ALPHA, beta) * SELU_SCALE


def _celu(x: Tensor, alpha: float, beta: float) -> Tensor:
    return where(x < 0, exp(where(x < 0, x / alpha, 0.0)) / alpha, 0.0)


def _elu(x: Tensor, alpha: float, beta: float) -> Tensor:
    return where(x < 0, exp(clip(x, max=0)) * alpha, 0.0)  # where it is not asked for, it cannot overflow


#: f''(x, alpha, beta); the functions that are not here are straight on either side of their kinks.
_SECOND: dict[str, Callable[[Tensor, float, float], Tensor]] = {
    "gelu": _gelu, "gelu_tanh": _gelu_tanh, "silu": _silu, "mish": _mish, "softplus": _softplus,
    "log_sigmoid": _log_sigmoid, "softsign": _softsign, "tanhshrink": _tanhshrink, "hardswish": _hardswish,
    "selu": _selu, "celu": _celu, "elu": _elu,
}  # fmt: skip
