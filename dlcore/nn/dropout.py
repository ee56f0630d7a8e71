"""Dropout layers."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import unit_interval
from dlcore.nn.module import Module


class Dropout(Module):
    """In training, zero each element with probability p and scale the others by 1/(1-p); else nothing. Any shape.

    Args:
        p: 0 <= p <= 1.

    >>> dl.nn.Dropout(0.5).eval()(dl.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = unit_interval("Dropout", "p", p)

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"
