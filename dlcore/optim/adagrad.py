"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dlcore._tensor import Tensor
from dlcore.optim.bucket import Bucket
from dlcore.optim.optimizer import Optimizer


class Adagrad(Optimizer):
    """s += g^2; p -= lr / (1 + (t-1) * lr_decay) * g / (sqrt(s) + eps). As in PyTorch.

    Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 2011.

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        lr_decay: how fast it falls with the number of steps t, >= 0.
        weight_decay: adds weight_decay * p to the gradient, >= 0.
        initial_accumulator_value: what s starts with, >= 0; read when the optimizer is built.
        eps: >= 0.
        maximize: ascend instead.

    Raises:
        ValueError: a setting out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0]))
    >>> opt = dl.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> round(w.item(), 4)
    0.9
    """

    state_names = ("sum",)

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                    "initial_accumulator_value": initial_accumulator_value, "maximize": maximize}  # fmt: skip
        super().__init__(params, settings)

    def _check(self, group: dict[str, Any]) -> None:
        self._require_non_negative(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def _initial_state(self, group: dict[str, Any]) -> Mapping[str, float]:
        return {"sum": float(group["initial_accumulator_value"])}

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        elements = bucket.elements(members)
        bucket.backend.adagrad_update(
            bucket.values[elements],
            bucket.grads[elements],
            bucket.state("sum")[elements],
            lr=self._lr(group, bucket),
            lr_decay=group["lr_decay"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            step=step,
            maximize=group["maximize"],
        )
