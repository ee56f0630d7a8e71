"""Pooling layers."""

from __future__ import annotations

from typing import Any

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import sizes
from dlcore.nn.module import Module


class _Pool(Module):
    """The settings, checked and shown as PyTorch shows them. `axes` is the number of axes behind (N, C)."""

    axes: int
    stride: tuple[int, ...]

    def _window(self, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool) -> None:
        name = type(self).__name__
        self.kernel_size = sizes(name, "kernel_size", kernel_size, 1, self.axes)
        self.stride = self.kernel_size if stride is None else sizes(name, "stride", stride, 1, self.axes)
        self.padding = sizes(name, "padding", padding, 0, self.axes)
        self.ceil_mode = bool(ceil_mode)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _ExtremumPool(_Pool):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self._window(kernel_size, stride, padding, ceil_mode)
        self.dilation = sizes(type(self).__name__, "dilation", dilation, 1, self.axes)
        self.return_indices = bool(return_indices)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"

    def _pooled(self, function: Any, x: Tensor) -> Any:
        return function(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )  # fmt: skip


class MaxPool1d(_ExtremumPool):
    """The maximum of each window of a sequence.

    Args:
        kernel_size, stride, padding, dilation, return_indices, ceil_mode: as for `dl.nn.functional.max_pool1d`.

    Shapes:
        (N, C, L) -> (N, C, P), where
        P = floor((L + 2*padding - dilation*(kernel-1) - 1) / stride) + 1 (ceil with `ceil_mode`).

    >>> dl.nn.MaxPool1d(2)(dl.ones((1, 6, 28))).shape
    (1, 6, 14)
    """

    axes = 1

    def forward(self, x: Tensor) -> Any:
        return self._pooled(functional.max_pool1d, x)


class MaxPool2d(_ExtremumPool):
    """The maximum of each window.

    Args:
        kernel_size, stride, padding, dilation, return_indices, ceil_mode: as for `dl.nn.functional.max_pool2d` (where
            the last two come in the other order, as in PyTorch).

    Shapes:
        (N, C, H, W) -> (N, C, P, Q), where
        P = floor((H + 2*padding - dilation*(kernel-1) - 1) / stride) + 1 (ceil with `ceil_mode`).

    >>> dl.nn.MaxPool2d(2)(dl.ones((1, 6, 28, 28))).shape
    (1, 6, 14, 14)
    """

    axes = 2

    def forward(self, x: Tensor) -> Any:
        return self._pooled(functional.max_pool2d, x)


class MinPool1d(_ExtremumPool):
    """The minimum of each window of a sequence; otherwise as `MaxPool1d`. PyTorch has none.

    >>> dl.nn.MinPool1d(2)(dl.tensor([[[1.0, 3.0, 2.0, 5.0]]]))
    tensor([[[1., 2.]]])
    """

    axes = 1

    def forward(self, x: Tensor) -> Any:
        return self._pooled(functional.min_pool1d, x)


class MinPool2d(_ExtremumPool):
    """The minimum of each window; otherwise as `MaxPool2d`. PyTorch has none.

    >>> dl.nn.MinPool2d(2)(dl.ones((1, 6, 28, 28))).shape
    (1, 6, 14, 14)
    """

    axes = 2

    def forward(self, x: Tensor) -> Any:
        return self._pooled(functional.min_pool2d, x)


class AvgPool1d(_Pool):
    """The mean of each window of a sequence.

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad: as for `dl.nn.functional.avg_pool1d`.

    Shapes:
        as `MaxPool1d`.

    >>> dl.nn.AvgPool1d(2)(dl.ones((1, 6, 28))).shape
    (1, 6, 14)
    """

    axes = 1

    def __init__(
        self,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] | None = None,
        padding: int | tuple[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self._window(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = bool(count_include_pad)

    def forward(self, x: Tensor) -> Tensor:
        arguments: Any = (self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        return functional.avg_pool1d(x, *arguments)


class AvgPool2d(_Pool):
    """The mean of each window.

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: as for
            `dl.nn.functional.avg_pool2d`.

    Shapes:
        as `MaxPool2d`.

    >>> dl.nn.AvgPool2d(2)(dl.ones((1, 6, 28, 28))).shape
    (1, 6, 14, 14)
    """

    axes = 2

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self._window(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = bool(count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, x: Tensor) -> Tensor:
        arguments: Any = (
            self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override,
        )  # fmt: skip
        return functional.avg_pool2d(x, *arguments)


class _AdaptivePool(Module):
    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The means of as many parts of a sequence as are wanted.

    Args:
        output_size: as for `dl.nn.functional.adaptive_avg_pool1d`.

    Shapes:
        (N, C, L) -> (N, C, output_size)

    >>> dl.nn.AdaptiveAvgPool1d(4)(dl.ones((1, 6, 10))).shape
    (1, 6, 4)
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool1d(x, self.output_size)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The means of as many parts of an image as are wanted; `AdaptiveAvgPool2d(1)` averages over the whole image.

    Args:
        output_size: as for `dl.nn.functional.adaptive_avg_pool2d`.

    Shapes:
        (N, C, H, W) -> (N, C, *output_size)

    >>> dl.nn.AdaptiveAvgPool2d((3, None))(dl.ones((1, 6, 7, 7))).shape
    (1, 6, 3, 7)
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(x, self.output_size)


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = bool(return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The maxima of as many parts of a sequence as are wanted.

    Args:
        output_size, return_indices: as for `dl.nn.functional.adaptive_max_pool1d`.

    Shapes:
        (N, C, L) -> (N, C, output_size)

    >>> dl.nn.AdaptiveMaxPool1d(4)(dl.ones((1, 6, 10))).shape
    (1, 6, 4)
    """

    def forward(self, x: Tensor) -> Any:
        return functional.adaptive_max_pool1d(x, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The maxima of as many parts of an image as are wanted.

    Args:
        output_size, return_indices: as for `dl.nn.functional.adaptive_max_pool2d`.

    Shapes:
        (N, C, H, W) -> (N, C, *output_size)

    >>> dl.nn.AdaptiveMaxPool2d(3)(dl.ones((1, 6, 7, 8))).shape
    (1, 6, 3, 3)
    """

    def forward(self, x: Tensor) -> Any:
        return functional.adaptive_max_pool2d(x, self.output_size, self.return_indices)
