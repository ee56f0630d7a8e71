"""Optimizer updates on flat buffers, in place, from the simplest to the most involved.

The formulas and their order are those of PyTorch's `torch.optim` (its single-tensor implementations). Scalars
are combined in float64 first; then each takes the dtype of the buffers.
"""

from __future__ import annotations

from typing import Any

from ._precision import exact_scalar, scalar_for, wide

Array = Any


def sgd_update(
    xp: Any,
    param: Array,
    grad: Array,
    momentum_buffer: Array | None,
    *,
    lr: float | Array,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    maximize: bool = False,
    first_step: bool = False,
) -> None:
    p, direction = _param_and_gradient(xp, param, grad, weight_decay, maximize)
    if momentum_buffer is not None:
        g = direction
        buffer = g if first_step else momentum * wide(xp, momentum_buffer) + (1 - dampening) * g
        momentum_buffer[...] = buffer
        direction = g + momentum * buffer if nesterov else buffer
    param[...] = p - scalar_for(xp, exact_scalar(xp, lr), p) * direction


def adagrad_update(
    xp: Any,
    param: Array,
    grad: Array,
    square_sum: Array,
    *,
    lr: float | Array,
    lr_decay: float = 0.0,
    eps: float = 1e-10,
    weight_decay: float = 0.0,
    step: int | Array = 1,
    maximize: bool = False,
) -> None:
    p, g = _param_and_gradient(xp, param, grad, weight_decay, maximize)
    decayed_lr = exact_scalar(xp, lr) / (1 + (exact_scalar(xp, step) - 1) * lr_decay)
    total = wide(xp, square_sum) + g * g
    square_sum[...] = total
    param[...] = p - scalar_for(xp, decayed_lr, p) * g / (xp.sqrt(total) + eps)


def rmsprop_update(
    xp: Any,
    param: Array,
    grad: Array,
    square_avg: Array,
    grad_avg: Array | None,
    momentum_buffer: Array | None,
    *,
    lr: float | Array,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    p, g = _param_and_gradient(xp, param, grad, weight_decay, maximize)
    variance = alpha * wide(xp, square_avg) + (1 - alpha) * (g * g)
    square_avg[...] = variance
    if grad_avg is not None:
        mean = alpha * wide(xp, grad_avg) + (1 - alpha) * g
        grad_avg[...] = mean
        # Rounding may take the difference below zero, where PyTorch gets NaN.
        variance = xp.maximum(variance - mean * mean, xp.zeros_like(variance))
    direction = g / (xp.sqrt(variance) + eps)
    if momentum_buffer is not None:
        direction = momentum * wide(xp, momentum_buffer) + direction
        momentum_buffer[...] = direction
    param[...] = p - scalar_for(xp, exact_scalar(xp, lr), p) * direction


def adadelta_update(
    xp: Any,
    param: Array,
    grad: Array,
    square_avg: Array,
    acc_delta: Array,
    *,
    lr: float | Array = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    p, g = _param_and_gradient(xp, param, grad, weight_decay, maximize)
    squares, deltas = wide(xp, square_avg), wide(xp, acc_delta)
    squares = rho * squares + (1 - rho) * (g * g)
    delta = xp.sqrt(deltas + eps) / xp.sqrt(squares + eps) * g
    square_avg[...] = squares
    acc_delta[...] = rho * deltas + (1 - rho) * (delta * delta)
    param[...] = p - scalar_for(xp, exact_scalar(xp, lr), p) * delta


def adam_update(
    xp: Any,
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array | None,
    *,
    lr: float | Array,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    step: int | Array = 1,
    maximize: bool = False,
) -> None:
    p, g = _param_and_gradient(xp, param, grad, 0.0 if decoupled else weight_decay, maximize)
    rate, t = exact_scalar(xp, lr), exact_scalar(xp, step)
    if decoupled:
        p = p * scalar_for(xp, 1 - rate * weight_decay, p)
    mean = beta1 * wide(xp, exp_avg) + (1 - beta1) * g
    variance = beta2 * wide(xp, exp_avg_sq) + (1 - beta2) * (g * g)
    exp_avg[...] = mean
    exp_avg_sq[...] = variance
    if max_exp_avg_sq is not None:
        variance = xp.maximum(wide(xp, max_exp_avg_sq), variance)
        max_exp_avg_sq[...] = variance
    step_size = scalar_for(xp, rate / (1 - beta1**t), p)
    correction = scalar_for(xp, (1 - beta2**t) ** 0.5, p)
    param[...] = p - step_size * mean / (xp.sqrt(variance) / correction + eps)


def nadam_update(
    xp: Any,
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    *,
    lr: float | Array,
    grad_factor: float,
    mean_factor: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    step: int = 1,
    maximize: bool = False,
) -> None:
    p, g = _param_and_gradient(xp, param, grad, 0.0 if decoupled else weight_decay, maximize)
    rate = exact_scalar(xp, lr)
    if decoupled:
        p = p * scalar_for(xp, 1 - rate * weight_decay, p)
    mean = beta1 * wide(xp, exp_avg) + (1 - beta1) * g
    variance = beta2 * wide(xp, exp_avg_sq) + (1 - beta2) * (g * g)
    exp_avg[...] = mean
    exp_avg_sq[...] = variance
    denominator = xp.sqrt(variance / (1 - beta2**step)) + eps
    p = p - scalar_for(xp, rate * grad_factor, p) * g / denominator
    param[...] = p - scalar_for(xp, rate * mean_factor, p) * mean / denominator


def lion_update(
    xp: Any,
    param: Array,
    grad: Array,
    exp_avg: Array,
    *,
    lr: float | Array,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None:
    p, g = _param_and_gradient(xp, param, grad, 0.0, maximize)
    m, rate = wide(xp, exp_avg), exact_scalar(xp, lr)
    direction = xp.sign(beta1 * m + (1 - beta1) * g)
    exp_avg[...] = beta2 * m + (1 - beta2) * g
    param[...] = p * scalar_for(xp, 1 - rate * weight_decay, p) - scalar_for(xp, rate, p) * direction


def _param_and_gradient(xp: Any, param: Array, grad: Array, weight_decay: float, maximize: bool) -> tuple[Array, Array]:
    p, g = wide(xp, param), wide(xp, grad)
    if maximize:
        g = -g
    return p, g + weight_decay * p if weight_decay else g
