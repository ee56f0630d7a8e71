"""2-D pooling by strided slices: one for each place in the window, without a padded copy of the input.

Outputs have the layout of the input, so batch-inner arrays (see `convolution`) are pooled in long contiguous runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np

from dlcore.backend import Pool2dSpec

from .masking import keep_where
from .windows import Tap, taps
from .workspace import scratch_like

Array = Any
Place = tuple[int, tuple[slice, slice], tuple[slice, slice]]


def extreme_pool2d_forward(x: Array, spec: Pool2dSpec, maximum: bool) -> tuple[Array, Array] | None:
    """The extremes and their places, or None if the values need more care: NaN, or infinities that never win.

    Of equal values the first wins as a later one must be strictly better. Places come in increasing order, so the
    last one taken is the largest one taken.
    """
    output_size = spec.output_size(x.shape[2:])
    shape = (*x.shape[:2], *output_size)
    best = np.empty_like(x, shape=shape)
    index = np.empty_like(x, shape=shape, dtype=spec.index_dtype())
    if best.size == 0:
        return best, index
    better, winner = (np.greater, np.maximum) if maximum else (np.less, np.minimum)
    places = _places(spec, x.shape[2:], output_size)
    _, outputs, inputs = next(places)
    if not _covers(outputs, output_size):
        best.fill(-np.inf if maximum else np.inf)
    best[:, :, *outputs] = x[:, :, *inputs]
    index.fill(0)
    for place, outputs, inputs in places:
        value, so_far, chosen = x[:, :, *inputs], best[:, :, *outputs], index[:, :, *outputs]
        taken = scratch_like(chosen, "taken", np.bool_)
        better(value, so_far, out=taken)
        winner(value, so_far, out=so_far)
        number = taken.view(np.uint8) if index.dtype == np.uint8 else taken.astype(index.dtype)
        np.multiply(number, index.dtype.type(place), out=number)
        np.maximum(chosen, number, out=chosen)
    # One reduction finds both a NaN and an infinity on the losing side.
    return (best, index) if isfinite(best.min() if maximum else best.max()) else None


def index_pool2d_scatter(grad: Array, index: Array, input_shape: tuple[int, int, int, int], spec: Pool2dSpec) -> Array:
    output_size = grad.shape[2:]
    if grad.size and grad.strides != tuple(stride // index.itemsize * grad.itemsize for stride in index.strides):
        grad = _copy(grad, scratch_like(index, "grad", grad.dtype))
    overlap = _overlaps(spec)
    result = _new_input(grad, input_shape, spec)
    if grad.size == 0:
        return result
    for place, outputs, inputs in _places(spec, input_shape[2:], output_size):
        chosen = index[:, :, *outputs]
        here = np.equal(chosen, place, out=scratch_like(chosen, "here", np.bool_))
        target, source = result[:, :, *inputs], grad[:, :, *outputs]
        if overlap:
            target += keep_where(source, here, scratch_like(source, "share", grad.dtype))
        else:
            keep_where(source, here, target)
    return result


def avg_pool2d_forward(x: Array, spec: Pool2dSpec, count_include_pad: bool, divisor: int | None) -> Array:
    output_size = spec.output_size(x.shape[2:])
    total = np.empty_like(x, shape=(*x.shape[:2], *output_size))
    places = _places(spec, x.shape[2:], output_size)
    _, outputs, inputs = next(places)
    if not _covers(outputs, output_size):
        total.fill(0)
    total[:, :, *outputs] = x[:, :, *inputs]
    for _, outputs, inputs in places:
        target = total[:, :, *outputs]
        target += x[:, :, *inputs]
    total /= _divisors(spec, x.shape[2:], count_include_pad, divisor, x.dtype)
    return total


def avg_pool2d_backward(
    grad: Array,
    input_shape: tuple[int, int, int, int],
    spec: Pool2dSpec,
    count_include_pad: bool,
    divisor: int | None,
) -> Array:
    share = np.empty_like(grad)
    np.divide(grad, _divisors(spec, input_shape[2:], count_include_pad, divisor, grad.dtype), out=share)
    overlap = _overlaps(spec)
    result = _new_input(grad, input_shape, spec)
    for _, outputs, inputs in _places(spec, input_shape[2:], grad.shape[2:]):
        if overlap:
            target = result[:, :, *inputs]
            target += share[:, :, *outputs]
        else:
            result[:, :, *inputs] = share[:, :, *outputs]
    return result


def _overlaps(spec: Pool2dSpec) -> bool:
    """Whether an input may lie in two windows."""
    return any(
        dilation * (kernel - 1) >= stride
        for dilation, kernel, stride in zip(spec.dilation, spec.kernel_size, spec.stride, strict=True)
    )


def _new_input(grad: Array, input_shape: tuple[int, int, int, int], spec: Pool2dSpec) -> Array:
    """An array for the gradient of the input, zero where the windows do not assign every element."""
    output_size = grad.shape[2:]
    result = np.empty_like(grad, shape=input_shape)
    tiled = (
        spec.kernel_size == spec.stride
        and spec.dilation == (1, 1)
        and all(
            size <= count * kernel
            for size, count, kernel in zip(input_shape[2:], output_size, spec.stride, strict=True)
        )
        and not any(spec.padding)
    )
    if not tiled:
        result.fill(0)
    return result


def _covers(outputs: tuple[slice, slice], output_size: tuple[int, int]) -> bool:
    return all(part == slice(0, size) for part, size in zip(outputs, output_size, strict=True))


def _axis_taps(spec: Pool2dSpec, input_size: tuple[int, int], output_size: tuple[int, int]) -> list[tuple[Tap, ...]]:
    return [
        taps(*sizes)
        for sizes in zip(
            input_size, output_size, spec.kernel_size, spec.stride, spec.dilation, spec.padding[::2], strict=True
        )
    ]


def _places(spec: Pool2dSpec, input_size: tuple[int, int], output_size: tuple[int, int]) -> Iterator[Place]:
    """For each place in the window, the outputs that find an input there, and those inputs.

    The first is always given, be it empty.
    """
    rows, columns = _axis_taps(spec, input_size, output_size)
    for r, row in enumerate(rows):
        for s, column in enumerate(columns):
            place = r * spec.kernel_size[1] + s
            if row.low < row.high and column.low < column.high:
                outputs = slice(row.low, row.high), slice(column.low, column.high)
                yield place, outputs, (row.inputs(row.low, row.high), column.inputs(column.low, column.high))
            elif place == 0:
                yield 0, (slice(0, 0), slice(0, 0)), (slice(0, 0), slice(0, 0))


@lru_cache(maxsize=64)
def _divisors(
    spec: Pool2dSpec, input_size: tuple[int, int], count_include_pad: bool, divisor: int | None, dtype: Any
) -> Array:
    """What the sums are divided by: one number where all are equal, else (P, Q)."""
    if divisor is not None:
        return dtype.type(divisor)
    output_size = spec.output_size(input_size)
    if count_include_pad:
        top, bottom, left, right = spec.padding
        input_size = input_size[0] + top + bottom, input_size[1] + left + right
        spec = spec._replace(padding=(0, 0, 0, 0))
    counts = []
    for axis, size in zip(_axis_taps(spec, input_size, output_size), output_size, strict=True):
        count = np.zeros(size, dtype)
        for tap in axis:
            count[tap.low : tap.high] += 1
        counts.append(count)
    product = np.maximum(np.outer(counts[0], counts[1]), dtype.type(1))  # sums over padding alone are zero
    return product.flat[0] if (product == product.flat[0]).all() else product


def _copy(x: Array, out: Array) -> Array:
    np.copyto(out, x)
    return out
