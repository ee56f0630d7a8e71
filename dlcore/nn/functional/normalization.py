"""Normalisation: of channels over the batch, and of each sample by itself."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from dlcore import _dtypes
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor, wrap
from dlcore.autograd import Function, different_devices, is_grad_enabled
from dlcore.nn.functional._args import floats, same_dtype
from dlcore.ops import mean, reshape
from dlcore.ops import sum as sum_
from dlcore.ops._broadcast import Reshape
from dlcore.ops._common import cast, raw, shape_of

Gradients = tuple[Tensor | None, ...]


class BatchNorm(Function):
    """(x (N, C, ...), weight, bias), normalised by the statistics of x; `running` moves towards them."""

    saves = (0, 1)

    def __init__(self, running: tuple[Any, Any, Any], momentum: float | None, eps: float) -> None:
        self.running, self.momentum, self.eps = running, momentum, eps

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        y, self.kept = self.backend.batch_norm_forward(x, weight, bias, *self.running, self.momentum, self.eps)
        self.running = None, None, None  # they are not part of the graph
        return y

    def backward(self, grad: Tensor) -> Gradients:
        x, weight = self.saved
        if is_grad_enabled():
            axes = (0, *range(2, x.ndim))
            around = self.kept[0].reshape(1, -1, *(1,) * (x.ndim - 2))
            return _as_expression(self, grad, x, weight, wrap(around, self.device), x.shape, axes, self.eps)
        return _found(
            self,
            self.backend.batch_norm_backward(
                grad._array, x._array, raw(weight), self.kept, True, self.destination(1), self.destination(2)
            ),
        )


class BatchNormInference(Function):
    """(x (N, C, ...), weight, bias, mean, var), normalised by a mean and a variance that are constants."""

    saves = (0, 1, 3, 4)

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, x: Any, weight: Any, bias: Any, average: Any, var: Any) -> Any:
        return self.backend.batch_norm_inference(x, weight, bias, average, var, self.eps)

    def backward(self, grad: Tensor) -> Gradients:
        x, weight, average, var = self.saved
        average, inverse = _widened(average), (_widened(var) + self.eps) ** -0.5
        if not is_grad_enabled():
            xp = self.xp
            statistics = xp.stack([average._array, xp.zeros_like(average._array), inverse._array])
            found = self.backend.batch_norm_backward(
                grad._array, x._array, raw(weight), statistics, False, self.destination(1), self.destination(2)
            )
            return (*_found(self, found), None, None)
        along, axes = (1, -1, *(1,) * (x.ndim - 2)), (0, *range(2, x.ndim))
        g, inverse = _widened(grad), reshape(inverse, along)
        by_x = g * inverse if weight is None else g * inverse * reshape(_widened(weight), along)
        normalised = (_widened(x) - reshape(average, along)) * inverse
        gradients = by_x, sum_(g * normalised, axis=axes), sum_(g, axis=axes)
        return (*_wanted(self, gradients, grad.dtype), None, None)


class GroupNorm(Function):
    """(x (N, C, ...), weight, bias), each sample's `groups` groups of channels normalised by their own statistics."""

    saves = (0, 1)

    def __init__(self, groups: int, eps: float) -> None:
        self.groups, self.eps = groups, eps

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        y, self.kept = self.backend.group_norm_forward(x, weight, bias, self.groups, self.eps)
        return y

    def backward(self, grad: Tensor) -> Gradients:
        x, weight = self.saved
        if is_grad_enabled():
            shape = x.shape[0], self.groups, prod(x.shape[1:]) // self.groups
            around = wrap(self.kept[0][:, :, None], self.device)
            return _as_expression(self, grad, x, weight, around, shape, (2,), self.eps)
        affine = self.needs(1) or self.needs(2)
        return _found(
            self,
            self.backend.group_norm_backward(
                grad._array, x._array, raw(weight), self.kept, affine, self.destination(1), self.destination(2)
            ),
        )


def _found(node: Function, arrays: tuple[Any, ...]) -> Gradients:
    """What a primitive computed, without the gradients that nobody wants."""
    return tuple(
        [wrap(array, node.device) if node.needs(i) and array is not None else None for i, array in enumerate(arrays)]
    )


