"""Adaptive pooling: part i of P of an axis of size H is floor(i*H/P) <= element < ceil((i+1)*H/P)."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class AdaptivePoolingContract(Contract):
    """Adaptive pooling: part i of P of an axis of size H is floor(i*H/P) <= element < ceil((i+1)*H/P)."""

    def adaptive_avg_pool2d_forward(self, x: Array, output_size: tuple[int, int]) -> Array:
        """x (N, C, H, W), H and W at least 1 -> the means of the parts (N, C, P, Q), `output_size` = (P, Q)."""
        return reference.adaptive_avg_pool2d_forward(self.xp, x, output_size)

    def adaptive_avg_pool2d_backward(self, grad: Array, input_shape: tuple[int, int, int, int]) -> Array:
        """The transpose: grad (N, C, P, Q) -> `input_shape` = (N, C, H, W), each part's share in all its elements."""
        return reference.adaptive_avg_pool2d_backward(self.xp, grad, input_shape)

    def adaptive_max_pool2d_forward(self, x: Array, output_size: tuple[int, int]) -> tuple[Array, Array]:
        """x (N, C, H, W), H and W at least 1 -> the maxima (N, C, P, Q) and their places row*W + column, int64.

        Of equal values the first in row-major order wins; NaN beats everything, of several the first.
        """
        return reference.adaptive_max_pool2d_forward(self.xp, x, output_size)

    def adaptive_pool2d_gather(self, x: Array, index: Array) -> Array:
        """x (N, C, H, W) at the places that `index` (N, C, P, Q) names, each in its own part -> (N, C, P, Q)."""
        return reference.adaptive_pool2d_gather(self.xp, x, index)

    def adaptive_pool2d_scatter(self, grad: Array, index: Array, input_shape: tuple[int, int, int, int]) -> Array:
        """The transpose of the gather, and so the backward of adaptive max pooling: (N, C, P, Q) -> `input_shape`.

        Where parts overlap, what falls on one element is summed, in row-major order of the parts.
        """
        return reference.adaptive_pool2d_scatter(self.xp, grad, index, input_shape)
