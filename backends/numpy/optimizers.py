"""Optimizer updates over blocks of the flat buffers that stay in the cache, with scratch that is reused.

A pass of NumPy over a large buffer costs a round trip to memory, and Adam has a dozen of them; over a block of
32768 numbers they all run in the cache. Scalars are combined in Python first and then rounded to the dtype once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .workspace import scratch

Array = Any

BLOCK = 32768


def _blocks(size: int) -> Iterator[slice]:
    for start in range(0, size, BLOCK):
        yield slice(start, start + BLOCK)


def _gradient(param: Array, grad: Array, weight_decay: float, maximize: bool) -> Array:
    """The block's gradient with weight decay and sign: `grad` itself, or scratch."""
    if not weight_decay and not maximize:
        return grad
    g = scratch("gradient", grad.shape, grad.dtype)
    np.multiply(param, param.dtype.type(weight_decay), out=g)
    return np.subtract(g, grad, out=g) if maximize else np.add(g, grad, out=g)


def sgd_update(
    param: Array,
    grad: Array,
    momentum_buffer: Array | None,
    *,
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    maximize: bool,
    first_step: bool,
) -> None:
    number = param.dtype.type
    for block in _blocks(param.size):
        p = param[block]
        direction = g = _gradient(p, grad[block], weight_decay, maximize)
        change = scratch("change", p.shape, p.dtype)
        if momentum_buffer is not None:
            direction = buffer = momentum_buffer[block]
            if first_step:
                buffer[...] = g
            else:
                buffer *= number(momentum)
                buffer += np.multiply(g, number(1 - dampening), out=change) if dampening else g
            if nesterov:
                np.multiply(buffer, number(momentum), out=change)
                direction = np.add(change, g, out=change)
        p -= np.multiply(direction, number(lr), out=change)


def adagrad_update(
    param: Array,
    grad: Array,
    square_sum: Array,
    *,
    lr: float,
    lr_decay: float,
    eps: float,
    weight_decay: float,
    step: int,
    maximize: bool,
) -> None:
    number = param.dtype.type
    rate = number(lr / (1 + (step - 1) * lr_decay))
    for block in _blocks(param.size):
        p, total = param[block], square_sum[block]
        g = _gradient(p, grad[block], weight_decay, maximize)
        change = scratch("change", p.shape, p.dtype)
        total += np.multiply(g, g, out=change)
        np.sqrt(total, out=change)
        change += number(eps)
        np.divide(g, change, out=change)
        change *= rate
        p -= change


