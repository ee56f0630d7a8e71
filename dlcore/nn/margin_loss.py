"""Losses as modules: those with a margin, and those of distances."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import real_number, reduction_of
from dlcore.nn.module import Module


class HingeLoss(Module):
    """max(0, 1 - t * x), with targets 1 and -1; see `dl.nn.functional.hinge_loss`.

    >>> dl.nn.HingeLoss()(dl.tensor([0.5]), dl.tensor([1])).item()
    0.5
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction_of("HingeLoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.hinge_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(Module):
    """A distance, or how far it falls short of the margin; see `dl.nn.functional.hinge_embedding_loss`.

    >>> dl.nn.HingeEmbeddingLoss()(dl.tensor([0.25]), dl.tensor([-1])).item()
    0.75
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        self.margin = real_number("HingeEmbeddingLoss", "margin", margin)
        self.reduction = reduction_of("HingeEmbeddingLoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class SoftMarginLoss(Module):
    """log(1 + exp(-t * x)), with targets 1 and -1; see `dl.nn.functional.soft_margin_loss`.

    >>> round(dl.nn.SoftMarginLoss()(dl.zeros(1), dl.tensor([1])).item(), 4)
    0.6931
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction_of("SoftMarginLoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.soft_margin_loss(input, target, reduction=self.reduction)


class MarginRankingLoss(Module):
    """The first score is to be ahead where the target is 1; see `dl.nn.functional.margin_ranking_loss`.

    >>> dl.nn.MarginRankingLoss()(dl.tensor([1.0]), dl.tensor([3.0]), dl.tensor([1])).item()
    2.0
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        self.margin = real_number("MarginRankingLoss", "margin", margin)
        self.reduction = reduction_of("MarginRankingLoss", reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return functional.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MultiMarginLoss(Module):
    """The score of the right class is to be ahead of all others; see `dl.nn.functional.multi_margin_loss`.

    >>> dl.nn.MultiMarginLoss()(dl.tensor([[0.0, 2.0]]), dl.tensor([1])).item()
    0.0
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean") -> None:
        self.p = p
        self.margin = real_number("MultiMarginLoss", "margin", margin)
        self.register_buffer("weight", weight)
        self.reduction = reduction_of("MultiMarginLoss", reduction)

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(Module):
    """Each right class is to be ahead of each wrong one; see `dl.nn.functional.multilabel_margin_loss`.

    >>> dl.nn.MultiLabelMarginLoss()(dl.tensor([[0.0, 2.0]]), dl.tensor([[1, -1]])).item()
    0.0
    """

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction_of("MultiLabelMarginLoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(Module):
    """Binary cross-entropy from logits, averaged over the classes; see `dl.nn.functional.multilabel_soft_margin_loss`.

    >>> round(dl.nn.MultiLabelSoftMarginLoss()(dl.zeros((1, 2)), dl.tensor([[1, 0]])).item(), 4)
    0.6931
    """

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        self.register_buffer("weight", weight)
        self.reduction = reduction_of("MultiLabelSoftMarginLoss", reduction)

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along `dim`; see `dl.nn.functional.cosine_similarity`.

    >>> round(dl.nn.CosineSimilarity(dim=0)(dl.tensor([3.0, 4.0]), dl.tensor([4.0, 3.0])).item(), 4)
    0.96
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim = dim
        self.eps = real_number("CosineSimilarity", "eps", eps)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return functional.cosine_similarity(x1, x2, dim=self.dim, eps=self.eps)


class PairwiseDistance(Module):
    """The p-norm of the difference along the last axis; see `dl.nn.functional.pairwise_distance`.

    >>> dl.nn.PairwiseDistance(eps=0.0)(dl.zeros(2), dl.tensor([3.0, 4.0])).item()
    5.0
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.p = real_number("PairwiseDistance", "p", p)
        self.eps = real_number("PairwiseDistance", "eps", eps)
        self.keepdim = bool(keepdim)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return functional.pairwise_distance(x1, x2, p=self.p, eps=self.eps, keepdim=self.keepdim)


class CosineEmbeddingLoss(Module):
    """Vectors that belong together are to point the same way; see `dl.nn.functional.cosine_embedding_loss`.

    >>> x = dl.tensor([[1.0, 0.0]])
    >>> dl.nn.CosineEmbeddingLoss()(x, x, dl.tensor([1])).item()
    0.0
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        self.margin = real_number("CosineEmbeddingLoss", "margin", margin)
        self.reduction = reduction_of("CosineEmbeddingLoss", reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return functional.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class TripletMarginLoss(Module):
    """An anchor is to be nearer to the positive than to the negative; see `dl.nn.functional.triplet_margin_loss`.

    >>> a, b = dl.tensor([[0.0, 0.0]]), dl.tensor([[3.0, 4.0]])
    >>> dl.nn.TripletMarginLoss(margin=6.0, eps=0.0)(a, a, b).item()
    1.0
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"
    ) -> None:
        self.margin = real_number("TripletMarginLoss", "margin", margin)
        self.p = real_number("TripletMarginLoss", "p", p)
        self.eps = real_number("TripletMarginLoss", "eps", eps)
        self.swap = bool(swap)
        self.reduction = reduction_of("TripletMarginLoss", reduction)

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return functional.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )
