"""What NumPy does faster than the reference: each override checks that its fast form applies, else inherits.

The fast forms are for float32 and float64; float16, which NumPy computes in software, and mixed dtypes take the
reference implementation, which accumulates in float32 and converts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore.backend import Backend, Conv2dSpec, PhiloxCounter, Pool2dSpec, Reduction

from . import (
    activations,
    adaptive_pooling,
    convolution,
    indexing,
    losses,
    normalization,
    optimizers,
    pointwise,
    pooling,
    random,
    special,
    sums,
)
from .activations import all_axes_but
from .blas import blas_name, blas_threads

Array = Any
DType = Any

_FAST = frozenset({np.dtype(np.float32), np.dtype(np.float64)})


def _fast(first: Array, *others: Array | None) -> bool:
    """Whether all arrays are of one dtype that NumPy computes with natively."""
    dtype = first.dtype
    for other in others:
        if other is not None and other.dtype != dtype:
            return False
    return dtype in _FAST


def _in(out: Array | None, result: Array) -> Array:
    """`out`, filled with the result, or the result itself if there is no `out`."""
    if out is None:
        return result
    out[...] = result
    return out


class NumpyBackend(Backend):
    """NumPy arrays. `xp` is `numpy`."""

    name = "numpy"
    xp = np
    array_type = np.ndarray

    # --- arrays ---------------------------------------------------------------------------------

    def from_host(self, array: Array, dtype: DType | None = None, copy: bool | None = None) -> Array:
        return np.array(array, dtype=dtype, copy=copy)

    def to_host(self, x: Array) -> Array:
        return x

    def shares_memory(self, x: Array, y: Array) -> bool:
        return bool(np.may_share_memory(x, y))

    def info(self) -> dict[str, str]:
        return {"numpy": np.__version__, "blas": blas_name(), "blas threads": blas_threads()}

    # --- checks of values -----------------------------------------------------------------------

    def check_index_range(self, index: Array, low: int, high: int, message: str, ignore: int | None = None) -> None:
        if index.size and (np.minimum.reduce(index, axis=None) < low or np.maximum.reduce(index, axis=None) >= high):
            # 1-D: up to 2.2.1 NumPy may crash where a strided int8 matrix is compared with an int that int8 cannot hold
            super().check_index_range(index.ravel(), low, high, message, ignore)

    def check_value_range(self, x: Array, low: float, high: float, message: str) -> None:
        # NaN compares as false, and minimum and maximum hand it on
        if x.size and not (np.minimum.reduce(x, axis=None) >= low and np.maximum.reduce(x, axis=None) <= high):
            super().check_value_range(x, low, high, message)

    # --- sums and matrix products ---------------------------------------------------------------

    def sum(self, x: Array, axes: tuple[int, ...], keepdims: bool = False, out: Array | None = None) -> Array:
        if x.dtype.kind not in "fc" or x.dtype == np.float16:
            return super().sum(x, axes, keepdims, out)
        return sums.sum_axes(x, axes, keepdims, out)

    def matmul(self, x: Array, y: Array, out: Array | None = None) -> Array:
        if x.dtype == np.float16:
            return super().matmul(x, y, out)
        return np.matmul(x, y, out=out)

    def linear_forward(
        self, x: Array, weight: Array, bias: Array | None, activation: str = "identity", alpha: float = 0.0
    ) -> Array:
        if not _fast(x, weight, bias):  # rounded before the activation, so that fused or not makes no difference
            y = super().linear_forward(x, weight, bias)
            return y if activation == "identity" else self.bias_activation_forward(y, None, activation, alpha, out=y)
        y = np.matmul(x, weight.T)
        if bias is None and activation == "identity":
            return y
        if not activations.has_forward(activation, alpha):
            return super().bias_activation_forward(y, bias, activation, alpha, out=y)
        return activations.bias_activation_forward(y, bias, activation, alpha, -1, y)

    # --- convolution ----------------------------------------------------------------------------

    def conv2d_forward(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        spec: Conv2dSpec,
        activation: str = "identity",
        alpha: float = 0.0,
    ) -> Array:
        if not _fast(x, weight, bias):
            return super().conv2d_forward(x, weight, bias, spec, activation, alpha)
        y = convolution.conv2d_forward(x, weight, bias, spec)
        return y if activation == "identity" else self.bias_activation_forward(y, None, activation, alpha, out=y)

    def conv2d_backward_input(
        self, grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
    ) -> Array:
        if not _fast(grad, weight):
            return super().conv2d_backward_input(grad, weight, input_shape, spec)
        return convolution.conv2d_backward_input(grad, weight, input_shape, spec)

    def conv2d_backward_weight(
        self,
        grad: Array,
        x: Array,
        weight_shape: tuple[int, int, int, int],
        spec: Conv2dSpec,
        out: Array | None = None,
    ) -> Array:
        if not _fast(grad, x):
            return super().conv2d_backward_weight(grad, x, weight_shape, spec, out)
        return convolution.conv2d_backward_weight(grad, x, weight_shape, spec, out)

    # --- pooling --------------------------------------------------------------------------------

    def max_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        result = pooling.extreme_pool2d_forward(x, spec, maximum=True) if _fast(x) else None
        return super().max_pool2d_forward(x, spec) if result is None else result

    def min_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        result = pooling.extreme_pool2d_forward(x, spec, maximum=False) if _fast(x) else None
        return super().min_pool2d_forward(x, spec) if result is None else result

    def index_pool2d_scatter(
        self, grad: Array, index: Array, input_shape: tuple[int, int, int, int], spec: Pool2dSpec
    ) -> Array:
        if not _fast(grad):
            return super().index_pool2d_scatter(grad, index, input_shape, spec)
        return pooling.index_pool2d_scatter(grad, index, input_shape, spec)

    def avg_pool2d_forward(
        self, x: Array, spec: Pool2dSpec, count_include_pad: bool = True, divisor: int | None = None
    ) -> Array:
        if not _fast(x):
            return super().avg_pool2d_forward(x, spec, count_include_pad, divisor)
        return pooling.avg_pool2d_forward(x, spec, count_include_pad, divisor)

    def avg_pool2d_backward(
        self,
        grad: Array,
        input_shape: tuple[int, int, int, int],
        spec: Pool2dSpec,
        count_include_pad: bool = True,
        divisor: int | None = None,
    ) -> Array:
        if not _fast(grad):
            return super().avg_pool2d_backward(grad, input_shape, spec, count_include_pad, divisor)
        return pooling.avg_pool2d_backward(grad, input_shape, spec, count_include_pad, divisor)

    def adaptive_avg_pool2d_forward(self, x: Array, output_size: tuple[int, int]) -> Array:
        if not _fast(x):
            return super().adaptive_avg_pool2d_forward(x, output_size)
        return adaptive_pooling.adaptive_avg_pool2d_forward(x, output_size)

    def adaptive_avg_pool2d_backward(self, grad: Array, input_shape: tuple[int, int, int, int]) -> Array:
        if not _fast(grad):
            return super().adaptive_avg_pool2d_backward(grad, input_shape)
        return adaptive_pooling.adaptive_avg_pool2d_backward(grad, input_shape)

    def adaptive_max_pool2d_forward(self, x: Array, output_size: tuple[int, int]) -> tuple[Array, Array]:
        return adaptive_pooling.adaptive_max_pool2d_forward(x, output_size)

    def adaptive_pool2d_scatter(self, grad: Array, index: Array, input_shape: tuple[int, int, int, int]) -> Array:
        if not _fast(grad):
            return super().adaptive_pool2d_scatter(grad, index, input_shape)
        return adaptive_pooling.adaptive_pool2d_scatter(grad, index, input_shape)

    # --- activations ----------------------------------------------------------------------------

    def bias_activation_forward(
        self,
        x: Array,
        bias: Array | None,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        out: Array | None = None,
    ) -> Array:
        if not (activations.has_forward(activation, alpha) and _fast(x, bias, out)):
            return super().bias_activation_forward(x, bias, activation, alpha, axis, out)
        return activations.bias_activation_forward(x, bias, activation, alpha, axis, out)

    def bias_activation_backward(
        self,
        grad: Array,
        saved: Array,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        bias_grad: bool = False,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array | None]:
        if activation in activations.BACKWARD and _fast(grad, saved):
            result = activations.activation_backward(grad, saved, activation, alpha)
        else:
            result, _ = super().bias_activation_backward(grad, saved, activation, alpha, axis)
        return result, self.sum(result, all_axes_but(axis, result.ndim), out=bias_out) if bias_grad else None

    def softmax_forward(self, x: Array, axis: int, log: bool = False) -> Array:
        if x.shape[axis] == 0 or not _fast(x):
            return super().softmax_forward(x, axis, log)
        return activations.softmax_forward(x, axis, log)

    def softmax_backward(self, grad: Array, output: Array, axis: int, log: bool = False) -> Array:
        if not _fast(grad, output):
            return super().softmax_backward(grad, output, axis, log)
        return activations.softmax_backward(grad, output, axis, log)

    def pointwise_forward(self, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
        return pointwise.pointwise_forward(x, function, alpha, beta)

    def pointwise_backward(self, grad: Array, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
        return pointwise.pointwise_backward(grad, x, function, alpha, beta)

    # --- normalisation --------------------------------------------------------------------------

    def batch_norm_forward(
        self,
        x: Array,
        weight: Array | None,
        bias: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        batches: Array | None = None,
        momentum: float | None = 0.1,
        eps: float = 1e-5,
    ) -> tuple[Array, Array]:
        fast = _fast(x, weight, bias, running_mean, running_var)
        forward = normalization.batch_norm_forward if fast else super().batch_norm_forward
        return forward(x, weight, bias, running_mean, running_var, batches, momentum, eps)

    def batch_norm_inference(
        self, x: Array, weight: Array | None, bias: Array | None, mean: Array, var: Array, eps: float = 1e-5
    ) -> Array:
        fast = _fast(x, weight, bias, mean, var)
        inference = normalization.batch_norm_inference if fast else super().batch_norm_inference
        return inference(x, weight, bias, mean, var, eps)

    def batch_norm_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array | None,
        statistics: Array,
        training: bool = True,
        weight_out: Array | None = None,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        if not _fast(grad, x, weight):
            return super().batch_norm_backward(grad, x, weight, statistics, training, weight_out, bias_out)
        by_x, by_weight, by_bias = normalization.batch_norm_backward(grad, x, weight, statistics, training)
        return by_x, _in(weight_out, by_weight), _in(bias_out, by_bias)

    def group_norm_forward(
        self, x: Array, weight: Array | None, bias: Array | None, groups: int = 1, eps: float = 1e-5
    ) -> tuple[Array, Array]:
        forward = normalization.group_norm_forward if _fast(x, weight, bias) else super().group_norm_forward
        return forward(x, weight, bias, groups, eps)

    def group_norm_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array | None,
        statistics: Array,
        affine: bool = True,
        weight_out: Array | None = None,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array | None, Array | None]:
        if not _fast(grad, x, weight):
            return super().group_norm_backward(grad, x, weight, statistics, affine, weight_out, bias_out)
        by_x, by_weight, by_bias = normalization.group_norm_backward(grad, x, weight, statistics, affine)
        return by_x, _in(weight_out, by_weight), _in(bias_out, by_bias)

    # --- special functions ----------------------------------------------------------------------

    def erf(self, x: Array) -> Array:
        return special.erf(x) if _fast(x) else super().erf(x)

    def erfc(self, x: Array) -> Array:
        return special.erfc(x) if _fast(x) else super().erfc(x)

    def erfinv(self, x: Array) -> Array:
        return special.erfinv(x) if _fast(x) else super().erfinv(x)

    # --- losses ---------------------------------------------------------------------------------

    def softmax_cross_entropy(
        self,
        logits: Array,
        labels: Array,
        weight: Array | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        plain = weight is None and label_smoothing == 0 and logits.size > 0 and _fast(logits)
        if not plain or np.logical_or.reduce(labels == ignore_index):
            return super().softmax_cross_entropy(logits, labels, weight, ignore_index, label_smoothing, reduction)
        return losses.softmax_cross_entropy(logits, labels, reduction)

    def soft_cross_entropy(
        self,
        logits: Array,
        target: Array,
        weight: Array | None = None,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        if weight is not None or label_smoothing or not logits.size or not _fast(logits, target):
            return super().soft_cross_entropy(logits, target, weight, label_smoothing, reduction)
        return losses.soft_cross_entropy(logits, target, reduction)

    def bce_with_logits(
        self,
        logits: Array,
        target: Array,
        weight: Array | None = None,
        pos_weight: Array | None = None,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        if pos_weight is not None or logits.ndim == 0 or logits.size == 0 or not _fast(logits, target, weight):
            return super().bce_with_logits(logits, target, weight, pos_weight, reduction)
        return losses.bce_with_logits(logits, target, weight, reduction)

    # --- random numbers -------------------------------------------------------------------------

    def philox(self, counter: PhiloxCounter, count: int) -> Array:
        return random.philox(counter, count)

    def random_uniform(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        if np.dtype(dtype) != np.float32:
            return super().random_uniform(counter, shape, dtype)
        return random.random_uniform32(counter, shape)

    def random_normal(self, counter: PhiloxCounter, shape: tuple[int, ...], dtype: DType) -> Array:
        return random.random_normal(counter, shape, dtype)

    def dropout_forward(self, x: Array, p: float, counter: PhiloxCounter) -> tuple[Array, Array | None]:
        if not _fast(x):
            return super().dropout_forward(x, p, counter)
        return random.dropout_forward(x, p, counter)

    def dropout_backward(self, grad: Array, p: float, counter: PhiloxCounter, mask: Array | None) -> Array:
        if mask is None or not _fast(grad):
            return super().dropout_backward(grad, p, counter, mask)
        return random.dropout_backward(grad, p, mask)

    # --- indexing -------------------------------------------------------------------------------

    def scatter_add(self, values: Array, index: Array, size: int) -> Array:
        return indexing.scatter_add(values, index, size)

    def top_places(self, x: Array, k: int, axis: int, largest: bool) -> Array:
        columns = x.shape[axis]
        if columns < 64 or not 0 < k <= columns // 4 or not x.size or (x.dtype.kind == "f" and np.isnan(x.max())):
            return super().top_places(x, k, axis, largest)
        rows = np.moveaxis(x, axis, -1)
        places = indexing.top_places(rows.reshape(-1, columns), k, largest)
        return np.moveaxis(places.reshape(*rows.shape[:-1], k), -1, axis)

    # --- flat buffers ---------------------------------------------------------------------------

    def l2_norm(self, x: Array) -> Array:
        return np.asarray(np.sqrt(np.dot(x, x))) if _fast(x) else super().l2_norm(x)

    def sgd_update(
        self,
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
        update = optimizers.sgd_update if _fast(param, grad, momentum_buffer) else super().sgd_update
        update(
            param, grad, momentum_buffer, lr=float(lr), momentum=momentum, dampening=dampening,
            nesterov=nesterov, weight_decay=weight_decay, maximize=maximize, first_step=first_step,
        )  # fmt: skip

    def adagrad_update(
        self,
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
        update = optimizers.adagrad_update if _fast(param, grad, square_sum) else super().adagrad_update
        update(
            param, grad, square_sum, lr=float(lr), lr_decay=lr_decay, eps=eps,
            weight_decay=weight_decay, step=int(step), maximize=maximize,
        )  # fmt: skip

    def adadelta_update(
        self,
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
        fast = _fast(param, grad, square_avg, acc_delta)
        update = optimizers.adadelta_update if fast else super().adadelta_update
        update(
            param, grad, square_avg, acc_delta, lr=float(lr), rho=rho, eps=eps,
            weight_decay=weight_decay, maximize=maximize,
        )  # fmt: skip

    def rmsprop_update(
        self,
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
        fast = _fast(param, grad, square_avg, grad_avg, momentum_buffer)
        update = optimizers.rmsprop_update if fast else super().rmsprop_update
        update(
            param, grad, square_avg, grad_avg, momentum_buffer, lr=float(lr), alpha=alpha, eps=eps,
            momentum=momentum, weight_decay=weight_decay, maximize=maximize,
        )  # fmt: skip

    def adam_update(
        self,
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
        fast = _fast(param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq)
        update = optimizers.adam_update if fast else super().adam_update
        update(
            param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, lr=float(lr), beta1=beta1, beta2=beta2,
            eps=eps, weight_decay=weight_decay, decoupled=decoupled, step=int(step), maximize=maximize,
        )  # fmt: skip

    def nadam_update(
        self,
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
        fast = _fast(param, grad, exp_avg, exp_avg_sq)
        update = optimizers.nadam_update if fast else super().nadam_update
        update(
            param, grad, exp_avg, exp_avg_sq, lr=float(lr), grad_factor=grad_factor, mean_factor=mean_factor,
            beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay, decoupled=decoupled, step=step,
            maximize=maximize,
        )  # fmt: skip

    def lion_update(
        self,
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
        update = optimizers.lion_update if _fast(param, grad, exp_avg) else super().lion_update
        update(
            param, grad, exp_avg, lr=float(lr), beta1=beta1, beta2=beta2, weight_decay=weight_decay,
            maximize=maximize,
        )  # fmt: skip
