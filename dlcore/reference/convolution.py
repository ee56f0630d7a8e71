"""2-D convolution (cross-correlation) and its two gradients, as a sum over the taps of the kernel.

For the tap (r, s) the output is a matrix product of weight[:, :, r, s] with the channels of a strided slice
of the padded input; the gradients are the transposes of that product. Groups are a batch axis of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._precision import cast, result_in, wide
from .activations import bias_activation_forward

if TYPE_CHECKING:
    from dlcore._specs import Conv2dSpec

Array = Any


def conv2d_forward(
    xp: Any,
    x: Array,
    weight: Array,
    bias: Array | None,
    spec: Conv2dSpec,
    activation: str = "identity",
    alpha: float = 0.0,
) -> Array:
    n, c = x.shape[:2]
    k, group_channels, *kernel_size = weight.shape
    p, q = spec.output_size(x.shape[2:], (kernel_size[0], kernel_size[1]))
    groups = spec.groups
    padded = _pad(xp, wide(xp, x), spec)
    taps = xp.reshape(wide(xp, weight), (groups, k // groups, group_channels, *kernel_size))
    result = xp.zeros((n, groups, k // groups, p * q), dtype=padded.dtype)
    for r, s, rows, columns in _taps(kernel_size, (p, q), spec):
        window = xp.reshape(padded[:, :, rows, columns], (n, groups, c // groups, p * q))
        result = result + xp.matmul(taps[:, :, :, r, s], window)
    result = xp.reshape(result, (n, k, p, q))
    if bias is not None:
        result = result + xp.reshape(wide(xp, bias), (k, 1, 1))
    result = cast(xp, result, x.dtype)
    return result if activation == "identity" else bias_activation_forward(xp, result, None, activation, alpha)


def conv2d_backward_input(
    xp: Any, grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
) -> Array:
    n, c, h, w = input_shape
    k, group_channels, *kernel_size = weight.shape
    p, q = grad.shape[2:]
    groups = spec.groups
    taps = xp.reshape(wide(xp, weight), (groups, k // groups, group_channels, *kernel_size))
    grads = xp.reshape(wide(xp, grad), (n, groups, k // groups, p * q))
    top, bottom, left, right = spec.padding
    result = xp.zeros((n, c, top + h + bottom, left + w + right), dtype=grads.dtype)
    for r, s, rows, columns in _taps(kernel_size, (p, q), spec):
        transposed = xp.moveaxis(taps[:, :, :, r, s], 1, 2)  # (G, K/G, C/G) -> (G, C/G, K/G)
        result[:, :, rows, columns] += xp.reshape(xp.matmul(transposed, grads), (n, c, p, q))
    return cast(xp, result[:, :, top : top + h, left : left + w], grad.dtype)


def conv2d_backward_weight(
    xp: Any,
    grad: Array,
    x: Array,
    weight_shape: tuple[int, int, int, int],
    spec: Conv2dSpec,
    out: Array | None = None,
) -> Array:
    n, c = x.shape[:2]
    k, group_channels, *kernel_size = weight_shape
    p, q = grad.shape[2:]
    groups = spec.groups
    padded = _pad(xp, wide(xp, x), spec)
    grads = xp.reshape(wide(xp, grad), (n, groups, k // groups, p * q))
    result = xp.zeros((groups, k // groups, group_channels, *kernel_size), dtype=grads.dtype)
    for r, s, rows, columns in _taps(kernel_size, (p, q), spec):
        window = xp.reshape(padded[:, :, rows, columns], (n, groups, c // groups, p * q))
        products = xp.matmul(grads, xp.moveaxis(window, 2, 3))  # (N, G, K/G, C/G)
        result[:, :, :, r, s] = xp.sum(products, axis=0)
    return result_in(out, cast(xp, xp.reshape(result, weight_shape), grad.dtype))


def _pad(xp: Any, x: Array, spec: Conv2dSpec) -> Array:
    n, c, h, w = x.shape
    top, bottom, left, right = spec.padding
    padded = xp.zeros((n, c, top + h + bottom, left + w + right), dtype=x.dtype)
    padded[:, :, top : top + h, left : left + w] = x
    return padded


def _taps(
    kernel_size: list[int], output_size: tuple[int, int], spec: Conv2dSpec
) -> Iterator[tuple[int, int, slice, slice]]:
    """For each tap (r, s), the rows and columns of the padded input that it meets."""
    for r in range(kernel_size[0]):
        for s in range(kernel_size[1]):
            rows, columns = (
                slice(tap * dilation, tap * dilation + (size - 1) * stride + 1, stride)
                for tap, dilation, stride, size in zip((r, s), spec.dilation, spec.stride, output_size, strict=True)
            )
            yield r, s, rows, columns
