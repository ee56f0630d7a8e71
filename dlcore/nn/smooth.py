"""Activations as layers: those that are smooth."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import real_number
from dlcore.nn.functional.smooth import approximation
from dlcore.nn.module import Module


class GELU(Module):
    """x * Phi(x), with the normal distribution's Phi; see `dl.nn.functional.gelu`. Any shape.

    >>> dl.nn.GELU()(dl.tensor([0.0, 1.0]))
    tensor([0.       , 0.8413447])
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximation("GELU", approximate)

    def forward(self, x: Tensor) -> Tensor:
        return functional.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x * sigmoid(x); see `dl.nn.functional.silu`. Any shape.

    >>> dl.nn.SiLU()(dl.tensor([0.0, 1.0]))
    tensor([0.       , 0.7310586])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(x)


class Mish(Module):
    """x * tanh(softplus(x)); see `dl.nn.functional.mish`. Any shape.

    >>> dl.nn.Mish()(dl.tensor([0.0, 1.0]))
    tensor([0.       , 0.8650984])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.mish(x)


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta; see `dl.nn.functional.softplus`. Any shape.

    >>> dl.nn.Softplus()(dl.tensor([0.0]))
    tensor([0.6931472])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = real_number("Softplus", "beta", beta)
        self.threshold = real_number("Softplus", "threshold", threshold)

    def forward(self, x: Tensor) -> Tensor:
        return functional.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class LogSigmoid(Module):
    """log(sigmoid(x)); see `dl.nn.functional.logsigmoid`. Any shape.

    >>> dl.nn.LogSigmoid()(dl.tensor([0.0]))
    tensor([-0.6931472])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.logsigmoid(x)


class Softsign(Module):
    """x / (1 + abs(x)); see `dl.nn.functional.softsign`. Any shape.

    >>> dl.nn.Softsign()(dl.tensor([3.0]))
    tensor([0.75])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.softsign(x)


class Tanhshrink(Module):
    """x - tanh(x); see `dl.nn.functional.tanhshrink`. Any shape.

    >>> dl.nn.Tanhshrink()(dl.tensor([100.0]))
    tensor([99.])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.tanhshrink(x)


class GLU(Module):
    """a * sigmoid(b), with the two halves a and b of x along `dim`; see `dl.nn.functional.glu`.

    >>> dl.nn.GLU()(dl.tensor([2.0, 0.0]))
    tensor([1.])
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return functional.glu(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
