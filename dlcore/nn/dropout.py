"""Dropout layers."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import unit_interval
from dlcore.nn.module import Module


class _Dropout(Module):
    def __init__(self, p: float = 0.5) -> None:
        self.p = unit_interval(type(self).__name__, "p", p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout(_Dropout):
    """In training, zero each element with probability p and scale the others by 1/(1-p); else nothing. Any shape.

    Args:
        p: 0 <= p <= 1.

    >>> dl.nn.Dropout(0.5).eval()(dl.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.p, self.training)


class Dropout1d(_Dropout):
    """In training, zero each channel of each sequence with probability p and scale the others; else nothing.

    Args:
        p: 0 <= p <= 1.

    Shapes:
        (N, C, L) or (C, L), unchanged.

    >>> dl.nn.Dropout1d(0.5).eval()(dl.ones((1, 2, 3))).shape
    (1, 2, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout1d(x, self.p, self.training)


class Dropout2d(_Dropout):
    """In training, zero each channel of each image with probability p and scale the others by 1/(1-p); else nothing.

    Args:
        p: 0 <= p <= 1.

    Shapes:
        (N, C, H, W), unchanged; see `dl.nn.functional.dropout2d`.

    >>> dl.nn.Dropout2d(0.5).eval()(dl.ones((1, 2, 3, 3))).shape
    (1, 2, 3, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout2d(x, self.p, self.training)
