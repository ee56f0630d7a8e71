"""Convolution layers."""

from __future__ import annotations

from typing import Any

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import two
from dlcore.nn.linear import fill_uniform, positive_int
from dlcore.nn.module import Module, Parameter
from dlcore.ops import zeros


class Conv2d(Module):
    """2-D convolution of images with learned kernels.

    Args:
        in_channels, out_channels: C and K.
        kernel_size, stride, padding, dilation: an int, or a pair for height and width; zeros are added on both sides.
        groups: channels are cut into this many groups that do not mix.
        bias: whether a number is added to each output channel.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (K, C // groups, R, S) and bias (K,), both uniform on +-1/sqrt(C // groups * R * S), as in PyTorch.

    Shapes:
        (N, C, H, W) -> (N, K, P, Q), or (C, H, W) -> (K, P, Q), where
        P = floor((H + 2*padding - dilation*(R-1) - 1) / stride) + 1.

    >>> dl.nn.Conv2d(1, 6, 5, padding=2)(dl.ones((2, 1, 28, 28))).shape
    (2, 6, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.in_channels = positive_int("Conv2d", "in_channels", in_channels)
        self.out_channels = positive_int("Conv2d", "out_channels", out_channels)
        self.groups = positive_int("Conv2d", "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"Conv2d: in_channels={in_channels}, out_channels={out_channels} must be multiples of groups={groups}"
            )
        self.kernel_size = two("Conv2d", "kernel_size", kernel_size, 1)
        self.stride = two("Conv2d", "stride", stride, 1)
        self.padding = two("Conv2d", "padding", padding, 0)
        self.dilation = two("Conv2d", "dilation", dilation, 1)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(zeros(shape, dtype=dtype, device=device))
        self.bias = Parameter(zeros(out_channels, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        fan_in = self.in_channels // self.groups * self.kernel_size[0] * self.kernel_size[1]
        fill_uniform(self.weight, self.bias, fan_in)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0, 0):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)
