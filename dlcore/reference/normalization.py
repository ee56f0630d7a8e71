"""Normalisation over the batch (Ioffe, Szegedy, arXiv:1502.03167) and by groups of channels (Wu, He, arXiv:1803.08494).

The variance is the corrected two-pass one of Chan, Golub, LeVeque, "Algorithms for computing the sample variance",
1983: deviations from a rounded mean are freed of their own mean.
"""

from __future__ import annotations

from math import prod
from typing import Any

from ._precision import cast, compute_dtype, result_in, wide

Array = Any


def batch_norm_forward(
    xp: Any,
    x: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    batches: Array | None = None,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Array]:
    axes = _all_but_channels(x)
    deviation, mean, rest, var = _moments(xp, wide(xp, x), axes)
    inverse = 1 / xp.sqrt(var + eps)
    statistics = xp.stack([xp.reshape(value, (-1,)) for value in (mean, rest, inverse)])
    if batches is not None:
        batches[...] = batches + 1
    share = share_of_newest(momentum, batches)
    count = x.size // x.shape[1]
    unbiased = var * (count / max(count - 1, 1))
    for running, value in ((running_mean, mean), (running_var, unbiased)):
        if running is not None:
            running[...] = (1 - share) * wide(xp, running) + share * xp.reshape(value, (-1,))
    return cast(xp, _affine(xp, deviation * inverse, weight, bias), x.dtype), statistics


def share_of_newest(momentum: float | None, batches: Array | None) -> float:
    """The share of this batch, the last of `batches`, in the running statistics."""
    if momentum is not None:
        return momentum
    assert batches is not None, "averages need the number of batches"
    return 1 / float(batches)


def batch_norm_inference(
    xp: Any, x: Array, weight: Array | None, bias: Array | None, mean: Array, var: Array, eps: float = 1e-5
) -> Array:
    values = wide(xp, x)
    mean, var = (_along_channels(xp, value, values) for value in (mean, var))
    return cast(xp, _affine(xp, (values - mean) / xp.sqrt(var + eps), weight, bias), x.dtype)


def batch_norm_backward(
    xp: Any,
    grad: Array,
    x: Array,
    weight: Array | None,
    statistics: Array,
    training: bool = True,
    weight_out: Array | None = None,
    bias_out: Array | None = None,
) -> tuple[Array, Array, Array]:
    axes, g = _all_but_channels(x), wide(xp, grad)
    mean, rest, inverse = (_along_channels(xp, statistics[i, ...], g) for i in range(3))
    normalised = (wide(xp, x) - mean - rest) * inverse
    by_weight = xp.sum(g * normalised, axis=axes, keepdims=True)
    by_bias = xp.sum(g, axis=axes, keepdims=True)
    by_x = g
    if training:
        count = x.size // x.shape[1]
        by_x = by_x - by_bias / count - normalised * (by_weight / count)
    by_x = _affine(xp, by_x * inverse, weight, None)
    return (
        cast(xp, by_x, grad.dtype),
        result_in(weight_out, cast(xp, xp.reshape(by_weight, (-1,)), grad.dtype)),
        result_in(bias_out, cast(xp, xp.reshape(by_bias, (-1,)), grad.dtype)),
    )


def group_norm_forward(
    xp: Any, x: Array, weight: Array | None, bias: Array | None, groups: int = 1, eps: float = 1e-5
) -> tuple[Array, Array]:
    values = xp.reshape(wide(xp, x), _in_groups(x, groups))
    deviation, mean, rest, var = _moments(xp, values, (2,))
    inverse = 1 / xp.sqrt(var + eps)
    statistics = xp.stack([value[:, :, 0] for value in (mean, rest, inverse)])
    normalised = xp.reshape(deviation * inverse, x.shape)
    return cast(xp, _affine(xp, normalised, weight, bias), x.dtype), statistics


def group_norm_backward(
    xp: Any,
    grad: Array,
    x: Array,
    weight: Array | None,
    statistics: Array,
    affine: bool = True,
    weight_out: Array | None = None,
    bias_out: Array | None = None,
) -> tuple[Array, Array | None, Array | None]:
    g = wide(xp, grad)
    shape = _in_groups(x, statistics.shape[2])
    mean, rest, inverse = (statistics[i, ...][:, :, None] for i in range(3))
    normalised = (xp.reshape(wide(xp, x), shape) - mean - rest) * inverse
    weighted = xp.reshape(_affine(xp, g, weight, None), shape)
    by_x = weighted - xp.mean(weighted, axis=2, keepdims=True)
    by_x = (by_x - normalised * xp.mean(weighted * normalised, axis=2, keepdims=True)) * inverse
    by_weight = by_bias = None
    if affine:
        axes = _all_but_channels(x)
        by_weight = xp.sum(g * xp.reshape(normalised, x.shape), axis=axes)
        by_weight = result_in(weight_out, cast(xp, by_weight, grad.dtype))
        by_bias = result_in(bias_out, cast(xp, xp.sum(g, axis=axes), grad.dtype))
    return cast(xp, xp.reshape(by_x, x.shape), grad.dtype), by_weight, by_bias


def _moments(xp: Any, x: Array, axes: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
    """Deviations from the mean, the mean, what rounding took from it, and the biased variance; axes kept as 1."""
    mean = xp.mean(x, axis=axes, keepdims=True)
    deviation = x - mean
    rest = xp.mean(deviation, axis=axes, keepdims=True)
    deviation = deviation - rest
    return deviation, mean, rest, xp.mean(deviation * deviation, axis=axes, keepdims=True)


def _affine(xp: Any, x: Array, weight: Array | None, bias: Array | None) -> Array:
    if weight is not None:
        x = x * _along_channels(xp, weight, x)
    return x if bias is None else x + _along_channels(xp, bias, x)


def _along_channels(xp: Any, values: Array, like: Array) -> Array:
    """`values` (C,) as (1, C, 1, ...), in the dtype that `like` is computed in."""
    return xp.reshape(cast(xp, values, compute_dtype(xp, like)), (1, -1, *(1,) * (like.ndim - 2)))


def _all_but_channels(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _in_groups(x: Array, groups: int) -> tuple[int, int, int]:
    return x.shape[0], groups, prod(x.shape[1:]) // groups
