"""Activations as layers: the classical ones."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.module import Module


class ReLU(Module):
    """max(x, 0); see `dl.nn.functional.relu`. Any shape.

    >>> dl.nn.ReLU()(dl.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x)


class Sigmoid(Module):
    """1 / (1 + exp(-x)); see `dl.nn.functional.sigmoid`. Any shape.

    >>> dl.nn.Sigmoid()(dl.tensor([0.0]))
    tensor([0.5])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent; see `dl.nn.functional.tanh`. Any shape.

    >>> dl.nn.Tanh()(dl.tensor([0.0]))
    tensor([0.])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.tanh(x)


class Softmax(Module):
    """Positive numbers that sum to 1 along `dim`; see `dl.nn.functional.softmax`. Any shape with at least one axis.

    >>> dl.nn.Softmax(dim=0)(dl.zeros(4))
    tensor([0.25, 0.25, 0.25, 0.25])
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return functional.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """The logarithm of the softmax along `dim`; see `dl.nn.functional.log_softmax`. Any shape with at least one axis.

    >>> dl.nn.LogSoftmax(dim=0)(dl.zeros(2))
    tensor([-0.6931472, -0.6931472])
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return functional.log_softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Module):
    """The softmax of -x along `dim`; see `dl.nn.functional.softmin`. Any shape with at least one axis.

    >>> dl.nn.Softmin(dim=0)(dl.tensor([0.0, 200.0]))
    tensor([1., 0.])
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return functional.softmin(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