def rmsprop_update(
    param: Array,
    grad: Array,
    square_avg: Array,
    grad_avg: Array | None,
    momentum_buffer: Array | None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    number = param.dtype.type
    for block in _blocks(param.size):
        p, squares = param[block], square_avg[block]
        g = _gradient(p, grad[block], weight_decay, maximize)
        change = scratch("change", p.shape, p.dtype)
        np.multiply(g, g, out=change)
        change *= number(1 - alpha)
        squares *= number(alpha)
        squares += change
        if grad_avg is None:
            np.sqrt(squares, out=change)
        else:
            mean = grad_avg[block]
            mean *= number(alpha)
            mean += np.multiply(g, number(1 - alpha), out=change)
            np.multiply(mean, mean, out=change)
            np.subtract(squares, change, out=change)
            np.maximum(change, 0, out=change)  # rounding may take it below zero
            np.sqrt(change, out=change)
        change += number(eps)
        np.divide(g, change, out=change)
        if momentum_buffer is not None:
            buffer = momentum_buffer[block]
            buffer *= number(momentum)
            buffer += change
            change[...] = buffer
        change *= number(lr)
        p -= change


def adadelta_update(
    param: Array,
    grad: Array,
    square_avg: Array,
    acc_delta: Array,
    *,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    number = param.dtype.type
    for block in _blocks(param.size):
        p, squares, deltas = param[block], square_avg[block], acc_delta[block]
        g = _gradient(p, grad[block], weight_decay, maximize)
        change, delta = (scratch(use, p.shape, p.dtype) for use in ("change", "delta"))
        np.multiply(g, g, out=change)
        change *= number(1 - rho)
        squares *= number(rho)
        squares += change
        np.add(deltas, number(eps), out=delta)
        np.add(squares, number(eps), out=change)
        np.sqrt(delta, out=delta)
        delta /= np.sqrt(change, out=change)
        delta *= g
        np.multiply(delta, delta, out=change)
        change *= number(1 - rho)
        deltas *= number(rho)
        deltas += change
        delta *= number(lr)
        p -= delta


def adam_update(
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array | None,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    step: int,
    maximize: bool,
) -> None:
    """lr/(1-b1^t) * m / (sqrt(v)/c + eps) with c = sqrt(1-b2^t), as (lr/(1-b1^t) * c) * m / (sqrt(v) + c*eps)."""
    number = param.dtype.type
    correction = (1 - beta2**step) ** 0.5
    rate, smallest = number(lr / (1 - beta1**step) * correction), number(eps * correction)
    b1, b2, new1, new2 = number(beta1), number(beta2), number(1 - beta1), number(1 - beta2)
    shrink = number(1 - lr * weight_decay) if decoupled and weight_decay else None
    coupled_decay = 0.0 if decoupled else weight_decay
    for block in _blocks(param.size):
        p, mean, variance = param[block], exp_avg[block], exp_avg_sq[block]
        g = _gradient(p, grad[block], coupled_decay, maximize)
        change = scratch("change", p.shape, p.dtype)
        if shrink is not None:
            p *= shrink
        np.multiply(g, new1, out=change)
        mean *= b1
        mean += change
        np.multiply(g, g, out=change)
        change *= new2
        variance *= b2
        variance += change
        if max_exp_avg_sq is not None:
            variance = np.maximum(max_exp_avg_sq[block], variance, out=max_exp_avg_sq[block])
        np.sqrt(variance, out=change)
        change += smallest
        np.divide(mean, change, out=change)
        change *= rate
        p -= change


def nadam_update(
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    *,
    lr: float,
    grad_factor: float,
    mean_factor: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    step: int,
    maximize: bool,
) -> None:
    """(a*g + b*m) / (sqrt(v)/c + eps) with c = sqrt(1-b2^t), as (a*c * g + b*c * m) / (sqrt(v) + c*eps)."""
    number = param.dtype.type
    correction = (1 - beta2**step) ** 0.5
    grad_rate, mean_rate = number(lr * grad_factor * correction), number(lr * mean_factor * correction)
    smallest = number(eps * correction)
    b1, b2, new1, new2 = number(beta1), number(beta2), number(1 - beta1), number(1 - beta2)
    shrink = number(1 - lr * weight_decay) if decoupled and weight_decay else None
    coupled_decay = 0.0 if decoupled else weight_decay
    for block in _blocks(param.size):
        p, mean, variance = param[block], exp_avg[block], exp_avg_sq[block]
        g = _gradient(p, grad[block], coupled_decay, maximize)
        change, divisor = (scratch(use, p.shape, p.dtype) for use in ("change", "divisor"))
        if shrink is not None:
            p *= shrink
        np.multiply(g, new1, out=change)
        mean *= b1
        mean += change
        np.multiply(g, g, out=change)
        change *= new2
        variance *= b2
        variance += change
        np.multiply(mean, mean_rate, out=change)
        change += np.multiply(g, grad_rate, out=divisor)
        np.sqrt(variance, out=divisor)
        divisor += smallest
        change /= divisor
        p -= change


def lion_update(
    param: Array,
    grad: Array,
    exp_avg: Array,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    number = param.dtype.type
    rate, b1, b2, new1, new2 = map(number, (lr, beta1, beta2, 1 - beta1, 1 - beta2))
    shrink = number(1 - lr * weight_decay) if weight_decay else None
    for block in _blocks(param.size):
        p, mean = param[block], exp_avg[block]
        g = _gradient(p, grad[block], 0.0, maximize)
        change, share = (scratch(use, p.shape, p.dtype) for use in ("change", "share"))
        if shrink is not None:
            p *= shrink
        np.multiply(mean, b1, out=change)
        change += np.multiply(g, new1, out=share)
        np.sign(change, out=change)
        change *= rate
        p -= change
        mean *= b2
        mean += np.multiply(g, new2, out=share)
