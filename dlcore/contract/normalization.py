"""Normalisation by statistics of channels over the batch, and by statistics of groups of channels of one sample."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class NormalizationContract(Contract):
    """Batch normalisation; group normalisation, of which layer and instance normalisation are the extremes.

    `statistics` are what the backward pass needs: the mean, what rounding took from it (at a mean of 1e4 the last
    bit of a float32 is a thousandth: too much where the deviation is 1), and 1 / sqrt(variance + eps). They are
    float32 for float16, else of x's dtype. x is (N, C, ...); weight and bias are (C,) or None, each by itself.
    """

    def batch_norm_forward(
        self,
        x: Array,
        weight: Array | None,
        bias: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        batches: Array | None = None,
        momentum: float | None = 0.1,
        eps: float = 1e-5,
    ) -> tuple[Array, Array]:
        """(x - mean) / sqrt(var + eps) * weight + bias, by the mean and the biased variance of each channel.

        In place: `batches` (), int64, counts one more; `running_mean` and `running_var` (C,) move to the mean and the
        unbiased variance by the share `momentum`, or, where that is None, by 1 / batches, which makes them averages.

        Returns:
            The result and the statistics (3, C). No channel may be empty.
        """
        return reference.batch_norm_forward(self.xp, x, weight, bias, running_mean, running_var, batches, momentum, eps)

    def batch_norm_inference(
        self, x: Array, weight: Array | None, bias: Array | None, mean: Array, var: Array, eps: float = 1e-5
    ) -> Array:
        """(x - mean) / sqrt(var + eps) * weight + bias with a mean and variance (C,) that are given."""
        return reference.batch_norm_inference(self.xp, x, weight, bias, mean, var, eps)

    def batch_norm_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array | None,
        statistics: Array,
        training: bool = True,
        weight_out: Array | None = None,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        """The gradients of x, weight and bias; the last two written into `weight_out` and `bias_out` if given.

        With `training` the statistics are functions of x, else constants.
        """
        return reference.batch_norm_backward(self.xp, grad, x, weight, statistics, training, weight_out, bias_out)

    def group_norm_forward(
        self, x: Array, weight: Array | None, bias: Array | None, groups: int = 1, eps: float = 1e-5
    ) -> tuple[Array, Array]:
        """(x - mean) / sqrt(var + eps) * weight + bias, by the mean and biased variance of C / groups channels each.

        One group of (rows, features) is layer normalisation; as many groups as channels, instance normalisation.

        Returns:
            The result and the statistics (3, N, groups). No group may be empty.
        """
        return reference.group_norm_forward(self.xp, x, weight, bias, groups, eps)

    def group_norm_backward(
        self,
        grad: Array,
        x: Array,
        weight: Array | None,
        statistics: Array,
        affine: bool = True,
        weight_out: Array | None = None,
        bias_out: Array | None = None,
    ) -> tuple[Array, Array | None, Array | None]:
        """The gradients of x and, if `affine`, of weight and bias (into `weight_out` and `bias_out` if given)."""
        return reference.group_norm_backward(self.xp, grad, x, weight, statistics, affine, weight_out, bias_out)
