"""Dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import floats, unit_interval
from dlcore.ops import full_like, multiply
from dlcore.random import Generator, generator_for

if TYPE_CHECKING:
    from dlcore._specs import PhiloxCounter


class Dropout(Function):
    def __init__(self, p: float, counter: PhiloxCounter) -> None:
        self.p, self.counter = p, counter

    def forward(self, x: Any) -> Any:
        y, self.kept = self.backend.dropout_forward(x, self.p, self.counter)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        return DropoutBackward(self.p, self.counter, self.kept)(grad)


class DropoutBackward(Function):
    """Through the same mask; linear and symmetric, so it is its own backward."""

    def __init__(self, p: float, counter: PhiloxCounter, mask: Any) -> None:
        self.p, self.counter, self.kept = p, counter, mask

    def forward(self, grad: Any) -> Any:
        return self.backend.dropout_backward(grad, self.p, self.counter, self.kept)

    def backward(self, grad: Tensor) -> Tensor:
        return DropoutBackward(self.p, self.counter, self.kept)(grad)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Tensor:
    """Zero each element with probability p and scale the others by 1/(1-p); nothing if not `training`.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15, 2014. The mask is a function of
    the generator's seed and position, the same on every device.

    Args:
        input: a float tensor.
        p: 0 <= p <= 1.
        generator: default `dl.random.default_generator()`.

    >>> F.dropout(dl.ones(4), p=0.0)
    tensor([1., 1., 1., 1.])
    """
    x = floats("dropout", "input", input)
    p = unit_interval("dropout", "p", p)
    source = generator_for("dropout", generator)
    if not training or p == 0:
        return x
    if p == 1:
        return multiply(x, full_like(x, 0))
    return Dropout(p, source.draw(x.size))(x)
