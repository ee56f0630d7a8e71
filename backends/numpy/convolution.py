"""2-D convolution as im2col and one large matrix product (GEMM) for a chunk of the batch.

The columns of a chunk, (C*R*S, pixels), hold for every output pixel the inputs under the kernel; then
    forward          out (K, pixels)     = weight (K, C*R*S) @ columns
    backward weight  dweight (K, C*R*S) += grad (K, pixels) @ columns^T
    backward input   dcolumns            = weight^T @ grad, and col2im adds their taps into dx

Two things make this fast. The columns live in a reused buffer of the size of a cache (4 MiB measured best from
LeNet to 56x56 images; 0.5 MiB takes up to twice as long). And the pixels of a chunk come in one of two orders:

- image order: results have the strides of a (K, N, P, Q) array; a chunk is some images;
- batch-inner order: results have the strides of a (K, P, Q, N) array; a chunk is some output rows of all
  images. A tap then is a copy of runs of Q*N numbers, where image order copies runs of Q. For images of 28x28
  and smaller that makes the columns two to four times cheaper.

Either way results are arrays of the shape (N, K, P, Q), whose layout element-wise operations and pooling keep and
the next convolution reads without a copy. Chunks have a fixed order, so results are deterministic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from dlcore.backend import Conv2dSpec

from .windows import Tap, taps
from .workspace import scratch

Array = Any

COLUMN_BYTES = 4 * 2**20
DEPTHWISE_BYTES = 2**18
MIN_BATCH_INNER = 8  # images; below, batch-inner order has no longer runs to offer
NARROW = 32  # pixels; wider rows are long enough runs by themselves


class _Geometry(NamedTuple):
    """A convolution's sizes, its taps along both axes, and the order of its pixels."""

    batch: int
    channels: int
    output_size: tuple[int, int]
    kernel_size: tuple[int, int]
    rows: tuple[Tap, ...]
    columns: tuple[Tap, ...]
    groups: int
    batch_inner: bool

    def chunks(self, itemsize: int) -> Iterator[tuple[slice, slice]]:
        """(images, output rows) of each chunk: in the order of memory, all of one and some of the other."""
        p, q = self.output_size
        per_pixel = self.channels * self.kernel_size[0] * self.kernel_size[1] * itemsize
        length, inner = (p, q * self.batch) if self.batch_inner else (self.batch, p * q)
        step = max(1, COLUMN_BYTES // max(1, per_pixel * inner))
        for start in range(0, length, step):
            part = slice(start, min(start + step, length))
            yield (slice(0, self.batch), part) if self.batch_inner else (part, slice(0, p))

    def new(self, channels: int, size: tuple[int, int], dtype: Any, zero: bool = False) -> Array:
        """A new array with the axes (channels, N, height, width), whatever its order in memory."""
        make = np.zeros if zero else np.empty
        if self.batch_inner:
            return make((channels, *size, self.batch), dtype).transpose(0, 3, 1, 2)
        return make((channels, self.batch, *size), dtype)

    def matrix(self, x: Array) -> Array:
        """x (channels, n, rows, Q) -> (G, channels/G, pixels), a view where the memory order is ours."""
        ordered = x.transpose(0, 2, 3, 1) if self.batch_inner else x
        return ordered.reshape(self.groups, x.shape[0] // self.groups, x.shape[1] * x.shape[2] * x.shape[3])

    def new_columns(self, images: int, rows: int, dtype: Any) -> Array:
        """Scratch with the axes (C, R, S, n, rows, Q)."""
        q = self.output_size[1]
        if self.batch_inner:
            buffer = scratch("columns", (self.channels, *self.kernel_size, rows, q, images), dtype)
            return buffer.transpose(0, 1, 2, 5, 3, 4)
        return scratch("columns", (self.channels, *self.kernel_size, images, rows, q), dtype)

    def column_matrix(self, columns: Array) -> Array:
        """(C, R, S, n, rows, Q) -> (G, C/G*R*S, pixels), a view."""
        c, r, s, n, rows, q = columns.shape
        ordered = columns.transpose(0, 1, 2, 4, 5, 3) if self.batch_inner else columns
        return ordered.reshape(self.groups, c // self.groups * r * s, n * rows * q)


def _geometry(like: Array, input_shape: tuple[int, ...], weight_shape: tuple[int, ...], spec: Conv2dSpec) -> _Geometry:
    """`like`: the array whose layout decides, with the axes (N, channels, height, width)."""
    n, c, h, w = input_shape
    _, _, r, s = weight_shape
    p, q = spec.output_size((h, w), (r, s))
    top, _, left, _ = spec.padding
    batch_inner = n >= MIN_BATCH_INNER and (is_batch_inner(like) or q <= NARROW)
    return _Geometry(
        n,
        c,
        (p, q),
        (r, s),
        taps(h, p, r, spec.stride[0], spec.dilation[0], top),
        taps(w, q, s, spec.stride[1], spec.dilation[1], left),
        spec.groups,
        batch_inner,
    )


def is_batch_inner(x: Array) -> bool:
    """Whether neighbours in memory are neighbours in the batch (axis 0)."""
    strides: tuple[int, ...] = x.strides
    return x.shape[0] > 1 and strides[0] == x.itemsize and abs(strides[3]) > strides[0]


def conv2d_forward(x: Array, weight: Array, bias: Array | None, spec: Conv2dSpec) -> Array:
    k, group_channels, r, s = weight.shape
    geometry = _geometry(x, x.shape, weight.shape, spec)
    out = geometry.new(k, geometry.output_size, x.dtype)
    if out.size == 0:
        return out.transpose(1, 0, 2, 3)
    source = _source(x, geometry)
    if group_channels == 1 and k == spec.groups:
        _depthwise(source, weight, out, geometry)
        if bias is not None:
            out += bias.reshape(k, 1, 1, 1)
        return out.transpose(1, 0, 2, 3)
    matrix = weight.reshape(spec.groups, k // spec.groups, group_channels * r * s)
    for images, rows in geometry.chunks(x.itemsize):
        target = geometry.matrix(out[:, images, rows])
        np.matmul(matrix, _im2col(source, geometry, images, rows), out=target)
        if bias is not None:
            target += bias.reshape(spec.groups, k // spec.groups, 1)
    return out.transpose(1, 0, 2, 3)


def conv2d_backward_weight(
    grad: Array, x: Array, weight_shape: tuple[int, int, int, int], spec: Conv2dSpec, out: Array | None
) -> Array:
    k, group_channels, r, s = weight_shape
    geometry = _geometry(x, x.shape, weight_shape, spec)
    if out is None:
        out = np.zeros(weight_shape, grad.dtype)
    else:
        out.fill(0)
    result = out.reshape(spec.groups, k // spec.groups, group_channels * r * s)
    if grad.size:
        source, grads = _source(x, geometry), grad.transpose(1, 0, 2, 3)
        for images, rows in geometry.chunks(x.itemsize):
            columns = _im2col(source, geometry, images, rows)
            result += geometry.matrix(grads[:, images, rows]) @ columns.transpose(0, 2, 1)
    return out


def conv2d_backward_input(
    grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
) -> Array:
    if (as_convolution := _as_convolution(weight, input_shape, spec)) is not None:
        return conv2d_forward(grad, *as_convolution)
    k, group_channels, r, s = weight.shape
    geometry = _geometry(grad, input_shape, weight.shape, spec)
    result = geometry.new(input_shape[1], input_shape[2:], grad.dtype, zero=True)
    if grad.size:
        grads = grad.transpose(1, 0, 2, 3)
        matrix = weight.reshape(spec.groups, k // spec.groups, group_channels * r * s).transpose(0, 2, 1)
        for images, rows in geometry.chunks(grad.itemsize):
            columns = geometry.new_columns(images.stop - images.start, rows.stop - rows.start, grad.dtype)
            np.matmul(matrix, geometry.matrix(grads[:, images, rows]), out=geometry.column_matrix(columns))
            _col2im(columns, result, geometry, images, rows)
    return result.transpose(1, 0, 2, 3)


def _as_convolution(
    weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
) -> tuple[Array, None, Conv2dSpec] | None:
    """With stride 1 the gradient is itself a convolution, of `grad` with the kernels turned around and transposed.

    That trades col2im's additions, over C*R*S columns, for copies, over K*R*S columns.
    """
    k, group_channels, r, s = weight.shape
    reach = (spec.dilation[0] * (r - 1), spec.dilation[1] * (s - 1))
    top, bottom, left, right = spec.padding
    padding = (reach[0] - top, reach[0] - bottom, reach[1] - left, reach[1] - right)
    if spec.stride != (1, 1) or min(padding) < 0 or k > input_shape[1] or 0 in input_shape[2:]:
        return None
    grouped = weight.reshape(spec.groups, k // spec.groups, group_channels, r, s)
    turned = grouped.transpose(0, 2, 1, 3, 4)[..., ::-1, ::-1].reshape(input_shape[1], k // spec.groups, r, s)
    return turned, None, spec._replace(padding=padding)


def _source(x: Array, geometry: _Geometry) -> Array:
    """x (N, C, H, W) -> (C, N, H, W), in memory in the order in which the columns are read."""
    source = x.transpose(1, 0, 2, 3)
    if geometry.batch_inner and not is_batch_inner(x):
        buffer = scratch("source", (x.shape[1], x.shape[2], x.shape[3], x.shape[0]), x.dtype)
        np.copyto(buffer, x.transpose(1, 2, 3, 0))
        return buffer.transpose(0, 3, 1, 2)
    return source


def _depthwise(source: Array, weight: Array, out: Array, geometry: _Geometry) -> None:
    """One filter for each channel: a matrix with a single row is no work for a GEMM, so the taps are summed.

    A few channels at a time, so that their outputs stay in the cache for all taps.
    """
    step = max(1, DEPTHWISE_BYTES // out[0].nbytes)
    for start in range(0, geometry.channels, step):
        channels = slice(start, start + step)
        target = out[channels]
        target.fill(0)
        for i, row in enumerate(geometry.rows):
            for j, column in enumerate(geometry.columns):
                part = target[:, :, row.low : row.high, column.low : column.high]
                if part.size:
                    inputs = row.inputs(row.low, row.high), column.inputs(column.low, column.high)
                    c, n, height, width = part.shape
                    if geometry.batch_inner:
                        product = scratch("product", (c, height, width, n), out.dtype).transpose(0, 3, 1, 2)
                    else:
                        product = scratch("product", part.shape, out.dtype)
                    np.multiply(source[channels, :, *inputs], weight[channels, :, i, j, None, None], out=product)
                    part += product


def _im2col(source: Array, geometry: _Geometry, images: slice, rows: slice) -> Array:
    """The columns of a chunk, (G, C/G*R*S, pixels)."""
    p, q = geometry.output_size
    whole = (0, p, 0, 1), (0, q, 0, 1)
    if geometry.kernel_size == (1, 1) and (geometry.rows[0], geometry.columns[0]) == whole:
        return geometry.matrix(source[:, images, rows])  # 1x1: the input is its own columns
    columns = geometry.new_columns(images.stop - images.start, rows.stop - rows.start, source.dtype)
    last = rows.stop - rows.start
    for i, row in enumerate(geometry.rows):
        low, high = _clip(row, rows)
        for j, column in enumerate(geometry.columns):
            tap = columns[:, i, j]
            if low > 0:
                tap[:, :, :low] = 0
            if high < last:
                tap[:, :, high:] = 0
            if column.low > 0:
                tap[:, :, low:high, : column.low] = 0
            if column.high < q:
                tap[:, :, low:high, column.high :] = 0
            if low < high and column.low < column.high:
                inputs = row.inputs(low + rows.start, high + rows.start), column.inputs(column.low, column.high)
                tap[:, :, low:high, column.low : column.high] = source[:, images, *inputs]
    return geometry.column_matrix(columns)


def _col2im(columns: Array, result: Array, geometry: _Geometry, images: slice, rows: slice) -> None:
    """Add the columns (C, R, S, n, rows, Q) of a chunk to where `_im2col` took them from."""
    for i, row in enumerate(geometry.rows):
        low, high = _clip(row, rows)
        for j, column in enumerate(geometry.columns):
            if low < high and column.low < column.high:
                inputs = row.inputs(low + rows.start, high + rows.start), column.inputs(column.low, column.high)
                result[:, images, *inputs] += columns[:, i, j, :, low:high, column.low : column.high]


def _clip(tap: Tap, rows: slice) -> tuple[int, int]:
    """The rows of a chunk, counted from its first, whose input exists."""
    low = min(max(tap.low, rows.start), rows.stop)
    high = max(low, min(tap.high, rows.stop))
    return low - rows.start, high - rows.start
