"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlcore._tensor import Tensor
from dlcore.optim.bucket import Bucket
from dlcore.optim.optimizer import Optimizer, is_number


class Adadelta(Optimizer):
    """v = rho*v + (1-rho)*g^2; d = sqrt(u + eps) / sqrt(v + eps) * g; u = rho*u + (1-rho)*d^2; p -= lr * d.

    As in PyTorch. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv 1212.5701, 2012, algorithm 1, which has
    no lr (so lr = 1).

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        rho: in [0, 1].
        eps: >= 0.
        weight_decay: adds weight_decay * p to the gradient, >= 0.
        maximize: ascend instead.

    Raises:
        ValueError: a setting out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0]))
    >>> opt = dl.optim.Adadelta([w], rho=0.5, eps=1e-2)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> round(w.item(), 4)
    0.8589
    """

    state_names = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    def _check(self, group: dict[str, Any]) -> None:
        self._require_non_negative(group, "lr", "eps", "weight_decay")
        rho = group["rho"]
        self._require(group, "rho", is_number(rho) and bool(0 <= rho <= 1), "a number in [0, 1]")

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        elements = bucket.elements(members)
        bucket.backend.adadelta_update(
            bucket.values[elements],
            bucket.grads[elements],
            bucket.state("square_avg")[elements],
            bucket.state("acc_delta")[elements],
            lr=self._lr(group, bucket),
            rho=group["rho"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            maximize=group["maximize"],
        )
