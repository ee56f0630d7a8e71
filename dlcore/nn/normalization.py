"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.nn import functional, init
from dlcore.nn.functional.normalization import normalized_batch
from dlcore.nn.linear import positive_int
from dlcore.nn.module import Module, Parameter
from dlcore.ops import ones, zeros
from dlcore.ops._common import shape_of


class _BatchNorm(Module):
    dimensions: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        name = type(self).__name__
        self.num_features = positive_int(name, "num_features", num_features)
        if momentum is not None and (isinstance(momentum, bool) or not isinstance(momentum, (int, float))):
            raise TypeError(f"{name}: momentum must be a number or None, got {momentum!r}")
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = bool(affine), bool(track_running_stats)
        made: dict[str, Any] = {"dtype": dtype, "device": device}
        self.weight = Parameter(ones(num_features, **made)) if affine else None
        self.bias = Parameter(zeros(num_features, **made)) if affine and bias else None
        self.register_buffer("running_mean", zeros(num_features, **made) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, **made) if track_running_stats else None)
        count = zeros((), dtype="int64", device=device) if track_running_stats else None
        self.register_buffer("num_batches_tracked", count)

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, no batches seen."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Weights 1, biases 0, and the running statistics as new."""
        self.reset_running_stats()
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        name = type(self).__name__
        if isinstance(x, Tensor) and x.ndim not in self.dimensions:
            raise ShapeError(f"{name}: input must have {_either(self.dimensions)} dimensions, got shape {x.shape}")
        of_batch = self.training or (self.running_mean is None and self.running_var is None)
        tracked = not of_batch or self.track_running_stats
        return normalized_batch(
            name,
            x,
            self.running_mean if tracked else None,
            self.running_var if tracked else None,
            self.num_batches_tracked if tracked else None,
            self.weight,
            self.bias,
            of_batch,
            self.momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


def _reset(weight: Tensor | None, bias: Tensor | None) -> None:
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)


def _either(numbers: tuple[int, ...]) -> str:
    return " or ".join(map(str, numbers))


class BatchNorm1d(_BatchNorm):
    """Normalisation of each channel over the batch; see `dl.nn.functional.batch_norm`.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: the share of the newest batch in the running statistics; None: they are averages of all batches.
        affine: whether there are a weight and, with `bias`, a bias.
        track_running_stats: whether running statistics are kept, for `eval()`; without, the batch's are always used.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (C,), ones, and bias (C,), zeros.

    Buffers:
        running_mean (C,), running_var (C,), num_batches_tracked (), int64.

    Shapes:
        (N, C) or (N, C, L) -> the same

    >>> norm = dl.nn.BatchNorm1d(2)
    >>> norm(dl.tensor([[1.0, 10.0], [3.0, 30.0]])).shape
    (2, 2)
    >>> norm.running_mean, norm.num_batches_tracked
    (tensor([0.2, 2. ]), tensor(1))
    """

    dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalisation of each channel of images over the batch; arguments as `BatchNorm1d`.

    Shapes:
        (N, C, H, W) -> the same

    >>> dl.nn.BatchNorm2d(3)(dl.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    dimensions = (4,)


class LayerNorm(Module):
    """Normalisation over the last axes of each sample; see `dl.nn.functional.layer_norm`.

    Args:
        normalized_shape: the sizes of those axes; an int for the last one alone.
        eps: added to the variance.
        elementwise_affine: whether there are a weight and, with `bias`, a bias.
        device: default the current device. dtype: default float32.

    Parameters:
        weight, ones, and bias, zeros, both of shape normalized_shape.

    Shapes:
        (..., *normalized_shape) -> the same

    >>> dl.nn.LayerNorm(3)(dl.tensor([[1.0, 2.0, 3.0]])).shape
    (1, 3)
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = shape_of("LayerNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, bool(elementwise_affine)
        made: dict[str, Any] = {"dtype": dtype, "device": device}
        self.weight = Parameter(ones(self.normalized_shape, **made)) if elementwise_affine else None
        self.bias = Parameter(zeros(self.normalized_shape, **made)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Weights 1, biases 0."""
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Division by the root mean square over the last axes; see `dl.nn.functional.rms_norm`.

    Args:
        normalized_shape: the sizes of those axes; an int for the last one alone.
        eps: added to the mean square; default the distance from 1 to the next number of the input's dtype.
        elementwise_affine: whether there is a weight.
        device: default the current device. dtype: default float32.

    Parameters:
        weight, ones of shape normalized_shape.

    Shapes:
        (..., *normalized_shape) -> the same

    >>> dl.nn.RMSNorm(2, eps=0.0)(dl.tensor([[1.0, 7.0]])).tolist() == [[0.20000000298023224, 1.399999976158142]]
    True
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.normalized_shape = shape_of("RMSNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, bool(elementwise_affine)
        made: dict[str, Any] = {"dtype": dtype, "device": device}
        self.weight = Parameter(ones(self.normalized_shape, **made)) if elementwise_affine else None

    def reset_parameters(self) -> None:
        """Weights 1."""
        _reset(self.weight, None)

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalisation of groups of channels of each sample; see `dl.nn.functional.group_norm`.

    Args:
        num_groups: how many groups; 1 is layer normalisation of the whole sample.
        num_channels: C, a multiple of num_groups.
        eps: added to the variance.
        affine: whether there are a weight and, with `bias`, a bias.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (C,), ones, and bias (C,), zeros.

    Shapes:
        (N, C, ...) -> the same

    >>> dl.nn.GroupNorm(2, 4)(dl.ones((3, 4, 5, 5))).shape
    (3, 4, 5, 5)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        self.num_groups = positive_int("GroupNorm", "num_groups", num_groups)
        self.num_channels = positive_int("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels={num_channels} must be a multiple of num_groups={num_groups}")
        self.eps, self.affine = eps, bool(affine)
        made: dict[str, Any] = {"dtype": dtype, "device": device}
        self.weight = Parameter(ones(num_channels, **made)) if affine else None
        self.bias = Parameter(zeros(num_channels, **made)) if affine and bias else None

    def reset_parameters(self) -> None:
        """Weights 1, biases 0."""
        _reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )
