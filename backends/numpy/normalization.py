"""Normalisation by batch and by groups, a part of the array at a time, so that all passes but one are in the cache.

Deviations from a mean as rounded as it may be are freed of their own mean afterwards: fast sums are exact enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from dlcore.reference.normalization import share_of_newest

from .sums import sum_axes
from .workspace import scratch

Array = Any

BLOCK_BYTES = 2**18


class _Channels(NamedTuple):
    """An array (N, C, ...) seen as (outer, C, inner), its axes in the order of memory."""

    order: tuple[int, ...]
    sizes: tuple[int, ...]  # in that order
    shape: tuple[int, int, int]

    def of(self, x: Array) -> Array:
        """(outer, C, inner), a copy where the memory of `x` is in another order."""
        return np.ascontiguousarray(x.transpose(self.order)).reshape(self.shape)

    def restored(self, x: Array) -> Array:
        """(outer, C, inner) -> (N, C, ...)"""
        return x.reshape(self.sizes).transpose([self.order.index(axis) for axis in range(len(self.order))])

    def parts(self, itemsize: int) -> Iterator[slice]:
        """Some channels at a time; rows of neighbouring channels stay whole."""
        outer, channels, inner = self.shape
        step = channels if inner == 1 else max(1, BLOCK_BYTES // (itemsize * outer * inner))
        for start in range(0, channels, step):
            yield slice(start, start + step)


def _channels(x: Array) -> _Channels:
    order = tuple(sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis])))
    if not x.transpose(order).flags.c_contiguous:
        order = tuple(range(x.ndim))
    sizes = tuple([x.shape[axis] for axis in order])
    place = order.index(1)
    return _Channels(order, sizes, (prod(sizes[:place]), sizes[place], prod(sizes[place + 1 :])))


def batch_norm_forward(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    batches: Array | None,
    momentum: float | None,
    eps: float,
) -> tuple[Array, Array]:
    view = _channels(x)
    source, out = view.of(x), np.empty(view.shape, x.dtype)
    count = x.size // x.shape[1]
    statistics, var = np.empty((3, x.shape[1]), x.dtype), np.empty(x.shape[1], x.dtype)
    for part in view.parts(x.itemsize):
        values = source[:, part]
        mean = _totals(values) / count
        deviation = np.subtract(values, mean[:, None], out=scratch("deviation", values.shape, x.dtype))
        rest = _totals(deviation) / count
        var[part] = np.maximum(_dots(deviation, deviation) / count - rest * rest, 0)
        inverse = 1 / np.sqrt(var[part] + eps)
        statistics[:, part] = mean, rest, inverse
        _scaled(deviation, inverse, -rest, weight, bias, part, out[:, part])
    if batches is not None:
        batches += 1
    share = share_of_newest(momentum, batches)
    for running, value in (
        (running_mean, statistics[0] + statistics[1]),
        (running_var, var * (count / max(count - 1, 1))),
    ):
        if running is not None:
            running[...] = (1 - share) * running + share * value
    return view.restored(out), statistics


def batch_norm_inference(
    x: Array, weight: Array | None, bias: Array | None, mean: Array, var: Array, eps: float
) -> Array:
    view = _channels(x)
    source, out = view.of(x), np.empty(view.shape, x.dtype)
    inverse = 1 / np.sqrt(var + eps)
    for part in view.parts(x.itemsize):
        deviation = np.subtract(source[:, part], mean[part, None], out=out[:, part])
        _scaled(deviation, inverse[part], 0, weight, bias, part, deviation)
    return view.restored(out)


def _scaled(
    deviation: Array, inverse: Array, offset: Any, weight: Array | None, bias: Array | None, part: slice, out: Array
) -> None:
    """(deviation + offset) * inverse * weight + bias"""
    factor = inverse if weight is None else inverse * weight[part]
    np.multiply(deviation, factor[:, None], out=out)
    shift = offset * factor if bias is None else offset * factor + bias[part]
    out += shift[:, None]


def batch_norm_backward(
    grad: Array, x: Array, weight: Array | None, statistics: Array, training: bool
) -> tuple[Array, Array, Array]:
    view = _channels(x)
    grads, source, out = view.of(grad), view.of(x), np.empty(view.shape, x.dtype)
    count = x.size // x.shape[1]
    by_weight, by_bias = np.empty((2, x.shape[1]), x.dtype)
    for part in view.parts(x.itemsize):
        g, values, result = grads[:, part], source[:, part], out[:, part]
        mean, rest, inverse = statistics[:, part]
        deviation = np.subtract(values, mean[:, None], out=scratch("deviation", values.shape, x.dtype))
        by_bias[part] = total = _totals(g)
        by_weight[part] = product = (_dots(g, deviation) - rest * total) * inverse
        factor = inverse if weight is None else inverse * weight[part]
        np.multiply(g, factor[:, None], out=result)
        if training:
            slope = factor * inverse * product / -count
            deviation *= slope[:, None]
            deviation += (factor * total / -count - slope * rest)[:, None]
            result += deviation
    return view.restored(out), by_weight, by_bias


def _totals(x: Array) -> Array:
    """(outer, C, inner) -> (C,)"""
    if x.shape[2] == 1:
        return sum_axes(x[:, :, 0], (0,))
    return np.add.reduce(np.matmul(x, _ones(x.shape[2], x.dtype)), axis=0)


def _dots(x: Array, y: Array) -> Array:
    """(outer, C, inner), twice -> (C,)"""
    if x.shape[2] == 1:
        return sum_axes((x * y)[:, :, 0], (0,))
    return np.add.reduce(np.vecdot(x, y), axis=0)


@lru_cache(maxsize=8)
def _ones(size: int, dtype: Any) -> Array:
    ones = np.ones(size, dtype)
    ones.flags.writeable = False
    return ones


# --- groups of channels -------------------------------------------------------------------------


def _samples(x: Array, groups: int) -> tuple[tuple[int, int, int, int], int]:
    """The shape (N, G, C/G, inner), and how many samples are worked on at a time."""
    n, channels, inner = x.shape[0], x.shape[1], prod(x.shape[2:])
    return (n, groups, channels // groups, inner), max(1, BLOCK_BYTES // max(1, channels * inner * x.itemsize))


def group_norm_forward(
    x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float
) -> tuple[Array, Array]:
    shape, step = _samples(x, groups)
    source, out = np.ascontiguousarray(x).reshape(shape), np.empty(shape, x.dtype)
    length = shape[2] * shape[3]
    ones = _ones(length, x.dtype)
    statistics = np.empty((3, *shape[:2]), x.dtype)
    along = (1, groups, shape[2], 1)
    weight, bias = (None if values is None else values.reshape(along) for values in (weight, bias))
    for start in range(0, shape[0], step):
        part = slice(start, start + step)
        values, result = source[part].reshape(-1, groups, length), out[part]
        rows = result.reshape(values.shape)
        mean = _row_totals(values, ones) / length
        deviation = np.subtract(values, mean[:, :, None], out=rows)
        rest = _row_totals(deviation, ones) / length
        var = np.maximum(np.vecdot(deviation, deviation) / length - rest * rest, 0)
        inverse = 1 / np.sqrt(var + eps)
        statistics[:, part] = mean, rest, inverse
        if shape[3] == 1:  # as many weights as elements: no product of them with the rows' factors
            deviation -= rest[:, :, None]
            deviation *= inverse[:, :, None]
            if weight is not None:
                result *= weight
            if bias is not None:
                result += bias
            continue
        factor = inverse[:, :, None, None] if weight is None else inverse[:, :, None, None] * weight
        shift = factor * -rest[:, :, None, None]
        result *= factor
        result += shift if bias is None else shift + bias
    return out.reshape(x.shape), statistics


def group_norm_backward(
    grad: Array, x: Array, weight: Array | None, statistics: Array, affine: bool
) -> tuple[Array, Array | None, Array | None]:
    groups = statistics.shape[2]
    shape, step = _samples(x, groups)
    grads, source = (np.ascontiguousarray(array).reshape(shape) for array in (grad, x))
    out = np.empty(shape, x.dtype)
    length = shape[2] * shape[3]
    ones = _ones(length, x.dtype)
    by_weight, by_bias = np.zeros((2, *shape[1:3]))  # sums of sums: in float64
    for start in range(0, shape[0], step):
        part = slice(start, start + step)
        g, result = grads[part], out[part]
        mean, rest, inverse = statistics[:, part]
        deviation = np.subtract(source[part], mean[:, :, None, None], out=scratch("deviation", result.shape, x.dtype))
        if affine:
            single = shape[3] == 1
            product = np.multiply(g, deviation, out=scratch("product", g.shape, x.dtype)) if single else None
            dots = np.vecdot(g, deviation) if product is None else product[..., 0]
            totals = g[..., 0] if single else np.matmul(g, _ones(shape[3], x.dtype))
            by_weight += _over_samples(dots, inverse) - _over_samples(totals, inverse * rest)
            by_bias += np.add.reduce(totals, axis=0)
        if weight is not None:
            result = np.multiply(g, weight.reshape(groups, -1, 1), out=result)
            rows = result.reshape(-1, groups, length)
        else:
            rows = g.reshape(-1, groups, length)
        total = _row_totals(rows, ones)
        product = (np.vecdot(rows, deviation.reshape(rows.shape)) - rest * total) * inverse
        slope = inverse * inverse * product / -length
        offset = inverse * total / -length - slope * rest
        deviation *= slope[:, :, None, None]
        deviation += offset[:, :, None, None]
        np.multiply(result if weight is not None else g, inverse[:, :, None, None], out=result)
        result += deviation
    gradient = out.reshape(x.shape)
    if not affine:
        return gradient, None, None
    return gradient, by_weight.reshape(-1).astype(x.dtype), by_bias.reshape(-1).astype(x.dtype)


def _row_totals(x: Array, ones: Array) -> Array:
    """(n, G, length) -> (n, G), by one product of a matrix and a vector."""
    return np.matmul(x.reshape(-1, x.shape[2]), ones).reshape(x.shape[:2])


def _over_samples(values: Array, weights: Array) -> Array:
    """The sum over n of weights (n, G) * values (n, G, C/G)."""
    return np.matmul(weights.T[:, None, :], values.transpose(1, 0, 2))[:, 0]
