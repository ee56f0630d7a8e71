"""Adaptive 2-D pooling. Averages axis by axis: P + Q sums of slices instead of P * Q."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = Any


def adaptive_avg_pool2d_forward(x: Array, output_size: tuple[int, int]) -> Array:
    rows, columns = (parts(size, count) for size, count in zip(x.shape[2:], output_size, strict=True))
    summed = np.empty((*x.shape[:2], output_size[0], x.shape[3]), x.dtype)
    for p, part in enumerate(rows):
        np.add.reduce(x[:, :, part], axis=2, out=summed[:, :, p])
    result = np.empty((*x.shape[:2], *output_size), x.dtype)
    for q, part in enumerate(columns):
        np.add.reduce(summed[:, :, :, part], axis=3, out=result[:, :, :, q])
    result /= _counts(x.shape[2:], output_size, x.dtype)
    return result


def adaptive_avg_pool2d_backward(grad: Array, input_shape: tuple[int, int, int, int]) -> Array:
    output_size = grad.shape[2:]
    share = grad / _counts(input_shape[2:], output_size, grad.dtype)
    rows, columns = (parts(size, count) for size, count in zip(input_shape[2:], output_size, strict=True))
    spread = np.zeros((*grad.shape[:3], input_shape[3]), grad.dtype)
    for q, part in enumerate(columns):
        spread[:, :, :, part] += share[:, :, :, q : q + 1]
    result = np.zeros(input_shape, grad.dtype)
    for p, part in enumerate(rows):
        result[:, :, part] += spread[:, :, p : p + 1]
    return result


def adaptive_max_pool2d_forward(x: Array, output_size: tuple[int, int]) -> tuple[Array, Array]:
    """`argmax` takes the first of equals, and NaN for the largest."""
    n, c, _, w = x.shape
    index = np.empty((n, c, *output_size), np.int64)
    for p, rows in enumerate(parts(x.shape[2], output_size[0])):
        for q, columns in enumerate(parts(w, output_size[1])):
            width = columns.stop - columns.start
            place = x[:, :, rows, columns].reshape(n, c, (rows.stop - rows.start) * width).argmax(axis=2)
            row, column = np.divmod(place, width)
            index[:, :, p, q] = (row + rows.start) * w + column + columns.start
    return take(x, index), index


def take(x: Array, index: Array) -> Array:
    """The elements of x at places of its images."""
    n, c, h, w = x.shape
    p, q = index.shape[2:]
    chosen = np.take_along_axis(x.reshape(n, c, h * w), index.reshape(n, c, p * q), axis=2)
    return chosen.reshape(index.shape)


def adaptive_pool2d_scatter(grad: Array, index: Array, input_shape: tuple[int, int, int, int]) -> Array:
    """`np.add.at` adds in the order of the index."""
    planes = np.arange(grad.shape[0] * grad.shape[1]).reshape(*grad.shape[:2], 1, 1) * (input_shape[2] * input_shape[3])
    result = np.zeros(input_shape, grad.dtype)
    np.add.at(result.reshape(-1), (index + planes).reshape(-1), grad.reshape(-1))
    return result


def parts(size: int, count: int) -> Iterator[slice]:
    """Where the parts of an axis begin and end."""
    return (slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count))


def _counts(input_size: tuple[int, ...], output_size: tuple[int, ...], dtype: Any) -> Array:
    rows, columns = (
        np.array([part.stop - part.start for part in parts(size, count)], dtype)
        for size, count in zip(input_size, output_size, strict=True)
    )
    return np.outer(rows, columns)
