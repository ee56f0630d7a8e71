"""Activations as layers: those made of pieces."""

from __future__ import annotations

from typing import Any

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import real_number
from dlcore.nn.functional.rectifier import bounds
from dlcore.nn.init import constant_
from dlcore.nn.linear import positive_int
from dlcore.nn.module import Module, Parameter
from dlcore.ops import full


class Heaviside(Module):
    """0 below 0, 1 above, `value` at 0: the perceptron's step; see `dl.nn.functional.heaviside`. Any shape.

    >>> dl.nn.Heaviside()(dl.tensor([-1.0, 2.0]))
    tensor([0., 1.])
    """

    def __init__(self, value: float = 1.0) -> None:
        self.value = real_number("Heaviside", "value", value)

    def forward(self, x: Tensor) -> Tensor:
        return functional.heaviside(x, self.value)

    def extra_repr(self) -> str:
        return f"value={self.value}"


class ReLU6(Module):
    """min(max(x, 0), 6); see `dl.nn.functional.relu6`. Any shape.

    >>> dl.nn.ReLU6()(dl.tensor([-1.0, 9.0]))
    tensor([0., 6.])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(x)


class LeakyReLU(Module):
    """x above 0, else negative_slope * x; see `dl.nn.functional.leaky_relu`. Any shape.

    >>> dl.nn.LeakyReLU(0.5)(dl.tensor([-1.0, 2.0]))
    tensor([-0.5,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = real_number("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """x above 0, else weight * x, with a weight that is learned; see `dl.nn.functional.prelu`.

    Args:
        num_parameters: 1 for all, or the number of channels.
        init: what the weight starts with.
        device: default the current device. dtype: default float32.

    Parameters:
        weight (num_parameters,). Do not apply weight decay to it: it would pull towards ReLU.

    Shapes:
        (N, C, ...) -> (N, C, ...), any shape with a single parameter

    >>> dl.nn.PReLU()(dl.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        self.num_parameters = positive_int("PReLU", "num_parameters", num_parameters)
        self.init = real_number("PReLU", "init", init)
        self.weight = Parameter(full((num_parameters,), self.init, dtype=dtype or "float32", device=device))

    def reset_parameters(self) -> None:
        """Set the weight to what it started with."""
        constant_(self.weight, self.init)

    def forward(self, x: Tensor) -> Tensor:
        return functional.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class ELU(Module):
    """x above 0, else alpha * (exp(x) - 1); see `dl.nn.functional.elu`. Any shape.

    >>> dl.nn.ELU()(dl.tensor([-100.0, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real_number("ELU", "alpha", alpha)

    def forward(self, x: Tensor) -> Tensor:
        return functional.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class SELU(Module):
    """The ELU that keeps mean and variance; see `dl.nn.functional.selu`. Any shape.

    >>> dl.nn.SELU()(dl.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.selu(x)


class CELU(Module):
    """x above 0, else alpha * (exp(x / alpha) - 1); see `dl.nn.functional.celu`. Any shape.

    >>> dl.nn.CELU()(dl.tensor([-100.0, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real_number("CELU", "alpha", alpha)

    def forward(self, x: Tensor) -> Tensor:
        return functional.celu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class Hardtanh(Module):
    """x between min_val and max_val; see `dl.nn.functional.hardtanh`. Any shape.

    >>> dl.nn.Hardtanh()(dl.tensor([-5.0, 0.5]))
    tensor([-1. ,  0.5])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = bounds("Hardtanh", min_val, max_val)

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Hardsigmoid(Module):
    """relu6(x + 3) / 6; see `dl.nn.functional.hardsigmoid`. Any shape.

    >>> dl.nn.Hardsigmoid()(dl.tensor([-3.0, 0.0]))
    tensor([0. , 0.5])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardsigmoid(x)


class Hardswish(Module):
    """x * relu6(x + 3) / 6; see `dl.nn.functional.hardswish`. Any shape.

    >>> dl.nn.Hardswish()(dl.tensor([0.0, 5.0]))
    tensor([0., 5.])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardswish(x)


class Threshold(Module):
    """x above the threshold, else `value`; see `dl.nn.functional.threshold`. Any shape.

    >>> dl.nn.Threshold(1.0, -1.0)(dl.tensor([0.5, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold = real_number("Threshold", "threshold", threshold)
        self.value = real_number("Threshold", "value", value)

    def forward(self, x: Tensor) -> Tensor:
        return functional.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class Hardshrink(Module):
    """0 where abs(x) <= lambd, else x; see `dl.nn.functional.hardshrink`. Any shape.

    >>> dl.nn.Hardshrink()(dl.tensor([-1.0, 0.2]))
    tensor([-1.,  0.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = real_number("Hardshrink", "lambd", lambd)

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Module):
    """x moved by lambd towards 0; see `dl.nn.functional.softshrink`. Any shape.

    >>> dl.nn.Softshrink()(dl.tensor([-1.0, 0.2]))
    tensor([-0.5,  0. ])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = real_number("Softshrink", "lambd", lambd)

    def forward(self, x: Tensor) -> Tensor:
        return functional.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)
