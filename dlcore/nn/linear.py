"""Fully connected layers."""

from __future__ import annotations

import math
from typing import Any

from dlcore._tensor import Tensor
from dlcore.nn import functional, init
from dlcore.nn.module import Module, Parameter
from dlcore.ops import zeros


def positive_int(layer: str, argument: str, value: Any, minimum: int = 1) -> int:
    """A constructor argument that must be an int of at least `minimum`."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < minimum:
        raise ValueError(f"{layer}: {argument} must be an int >= {minimum}, got {value!r}")
    return int(value.__index__())


class Linear(Module):
    """y = x W^T + b.

    Args:
        in_features, out_features: sizes of the last axis of input and output.
        bias: whether there is a b.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (out_features, in_features) and bias (out_features,), both uniform on
        +-1/sqrt(in_features), as in PyTorch.

    Shapes:
        (..., in_features) -> (..., out_features)

    >>> dl.nn.Linear(3, 2)(dl.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        self.in_features = positive_int("Linear", "in_features", in_features)
        self.out_features = positive_int("Linear", "out_features", out_features)
        self.weight = Parameter(zeros((out_features, in_features), dtype=dtype, device=device))
        self.bias = Parameter(zeros(out_features, dtype=dtype, device=device)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        fill_uniform(self.weight, self.bias, self.in_features)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def fill_uniform(weight: Tensor, bias: Tensor | None, fan_in: int) -> None:
    """PyTorch's default for linear and convolution layers: uniform on +-1/sqrt(fan_in)."""
    bound = 1.0 / math.sqrt(fan_in)
    init.uniform_(weight, -bound, bound)
    if bias is not None:
        init.uniform_(bias, -bound, bound)
