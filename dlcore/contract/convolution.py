"""Convolution."""

from __future__ import annotations

from dlcore import reference
from dlcore._specs import Conv2dSpec
from dlcore.contract._base import Array, Contract


class ConvolutionContract(Contract):
    """Convolution."""

    def conv2d_forward(
        self,
        x: Array,
        weight: Array,
        bias: Array | None,
        spec: Conv2dSpec,
        activation: str = "identity",
        alpha: float = 0.0,
    ) -> Array:
        """activation(conv2d + bias): x (N, C, H, W), weight (K, C/groups, R, S), bias (K,) or None -> (N, K, P, Q).

        `activation` and `alpha` as in `bias_activation_forward`. float16 may be rounded before the activation, after
        it, or both.
        """
        return reference.conv2d_forward(self.xp, x, weight, bias, spec, activation, alpha)

    def conv2d_backward_input(
        self, grad: Array, weight: Array, input_shape: tuple[int, int, int, int], spec: Conv2dSpec
    ) -> Array:
        """grad (N, K, P, Q), weight (K, C/groups, R, S) -> gradient of x, `input_shape` = (N, C, H, W)."""
        return reference.conv2d_backward_input(self.xp, grad, weight, input_shape, spec)

    def conv2d_backward_weight(
        self,
        grad: Array,
        x: Array,
        weight_shape: tuple[int, int, int, int],
        spec: Conv2dSpec,
        out: Array | None = None,
    ) -> Array:
        """grad (N, K, P, Q), x (N, C, H, W) -> gradient of the weight, `weight_shape` = (K, C/groups, R, S)."""
        return reference.conv2d_backward_weight(self.xp, grad, x, weight_shape, spec, out)
