"""Losses: value and gradient in one."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract, Reduction


class LossContract(Contract):
    """Losses: value and gradient in one."""

    def softmax_cross_entropy(
        self,
        logits: Array,
        labels: Array,
        weight: Array | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        """logits (N, C), labels (N,) integers, weight (C,) or None -> the loss and its gradient (N, C).

        The loss is () or, with reduction "none", (N,); the gradient is that of the loss (of row n's
        own loss with "none"). "mean" divides by the summed weights of the labels that are not
        `ignore_index`. Labels have been checked with `check_index_range`.
        """
        return reference.softmax_cross_entropy(
            self.xp, logits, labels, weight, ignore_index, label_smoothing, reduction
        )

    def soft_cross_entropy(
        self,
        logits: Array,
        target: Array,
        weight: Array | None = None,
        label_smoothing: float = 0.0,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        """logits (N, C), target (N, C) probabilities, weight (C,) or None -> the loss and its gradient (N, C).

        With t = weight * ((1 - s) * target + s / C), s the smoothing, the loss of a row is -sum(t * log softmax(x)),
        and a class with t = 0 adds nothing; the gradient, of the logits, is softmax(x) * sum(t) - t. The loss is ()
        or, with reduction "none", (N,); "mean" divides by N.
        """
        return reference.soft_cross_entropy(self.xp, logits, target, weight, label_smoothing, reduction)

    def bce_with_logits(
        self,
        logits: Array,
        target: Array,
        weight: Array | None = None,
        pos_weight: Array | None = None,
        reduction: Reduction = "mean",
    ) -> tuple[Array, Array]:
        """weight * ((1-t)*x + (1 + (pos_weight-1)*t) * log(1 + exp(-x))) and its gradient for the logits.

        `weight` and `pos_weight` broadcast to the shape of the logits; the gradient has that shape.
        """
        return reference.bce_with_logits(self.xp, logits, target, weight, pos_weight, reduction)
