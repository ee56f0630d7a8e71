"""Convolution layers, and transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import sizes
from dlcore.nn.functional._epilogue import Ending
from dlcore.nn.functional.convolution import convolve, padding_of
from dlcore.nn.linear import fill_uniform, positive_int
from dlcore.nn.module import Module, Parameter
from dlcore.ops import zeros

#: What `padding` adds: zeros; the mirror image without the edge itself; the nearest element; the other end.
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What the layers share: the settings, checked, and the parameters. `axes` is the number of axes behind (N, C)."""

    axes: int
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        weight_channels: tuple[int, int],
        device: Any,
        dtype: Any,
    ) -> None:
        name = type(self).__name__
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = sizes(name, "kernel_size", kernel_size, 1, self.axes)
        self.stride = sizes(name, "stride", stride, 1, self.axes)
        self.dilation = sizes(name, "dilation", dilation, 1, self.axes)
        self.padding = padding if isinstance(padding, str) else sizes(name, "padding", padding, 0, self.axes)
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"{name}: padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}")
        self.padding_mode = padding_mode
        shape = (*weight_channels, *self.kernel_size)
        self.weight = Parameter(zeros(shape, dtype=dtype, device=device))
        self.bias = Parameter(zeros(out_channels, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    @classmethod
    def _channels(cls, in_channels: Any, out_channels: Any, groups: Any) -> tuple[int, int, int]:
        name = cls.__name__
        inputs, outputs = (
            positive_int(name, argument, value)
            for argument, value in (("in_channels", in_channels), ("out_channels", out_channels))
        )
        parts = positive_int(name, "groups", groups)
        if inputs % parts or outputs % parts:
            raise ValueError(
                f"{name}: in_channels={inputs}, out_channels={outputs} must be multiples of groups={parts}"
            )
        return inputs, outputs, parts

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        fill_uniform(self.weight, self.bias, prod(self.weight.shape[1:]))

    def _settings(self) -> list[str]:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        for setting, usual in (("padding", 0), ("dilation", 1)):
            if (value := getattr(self, setting)) != (usual,) * self.axes:
                parts.append(f"{setting}={value!r}")
        return parts

    def _more_settings(self) -> list[str]:
        parts = [f"groups={self.groups}"] if self.groups != 1 else []
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode!r}")
        return parts

    def extra_repr(self) -> str:
        return ", ".join(self._settings() + self._more_settings())


class _Forwards(_Convolution):
    """Conv1d and Conv2d."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        inputs, outputs, parts = self._channels(in_channels, out_channels, groups)
        super().__init__(
            inputs, outputs, kernel_size, stride, padding, dilation, parts, bias, padding_mode,
            (outputs, inputs // parts), device, dtype,
        )  # fmt: skip
        pads = padding_of(type(self).__name__, self.padding, self.kernel_size, self.stride, self.dilation)
        self._border = tuple([count for pair in reversed(pads) for count in pair])  # as F.pad takes it

    def forward(self, x: Tensor) -> Tensor:
        return self.with_activation(x, None)

    def with_activation(self, x: Tensor, activation: Ending | None) -> Tensor:
        """The layer, and `activation` of it in the same operation: see `convolve`."""
        name, padding = f"conv{self.axes}d", self.padding
        if self.padding_mode != "zeros" and any(self._border):
            x = functional.pad(x, self._border, self.padding_mode)
            padding = "valid"
        return convolve(
            name, x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups, activation
        )  # fmt: skip


class Conv1d(_Forwards):
    """1-D convolution of sequences with learned kernels.

    Args:
        in_channels, out_channels: C and K.
        kernel_size, stride, padding, dilation, groups, bias, padding_mode: as for `Conv2d`, with one number.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (K, C // groups, R) and bias (K,), both uniform on +-1/sqrt(C // groups * R), as in PyTorch.

    Shapes:
        (N, C, L) -> (N, K, P), or (C, L) -> (K, P), where
        P = floor((L + 2*padding - dilation*(R-1) - 1) / stride) + 1.

    >>> dl.nn.Conv1d(4, 8, 3, padding="same")(dl.ones((2, 4, 10))).shape
    (2, 8, 10)
    """

    axes = 1


class Conv2d(_Forwards):
    """2-D convolution of images with learned kernels.

    Args:
        in_channels, out_channels: C and K.
        kernel_size, stride, dilation: an int, or a pair for height and width.
        padding: an int or a pair, added on both sides; "valid" for none; "same" for as many as keep height and width
            (with stride 1), the odd one at the end.
        groups: channels are cut into this many groups that do not mix.
        bias: whether a number is added to each output channel.
        padding_mode: what is added: "zeros", "replicate" (the nearest element: neighbour padding), "reflect" (the
            mirror image, less than the size) or "circular" (the other end).
        device: default the current device. dtype: default float32.

    Parameters:
        weight (K, C // groups, R, S) and bias (K,), both uniform on +-1/sqrt(C // groups * R * S), as in PyTorch.

    Shapes:
        (N, C, H, W) -> (N, K, P, Q), or (C, H, W) -> (K, P, Q), where
        P = floor((H + 2*padding - dilation*(R-1) - 1) / stride) + 1.

    >>> dl.nn.Conv2d(1, 6, 5, padding=2, padding_mode="replicate")(dl.ones((2, 1, 28, 28))).shape
    (2, 6, 28, 28)
    """

    axes = 2


class _Backwards(_Convolution):
    """ConvTranspose1d and ConvTranspose2d."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{name}: padding_mode must be 'zeros', got {padding_mode!r}")
        if isinstance(padding, str):
            raise ValueError(f"{name}: padding must be numbers, got {padding!r}")
        inputs, outputs, parts = self._channels(in_channels, out_channels, groups)
        self.output_padding = sizes(name, "output_padding", output_padding, 0, self.axes)
        super().__init__(
            inputs, outputs, kernel_size, stride, padding, dilation, parts, bias, padding_mode,
            (inputs, outputs // parts), device, dtype,
        )  # fmt: skip

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """`output_size`: the sizes of the result, with or without those before them, in place of `output_padding`."""
        extra = self.output_padding if output_size is None else self._output_padding(x, output_size)
        function = functional.conv_transpose1d if self.axes == 1 else functional.conv_transpose2d
        arguments: Any = (self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)
        return function(x, *arguments)

    def _output_padding(self, x: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        name = type(self).__name__
        wanted = tuple(output_size)
        if len(wanted) not in (self.axes, x.ndim):
            raise ValueError(f"{name}: output_size must have {self.axes} or {x.ndim} numbers, got {output_size!r}")
        wanted = sizes(name, "output_size", wanted[-self.axes :], 1, self.axes)
        if x.ndim not in (self.axes + 1, self.axes + 2):
            raise ShapeError(f"{name}: input of shape {x.shape} has no {self.axes} axes behind channels")
        pads: Any = self.padding  # numbers, never a word
        least = [
            (size - 1) * stride - 2 * pad + dilation * (kernel - 1) + 1
            for size, stride, pad, dilation, kernel in zip(
                x.shape[-self.axes :], self.stride, pads, self.dilation, self.kernel_size, strict=True
            )
        ]
        most = [low + stride - 1 for low, stride in zip(least, self.stride, strict=True)]
        if not all(low <= size <= high for low, size, high in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"{name}: output_size {output_size!r} is out of range: an input of shape {x.shape} gives "
                f"{tuple(least)} to {tuple(most)}"
            )
        return tuple([size - low for size, low in zip(wanted, least, strict=True)])

    def _settings(self) -> list[str]:
        parts = super()._settings()
        if self.output_padding != (0,) * self.axes:
            parts.append(f"output_padding={self.output_padding}")
        return parts


class ConvTranspose1d(_Backwards):
    """1-D transposed convolution of sequences with learned kernels; see `ConvTranspose2d`.

    Args:
        as for `ConvTranspose2d`, with one number.

    Parameters:
        weight (C, K // groups, R) and bias (K,), both uniform on +-1/sqrt(K // groups * R), as in PyTorch.

    Shapes:
        (N, C, L) -> (N, K, P), or (C, L) -> (K, P), where
        P = (L-1)*stride - 2*padding + dilation*(R-1) + output_padding + 1.

    >>> dl.nn.ConvTranspose1d(2, 1, 3, stride=2)(dl.ones((1, 2, 5))).shape
    (1, 1, 11)
    """

    axes = 1


class ConvTranspose2d(_Backwards):
    """2-D transposed convolution of images with learned kernels: what a decoder enlarges images with.

    Args:
        in_channels, out_channels: C and K.
        kernel_size, stride, padding, output_padding, groups, dilation: as for `dl.nn.functional.conv_transpose2d`.
        bias: whether a number is added to each output channel.
        padding_mode: "zeros", the only one that has a meaning here.
        device: default the current device. dtype: default float32.

    The call takes `output_size`, too: the height and width that are wanted, from which `output_padding` follows.

    Parameters:
        weight (C, K // groups, R, S) and bias (K,), both uniform on +-1/sqrt(K // groups * R * S), as in PyTorch.

    Shapes:
        (N, C, H, W) -> (N, K, P, Q), or (C, H, W) -> (K, P, Q), where
        P = (H-1)*stride - 2*padding + dilation*(R-1) + output_padding + 1.

    >>> up = dl.nn.ConvTranspose2d(2, 1, 3, stride=2, padding=1)
    >>> up(dl.ones((1, 2, 4, 4))).shape, up(dl.ones((1, 2, 4, 4)), output_size=(8, 8)).shape
    ((1, 1, 7, 7), (1, 1, 8, 8))
    """

    axes = 2
