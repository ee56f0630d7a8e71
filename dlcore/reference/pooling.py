"""2-D pooling as a loop over the places of a window.

The input is laid into an array that covers every window, the ones that `ceil_mode` lets hang over included;
for one place (r, s) in the window, a strided slice of it holds that place of all windows at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._precision import cast, wide

if TYPE_CHECKING:
    from dlcore._specs import Pool2dSpec

Array = Any


def max_pool2d_forward(xp: Any, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
    return _extreme_pool2d(xp, x, spec, -xp.inf, lambda value, best: value > best)


def min_pool2d_forward(xp: Any, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
    return _extreme_pool2d(xp, x, spec, xp.inf, lambda value, best: value < best)


def _extreme_pool2d(xp: Any, x: Array, spec: Pool2dSpec, worst: float, beats: Any) -> tuple[Array, Array]:
    """A window that lies in the padding altogether gives `worst` and the index 0."""
    shape = (*x.shape[:2], *spec.output_size(x.shape[2:]))
    padded = _cover(xp, x, spec, worst)
    inside = _cover(xp, xp.ones((1, 1, *x.shape[2:]), dtype=x.dtype), spec, 0.0) > 0
    best = xp.full(shape, worst, dtype=x.dtype)
    index = xp.zeros(shape, dtype=getattr(xp, spec.index_dtype()))
    found = best != best  # nothing yet
    for place, rows, columns in _places(spec, shape[2:]):
        value = padded[:, :, rows, columns]
        better = ~found | beats(value, best) | (xp.isnan(value) & ~xp.isnan(best))
        better = better & inside[:, :, rows, columns]
        best = xp.where(better, value, best)
        index = xp.where(better, xp.asarray(place, dtype=index.dtype), index)
        found = found | better
    return best, index


def index_pool2d_gather(xp: Any, x: Array, index: Array, spec: Pool2dSpec) -> Array:
    padded = _cover(xp, x, spec, 0.0)
    result = xp.zeros(index.shape, dtype=x.dtype)
    for place, rows, columns in _places(spec, index.shape[2:]):
        result = xp.where(index == place, padded[:, :, rows, columns], result)
    return result


def index_pool2d_scatter(
    xp: Any, grad: Array, index: Array, input_shape: tuple[int, int, int, int], spec: Pool2dSpec
) -> Array:
    grads = wide(xp, grad)
    padded = _cover(xp, xp.zeros(input_shape, dtype=grads.dtype), spec, 0.0)
    zero = xp.zeros_like(grads)
    for place, rows, columns in _places(spec, grad.shape[2:]):
        padded[:, :, rows, columns] += xp.where(index == place, grads, zero)
    return cast(xp, _uncover(padded, input_shape, spec), grad.dtype)


def avg_pool2d_forward(
    xp: Any, x: Array, spec: Pool2dSpec, count_include_pad: bool = True, divisor: int | None = None
) -> Array:
    output_size = spec.output_size(x.shape[2:])
    padded = _cover(xp, wide(xp, x), spec, 0.0)
    total = xp.zeros((*x.shape[:2], *output_size), dtype=padded.dtype)
    for _, rows, columns in _places(spec, output_size):
        total = total + padded[:, :, rows, columns]
    return cast(xp, total / _divisors(xp, total, x.shape, spec, count_include_pad, divisor), x.dtype)


def avg_pool2d_backward(
    xp: Any,
    grad: Array,
    input_shape: tuple[int, int, int, int],
    spec: Pool2dSpec,
    count_include_pad: bool = True,
    divisor: int | None = None,
) -> Array:
    grads = wide(xp, grad)
    share = grads / _divisors(xp, grads, input_shape, spec, count_include_pad, divisor)
    padded = _cover(xp, xp.zeros(input_shape, dtype=share.dtype), spec, 0.0)
    for _, rows, columns in _places(spec, grad.shape[2:]):
        padded[:, :, rows, columns] += share
    return cast(xp, _uncover(padded, input_shape, spec), grad.dtype)


def _divisors(
    xp: Any,
    like: Array,
    input_shape: tuple[int, ...],
    spec: Pool2dSpec,
    count_include_pad: bool,
    divisor: int | None,
) -> Array:
    """What each window's sum is divided by, (1, 1, P, Q), in the dtype of `like`."""
    p, q = like.shape[2:]
    if divisor is not None:
        return xp.full((1, 1, 1, 1), divisor, dtype=like.dtype)
    counted = _cover(xp, xp.ones((1, 1, *input_shape[2:]), dtype=like.dtype), spec, 0.0)
    if count_include_pad:
        top, bottom, left, right = spec.padding
        counted[:, :, : top + input_shape[2] + bottom, : left + input_shape[3] + right] = 1
    count = xp.zeros((1, 1, p, q), dtype=like.dtype)
    for _, rows, columns in _places(spec, (p, q)):
        count = count + counted[:, :, rows, columns]
    return xp.maximum(count, xp.ones_like(count))  # a window in the padding alone: its sum is zero already


def _cover(xp: Any, x: Array, spec: Pool2dSpec, fill: float) -> Array:
    """`x` at (top, left) of an array that every window fits in."""
    n, c, h, w = x.shape
    top, bottom, left, right = spec.padding
    height, width = (
        max(before + size + after, (count - 1) * stride + dilation * (kernel - 1) + 1)
        for before, size, after, count, stride, dilation, kernel in zip(
            (top, left),
            (h, w),
            (bottom, right),
            spec.output_size((h, w)),
            spec.stride,
            spec.dilation,
            spec.kernel_size,
            strict=True,
        )
    )
    covering = xp.full((n, c, height, width), fill, dtype=x.dtype)
    covering[:, :, top : top + h, left : left + w] = x
    return covering


def _uncover(covering: Array, input_shape: tuple[int, ...], spec: Pool2dSpec) -> Array:
    top, _, left, _ = spec.padding
    return covering[:, :, top : top + input_shape[2], left : left + input_shape[3]]


def _places(spec: Pool2dSpec, output_size: tuple[int, ...]) -> Iterator[tuple[int, slice, slice]]:
    """For each place in the window, its index r*S + s and the rows and columns where the windows have it."""
    for r in range(spec.kernel_size[0]):
        for s in range(spec.kernel_size[1]):
            rows, columns = (
                slice(tap * dilation, tap * dilation + (count - 1) * stride + 1, stride)
                for tap, dilation, stride, count in zip((r, s), spec.dilation, spec.stride, output_size, strict=True)
            )
            yield r * spec.kernel_size[1] + s, rows, columns
