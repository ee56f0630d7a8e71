"""Activations that stand alone, by name."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class PointwiseContract(Contract):
    """Activations that stand alone, by name."""

    def pointwise_forward(self, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
        """function(x): a key of `dlcore.reference.POINTWISE`, which says what alpha and beta are to it."""
        return reference.pointwise_forward(self.xp, x, function, alpha, beta)

    def pointwise_backward(self, grad: Array, x: Array, function: str, alpha: float = 0.0, beta: float = 0.0) -> Array:
        """The gradient of x from that of function(x)."""
        return reference.pointwise_backward(self.xp, grad, x, function, alpha, beta)
