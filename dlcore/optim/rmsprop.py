"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlcore._tensor import Tensor
from dlcore.optim.bucket import Bucket
from dlcore.optim.optimizer import Optimizer


class RMSprop(Optimizer):
    """v = alpha*v + (1-alpha)*g^2; d = g / (sqrt(v) + eps); with momentum b = momentum*b + d; p -= lr * d (or b).

    As in PyTorch. Tieleman, Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; centred: Graves, "Generating sequences with
    recurrent neural networks", arXiv 1308.0850, 2013, equations 38 to 45.

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        alpha: >= 0.
        eps: >= 0.
        weight_decay: adds weight_decay * p to the gradient, >= 0.
        momentum: >= 0.
        centered: divide by the square root of the variance, v - m^2 with m = alpha*m + (1-alpha)*g, instead of v.
        maximize: ascend instead.

    Raises:
        ValueError: a setting out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0]))
    >>> opt = dl.optim.RMSprop([w], lr=0.1, alpha=0.75)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> round(w.item(), 4)
    0.8
    """

    state_names = ("square_avg", "grad_avg", "momentum_buffer")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
                    "weight_decay": weight_decay, "maximize": maximize}  # fmt: skip
        super().__init__(params, settings)

    def _check(self, group: dict[str, Any]) -> None:
        self._require_non_negative(group, "lr", "momentum", "alpha", "eps", "weight_decay")

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        elements = bucket.elements(members)
        bucket.backend.rmsprop_update(
            bucket.values[elements],
            bucket.grads[elements],
            bucket.state("square_avg")[elements],
            bucket.state("grad_avg")[elements] if group["centered"] else None,
            bucket.state("momentum_buffer")[elements] if group["momentum"] else None,
            lr=self._lr(group, bucket),
            alpha=group["alpha"],
            eps=group["eps"],
            momentum=group["momentum"],
            weight_decay=group["weight_decay"],
            maximize=group["maximize"],
        )
