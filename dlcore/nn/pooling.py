"""Pooling layers."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import two
from dlcore.nn.module import Module


class MaxPool2d(Module):
    """The maximum of each window.

    Args:
        kernel_size, stride, padding, dilation, ceil_mode: as for `dl.nn.functional.max_pool2d`.

    Shapes:
        (N, C, H, W) -> (N, C, P, Q), where
        P = floor((H + 2*padding - dilation*(kernel-1) - 1) / stride) + 1 (ceil with `ceil_mode`).

    >>> dl.nn.MaxPool2d(2)(dl.ones((1, 6, 28, 28))).shape
    (1, 6, 14, 14)
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = two("MaxPool2d", "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else two("MaxPool2d", "stride", stride, 1)
        self.padding = two("MaxPool2d", "padding", padding, 0)
        self.dilation = two("MaxPool2d", "dilation", dilation, 1)
        self.ceil_mode = bool(ceil_mode)

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The mean of each window.

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: as for
            `dl.nn.functional.avg_pool2d`.

    Shapes:
        as `MaxPool2d`.

    >>> dl.nn.AvgPool2d(2)(dl.ones((1, 6, 28, 28))).shape
    (1, 6, 14, 14)
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = two("AvgPool2d", "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else two("AvgPool2d", "stride", stride, 1)
        self.padding = two("AvgPool2d", "padding", padding, 0)
        self.ceil_mode = bool(ceil_mode)
        self.count_include_pad = bool(count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
