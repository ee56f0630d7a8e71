"""The fully connected layer: a product, a bias and an activation in one."""

from __future__ import annotations

from dlcore.contract._base import Array
from dlcore.contract.activations import ActivationContract
from dlcore.contract.sums import SumContract


class LinearContract(SumContract, ActivationContract):
    """The fully connected layer, with what it is made of."""

    def linear_forward(
        self, x: Array, weight: Array, bias: Array | None, activation: str = "identity", alpha: float = 0.0
    ) -> Array:
        """activation(x (M, C) @ weight (K, C)^T + bias (K,) or None) -> (M, K), a new array.

        `activation` and `alpha` as in `bias_activation_forward`. float16 may be rounded before the activation, after
        it, or both.
        """
        y = self.matmul(x, weight.T)
        if bias is None and activation == "identity":
            return y
        return self.bias_activation_forward(y, bias, activation, alpha, out=y)