def _wanted(node: Function, gradients: Gradients, dtype: _dtypes.DType) -> Gradients:
    return tuple([cast(g, dtype) if node.needs(i) and g is not None else None for i, g in enumerate(gradients)])


def _as_expression(
    node: Function,
    grad: Tensor,
    x: Tensor,
    weight: Tensor | None,
    around: Tensor,
    shape: tuple[int, ...],
    axes: tuple[int, ...],
    eps: float,
) -> Gradients:
    """The gradients of x, weight and bias as functions of grad, x and weight, to be differentiated once more.

    x is normalised in `shape` over `axes`. Nothing depends on the constants `around`, which are about its means:
    with them in place of the means, deviations are exact.
    """
    others = (0, *range(2, x.ndim))
    g, deviation = _widened(grad), reshape(_widened(x), shape) - around
    deviation = deviation - mean(deviation, axis=axes, keepdims=True)
    inverse = (mean(deviation * deviation, axis=axes, keepdims=True) + eps) ** -0.5
    normalised = deviation * inverse
    weighted = g if weight is None else g * reshape(_widened(weight), (1, -1, *(1,) * (x.ndim - 2)))
    weighted = reshape(weighted, shape)
    by_x = weighted - mean(weighted, axis=axes, keepdims=True)
    by_x = (by_x - normalised * mean(weighted * normalised, axis=axes, keepdims=True)) * inverse
    by_weight = sum_(g * reshape(normalised, x.shape), axis=others) if node.needs(1) else None
    by_bias = sum_(g, axis=others) if node.needs(2) else None
    return _wanted(node, (reshape(by_x, x.shape), by_weight, by_bias), grad.dtype)


def _widened(x: Tensor) -> Tensor:
    """float16 as float32."""
    return cast(x, _dtypes.float32) if x.dtype == _dtypes.float16 else x


