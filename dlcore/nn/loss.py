"""Losses as modules."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import reduction_of, unit_interval
from dlcore.nn.module import Module


class MSELoss(Module):
    """The mean squared error; see `dl.nn.functional.mse_loss`.

    >>> dl.nn.MSELoss()(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 4.0])).item()
    2.0
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction_of("MSELoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.mse_loss(input, target, self.reduction)


class CrossEntropyLoss(Module):
    """The cross-entropy between logits (N, C, ...) and class indices (N, ...); see `dl.nn.functional.cross_entropy`.

    >>> round(dl.nn.CrossEntropyLoss()(dl.tensor([[0.0, 0.0]]), dl.tensor([1])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction_of("CrossEntropyLoss", reduction)
        self.label_smoothing = unit_interval("CrossEntropyLoss", "label_smoothing", label_smoothing)

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class BCEWithLogitsLoss(Module):
    """Binary cross-entropy from logits; see `dl.nn.functional.binary_cross_entropy_with_logits`.

    >>> round(dl.nn.BCEWithLogitsLoss()(dl.zeros(2), dl.ones(2)).item(), 4)
    0.6931
    """

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None) -> None:
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)
        self.reduction = reduction_of("BCEWithLogitsLoss", reduction)

    weight: Tensor | None
    pos_weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )  # fmt: skip
