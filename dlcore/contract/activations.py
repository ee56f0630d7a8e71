"""Bias, activations and softmax."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class ActivationContract(Contract):
    """Bias, activations and softmax."""

    def bias_activation_forward(
        self,
        x: Array,
        bias: Array | None,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        out: Array | None = None,
    ) -> Array:
        """activation(x + bias), `bias` (x.shape[axis],) or None.

        `activation` is a key of `dlcore.reference.ACTIVATIONS`; `alpha` is its parameter (the slope
        of leaky_relu, the scale of elu). `out` may have any strides, and be `x` itself: then it works in place.
        """
        return reference.bias_activation_forward(self.xp, x, bias, activation, alpha, axis, out)

    def bias_activation_backward(
        self,
        grad: Array,
        saved: Array,
        activation: str = "identity",
        alpha: float = 0.0,
        axis: int = -1,
        bias_grad: bool = False,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array | None]:
        """The gradients of x and, if `bias_grad`, of the bias: (grad.shape[axis],), written into `bias_out` if given.

        `saved` is what `ACTIVATIONS[activation].saves` says: the output, or the input x + bias.
        """
        return reference.bias_activation_backward(self.xp, grad, saved, activation, alpha, axis, bias_grad, bias_out)

    def softmax_forward(self, x: Array, axis: int, log: bool = False) -> Array:
        """softmax(x) along `axis`, or its logarithm; shifted by the maximum, so it never overflows."""
        return reference.softmax_forward(self.xp, x, axis, log)

    def softmax_backward(self, grad: Array, output: Array, axis: int, log: bool = False) -> Array:
        """The gradient of x from the output: y*(g - sum(g*y)), or g - exp(y)*sum(g) with `log`."""
        return reference.softmax_backward(self.xp, grad, output, axis, log)