# --- the batch ----------------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel.

    In training, mean and biased variance are those of the batch (N and all places), and the running ones move to it
    in place: running = (1 - momentum) * running + momentum * found, with the unbiased variance. Otherwise the running
    ones are used. Ioffe, Szegedy, "Batch normalization", ICML 2015 (arXiv:1502.03167).

    Args:
        input: shape (N, C, ...), float.
        running_mean, running_var: shape (C,), of the same dtype; both may be None in training.
        weight, bias: shape (C,) or None.

    Raises:
        ShapeError, DTypeError: what does not fit the input.
        ValueError: in training, eps of 0 or less, or one value per channel, whose variance is 0; else, no running
            statistics.

    On a GPU the running statistics of a step are written even where that step later turns out to have been given bad
    values (labels out of range), whose error is raised at the next synchronisation.

    >>> x = dl.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> F.batch_norm(x, None, None, training=True, eps=1e-9)
    tensor([[-1., -1.],
            [ 1.,  1.]])
    """
    if isinstance(momentum, bool) or not isinstance(momentum, (int, float)):
        raise TypeError(f"batch_norm: momentum must be a number, got {momentum!r}")
    return normalized_batch(
        "batch_norm", input, running_mean, running_var, None, weight, bias, training, float(momentum), eps
    )


def normalized_batch(
    name: str,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    batches: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float | None,
    eps: float,
) -> Tensor:
    """`batch_norm` that counts `batches`, and with momentum None averages over them."""
    x = floats(name, "input", input)
    if x.ndim < 2:
        raise ShapeError(f"{name}: input must have shape (N, C, ...), got {x.shape}")
    channels = x.shape[1]
    weight, bias = (
        _channel_values(name, argument, value, x, (channels,))
        for argument, value in (("weight", weight), ("bias", bias))
    )
    running_mean, running_var = (
        _channel_values(name, argument, value, x, (channels,))
        for argument, value in (("running_mean", running_mean), ("running_var", running_var))
    )
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{name}: running_mean and running_var must both be given, or both be None")
    for argument, value in (("running_mean", running_mean), ("running_var", running_var)):
        if value is not None and value._requires_grad:
            raise RuntimeError(f"{name}: {argument} has no gradient here; use {argument}.detach()")
    eps = _epsilon(name, eps)
    if not training:
        if running_mean is None:
            raise ValueError(f"{name}: running_mean and running_var must be given when training=False")
        if not x.size:
            return _empty(x, weight, bias)
        return BatchNormInference(eps)(x, weight, bias, running_mean, running_var)
    if not eps > 0:
        raise ValueError(f"{name}: eps must be above 0 when training, got {eps}")
    if x.size and x.size == channels:
        raise ValueError(f"{name}: expected more than 1 value per channel when training, got input of shape {x.shape}")
    if not x.size:  # there is nothing to learn from, but it was a batch
        if batches is not None:
            _written(batches)
            batches._array[...] = batches._array + 1
        return _empty(x, weight, bias)
    for value in (running_mean, running_var, batches):
        if value is not None:
            _written(value)
    running = raw(running_mean), raw(running_var), raw(batches)
    return BatchNorm(running, momentum, eps)(x, weight, bias)


def _written(x: Tensor) -> None:
    """Note that x is about to change in place."""
    x._version[0] += 1


def _empty(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """An empty result that has a gradient for each of its inputs."""
    along = (1, -1, *(1,) * (x.ndim - 2))
    y = x * 1.0 if weight is None else x * reshape(weight, along)
    return y if bias is None else y + reshape(bias, along)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each sample normalised over its own places: (x - mean) / sqrt(var + eps) * weight + bias.

    With `use_input_stats` the running statistics, if given, move towards the averages over the batch; without, they
    are used instead, as in `batch_norm`. Ulyanov, Vedaldi, Lempitsky, arXiv:1607.08022.

    Args:
        input: shape (N, C, ...) with more than one place, float.
        running_mean, running_var, weight, bias: shape (C,) or None.

    Raises:
        ShapeError, DTypeError: what does not fit the input.
        ValueError: one place for each channel, whose variance is always 0.

    >>> F.instance_norm(dl.tensor([[[1.0, 3.0], [10.0, 30.0]]]), eps=0.0)
    tensor([[[-1.,  1.],
             [-1.,  1.]]])
    """
    name = "instance_norm"
    if isinstance(momentum, bool) or not isinstance(momentum, (int, float)):
        raise TypeError(f"{name}: momentum must be a number, got {momentum!r}")
    if not use_input_stats:
        return normalized_batch(name, input, running_mean, running_var, None, weight, bias, False, float(momentum), eps)
    x = floats(name, "input", input)
    if x.ndim < 2:
        raise ShapeError(f"{name}: input must have shape (N, C, ...), got {x.shape}")
    places = prod(x.shape[2:])
    if places == 1:
        raise ValueError(f"{name}: expected more than 1 place for each channel, got input of shape {x.shape}")
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    average, var, weight, bias = (
        _channel_values(name, argument, value, x, (x.shape[1],)) for argument, value in given.items()
    )
    if (average is None) != (var is None):
        raise ValueError(f"{name}: running_mean and running_var must both be given, or both be None")
    eps = _epsilon(name, eps)
    if not x.size:
        return _empty(x, weight, bias)
    node = GroupNorm(x.shape[1], eps)
    y = node(x, weight, bias)
    if average is not None and var is not None:
        statistics = node.kept
        found = (statistics[2] ** -2 - eps) * (places / (places - 1))
        for running, values in ((average, statistics[0]), (var, found)):
            _written(running)
            mean_of_samples = x._device.backend.xp.mean(values, axis=0)
            running._array[...] = (1 - float(momentum)) * running._array + float(momentum) * mean_of_samples
    return y


# --- samples ------------------------------------------------------------------------------------


def layer_norm(
    input: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes, whose sizes are `normalized_shape`.

    The variance is the biased one. Ba, Kiros, Hinton, "Layer normalization", arXiv:1607.06450.

    Args:
        input: shape (..., *normalized_shape), float.
        weight, bias: shape `normalized_shape`, of the same dtype, or None.

    Raises:
        ShapeError, DTypeError: what does not fit together.

    >>> F.layer_norm(dl.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,), eps=0.0)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    x, shape = _rows("layer_norm", input, normalized_shape)
    weight, bias = (
        _channel_values("layer_norm", argument, value, x, shape)
        for argument, value in (("weight", weight), ("bias", bias))
    )
    eps = _epsilon("layer_norm", eps)
    length = prod(shape)
    if not length:
        y = x * 1.0 if weight is None else x * weight
        return y if bias is None else y + bias
    affine = [None if v is None else v if v.ndim == 1 else Reshape((length,))(v) for v in (weight, bias)]
    if x.ndim == 2 and len(shape) == 1:
        return GroupNorm(1, eps)(x, *affine)
    rows = prod(x.shape[: x.ndim - len(shape)])
    return Reshape(x.shape)(GroupNorm(1, eps)(Reshape((rows, length))(x), *affine))


