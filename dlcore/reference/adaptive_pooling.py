"""Adaptive 2-D pooling, one part of the image after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._precision import cast, wide

Array = Any
Part = tuple[int, int, slice, slice]


def adaptive_avg_pool2d_forward(xp: Any, x: Array, output_size: tuple[int, int]) -> Array:
    values = wide(xp, x)
    result = xp.zeros((*x.shape[:2], *output_size), dtype=values.dtype)
    for p, q, rows, columns in _parts(x.shape[2:], output_size):
        result[:, :, p, q] = xp.mean(values[:, :, rows, columns], axis=(2, 3))
    return cast(xp, result, x.dtype)


def adaptive_avg_pool2d_backward(xp: Any, grad: Array, input_shape: tuple[int, int, int, int]) -> Array:
    grads = wide(xp, grad)
    result = xp.zeros(input_shape, dtype=grads.dtype)
    for p, q, rows, columns in _parts(input_shape[2:], grad.shape[2:]):
        count = (rows.stop - rows.start) * (columns.stop - columns.start)
        result[:, :, rows, columns] += grads[:, :, p : p + 1, q : q + 1] / count
    return cast(xp, result, grad.dtype)


def adaptive_max_pool2d_forward(xp: Any, x: Array, output_size: tuple[int, int]) -> tuple[Array, Array]:
    n, c, _, w = x.shape
    index = xp.zeros((n, c, *output_size), dtype=xp.int64)
    for p, q, rows, columns in _parts(x.shape[2:], output_size):
        part = x[:, :, rows, columns]
        width = part.shape[3]
        part = xp.reshape(part, (n, c, part.shape[2] * width))
        missing = xp.isnan(part)
        place = xp.where(
            xp.any(missing, axis=2), xp.argmax(xp.astype(missing, xp.int8), axis=2), xp.argmax(part, axis=2)
        )
        index[:, :, p, q] = (rows.start + place // width) * w + columns.start + place % width
    return adaptive_pool2d_gather(xp, x, index), index


def adaptive_pool2d_gather(xp: Any, x: Array, index: Array) -> Array:
    n, c, h, w = x.shape
    p, q = index.shape[2:]
    chosen = xp.take_along_axis(xp.reshape(x, (n, c, h * w)), xp.reshape(index, (n, c, p * q)), axis=2)
    return xp.reshape(chosen, (n, c, p, q))


def adaptive_pool2d_scatter(xp: Any, grad: Array, index: Array, input_shape: tuple[int, int, int, int]) -> Array:
    h, w = input_shape[2:]
    grads = wide(xp, grad)
    result = xp.zeros(input_shape, dtype=grads.dtype)
    places = xp.reshape(xp.arange(h * w), (h, w))
    for p, q, rows, columns in _parts((h, w), grad.shape[2:]):
        here = index[:, :, p : p + 1, q : q + 1] == places[rows, columns]
        result[:, :, rows, columns] += xp.where(
            here, grads[:, :, p : p + 1, q : q + 1], xp.zeros_like(grads[:1, :1, :1, :1])
        )
    return cast(xp, result, grad.dtype)


def _parts(input_size: tuple[int, ...], output_size: tuple[int, ...]) -> Iterator[Part]:
    """For each part, its place (p, q) in the output, and its rows and columns in the input."""
    for p in range(output_size[0]):
        for q in range(output_size[1]):
            rows, columns = (
                slice(i * size // count, -(-(i + 1) * size // count))
                for i, size, count in zip((p, q), input_size, output_size, strict=True)
            )
            yield p, q, rows, columns
