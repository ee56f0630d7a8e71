"""Losses as modules: cross-entropies and other likelihoods."""

from __future__ import annotations

from dlcore._tensor import Tensor
from dlcore.nn import functional
from dlcore.nn.functional._args import real_number, reduction_of, unit_interval
from dlcore.nn.functional.likelihood import KL_REDUCTIONS
from dlcore.nn.module import Module


class CrossEntropyLoss(Module):
    """The cross-entropy between logits (N, C, ...) and class indices (N, ...), or probabilities (N, C, ...).

    See `dl.nn.functional.cross_entropy`.

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


class BCELoss(Module):
    """Binary cross-entropy from probabilities; see `dl.nn.functional.binary_cross_entropy`.

    >>> round(dl.nn.BCELoss()(dl.tensor([0.5]), dl.ones(1)).item(), 4)
    0.6931
    """

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        self.register_buffer("weight", weight)
        self.reduction = reduction_of("BCELoss", reduction)

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class NLLLoss(Module):
    """The negative log-likelihood from log-probabilities (N, C, ...); see `dl.nn.functional.nll_loss`.

    >>> dl.nn.NLLLoss()(dl.tensor([[-1.0, -2.0]]), dl.tensor([1])).item()
    2.0
    """

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction_of("NLLLoss", reduction)

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.nll_loss(
            input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class KLDivLoss(Module):
    """The divergence of Kullback and Leibler, from log-probabilities; see `dl.nn.functional.kl_div`.

    >>> p = dl.tensor([[0.5, 0.5]])
    >>> dl.nn.KLDivLoss(reduction="batchmean")(dl.log(p), p).item()
    0.0
    """

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        self.reduction = reduction_of("KLDivLoss", reduction, KL_REDUCTIONS)
        self.log_target = bool(log_target)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(Module):
    """Counts of a Poisson distribution; see `dl.nn.functional.poisson_nll_loss`.

    >>> dl.nn.PoissonNLLLoss()(dl.zeros(2), dl.ones(2)).item()
    1.0
    """

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> None:
        self.log_input = bool(log_input)
        self.full = bool(full)
        self.eps = real_number("PoissonNLLLoss", "eps", eps)
        self.reduction = reduction_of("PoissonNLLLoss", reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.poisson_nll_loss(
            input, target, log_input=self.log_input, full=self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(Module):
    """Targets of a normal distribution; see `dl.nn.functional.gaussian_nll_loss`.

    >>> dl.nn.GaussianNLLLoss()(dl.zeros(2), dl.ones(2), dl.ones(2)).item()
    0.5
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        self.full = bool(full)
        self.eps = real_number("GaussianNLLLoss", "eps", eps)
        self.reduction = reduction_of("GaussianNLLLoss", reduction)

    def forward(self, input: Tensor, target: Tensor, var: Tensor) -> Tensor:
        return functional.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)