def rms_norm(
    input: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last axes, whose sizes are `normalized_shape`.

    Zhang, Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Args:
        input: shape (..., *normalized_shape), float.
        weight: shape `normalized_shape`, of the same dtype, or None.
        eps: default the distance from 1 to the next number of the dtype.

    Raises:
        ShapeError, DTypeError: what does not fit together.

    >>> F.rms_norm(dl.tensor([[1.0, 7.0]]), (2,), eps=0.0)
    tensor([[0.2, 1.4]])
    """
    x, shape = _rows("rms_norm", input, normalized_shape)
    weight = _channel_values("rms_norm", "weight", weight, x, shape)
    values = _widened(x)
    eps = float(np.finfo(values.dtype).eps) if eps is None else _epsilon("rms_norm", eps)
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    y = values * (mean(values * values, axis=axes, keepdims=True) + eps) ** -0.5
    return cast(y if weight is None else y * _widened(weight), x.dtype)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, with the statistics of `num_groups` groups of channels each.

    The variance is the biased one. Wu, He, "Group normalization", ECCV 2018 (arXiv:1803.08494).

    Args:
        input: shape (N, C, ...), float; C is a multiple of num_groups.
        weight, bias: shape (C,), of the same dtype, or None.

    Raises:
        ShapeError, DTypeError: what does not fit together.
        ValueError: num_groups that is no positive int, or one value for each channel.

    >>> F.group_norm(dl.tensor([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0.0)
    tensor([[-1.,  1., -1.,  1.]])
    """
    x = floats("group_norm", "input", input)
    if x.ndim < 2:
        raise ShapeError(f"group_norm: input must have shape (N, C, ...), got {x.shape}")
    if isinstance(num_groups, bool) or not hasattr(num_groups, "__index__") or num_groups < 1:
        raise ValueError(f"group_norm: num_groups must be an int >= 1, got {num_groups!r}")
    if x.shape[1] % num_groups:
        raise ShapeError(f"group_norm: {x.shape[1]} channels are no multiple of num_groups={num_groups}")
    if x.size and x.size == num_groups:
        raise ValueError(f"group_norm: expected more than 1 value per channel, got input of shape {x.shape}")
    weight, bias = (
        _channel_values("group_norm", argument, value, x, (x.shape[1],))
        for argument, value in (("weight", weight), ("bias", bias))
    )
    eps = _epsilon("group_norm", eps)
    if not prod(x.shape[1:]):
        return _empty(x, weight, bias)
    return GroupNorm(int(num_groups), eps)(x, weight, bias)


# --- arguments ----------------------------------------------------------------------------------


def _channel_values(name: str, argument: str, value: Any, x: Tensor, shape: tuple[int, ...]) -> Tensor | None:
    """None, or a tensor of this shape and x's dtype."""
    if value is None:
        return None
    values = floats(name, argument, value)
    same_dtype(name, **{"input": x, argument: values})
    if values._device is not x._device:
        raise different_devices(name, (x, values))
    if values.shape != shape:
        raise ShapeError(f"{name}: {argument} must have shape {shape} for input of shape {x.shape}, got {values.shape}")
    return values


def _rows(name: str, input: Any, normalized_shape: Any) -> tuple[Tensor, tuple[int, ...]]:
    """The input, and the sizes of the axes that are normalised."""
    x = floats(name, "input", input)
    shape = shape_of(name, normalized_shape)
    if not shape:
        raise ValueError(f"{name}: normalized_shape must have at least one size, got {normalized_shape!r}")
    if x.shape[-len(shape) :] != shape:
        raise ShapeError(f"{name}: input of shape {x.shape} does not end in normalized_shape={shape}")
    return x, shape


def _epsilon(name: str, eps: Any) -> float:
    if isinstance(eps, bool) or not isinstance(eps, (int, float)):
        raise TypeError(f"{name}: eps must be a number, got {eps!r}")
    return float(eps)
