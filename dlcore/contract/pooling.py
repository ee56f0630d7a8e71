"""Pooling."""

from __future__ import annotations

from dlcore import reference
from dlcore._specs import Pool2dSpec
from dlcore.contract._base import Array, Contract


class PoolingContract(Contract):
    """Pooling."""

    def max_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        """x (N, C, H, W) -> the maxima (N, C, P, Q) and their places r*S + s in the window, `spec.index_dtype()`.

        Padding never wins; of equal values the first in row-major order does; NaN beats everything (of
        several the first wins, where PyTorch names the last). A window that lies in the padding
        altogether gives -inf and the index 0, which gather reads as 0 and scatter drops.
        """
        return reference.max_pool2d_forward(self.xp, x, spec)

    def min_pool2d_forward(self, x: Array, spec: Pool2dSpec) -> tuple[Array, Array]:
        """As `max_pool2d_forward`, for the minima."""
        return reference.min_pool2d_forward(self.xp, x, spec)

    def index_pool2d_gather(self, x: Array, index: Array, spec: Pool2dSpec) -> Array:
        """x (N, C, H, W) at the places that `index` (N, C, P, Q) names -> (N, C, P, Q)."""
        return reference.index_pool2d_gather(self.xp, x, index, spec)

    def index_pool2d_scatter(
        self, grad: Array, index: Array, input_shape: tuple[int, int, int, int], spec: Pool2dSpec
    ) -> Array:
        """The transpose of the gather, and so the backward of max and min pooling: (N, C, P, Q) -> `input_shape`.

        Where windows overlap, what falls on one element is summed.
        """
        return reference.index_pool2d_scatter(self.xp, grad, index, input_shape, spec)

    def avg_pool2d_forward(
        self, x: Array, spec: Pool2dSpec, count_include_pad: bool = True, divisor: int | None = None
    ) -> Array:
        """x (N, C, H, W) -> window means (N, C, P, Q).

        The divisor is `divisor` if given, else the number of elements of the window inside the
        padded input (`count_include_pad`) or inside the input itself.
        """
        return reference.avg_pool2d_forward(self.xp, x, spec, count_include_pad, divisor)

    def avg_pool2d_backward(
        self,
        grad: Array,
        input_shape: tuple[int, int, int, int],
        spec: Pool2dSpec,
        count_include_pad: bool = True,
        divisor: int | None = None,
    ) -> Array:
        """The transpose of `avg_pool2d_forward`: grad (N, C, P, Q) -> `input_shape`."""
        return reference.avg_pool2d_backward(self.xp, grad, input_shape, spec, count_include_pad, divisor)
