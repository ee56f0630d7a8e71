"""NAdam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dlcore._tensor import Tensor
from dlcore.optim.bucket import Bucket
from dlcore.optim.optimizer import Optimizer


class NAdam(Optimizer):
    """Adam that looks ahead, as Nesterov's momentum does. As in PyTorch.

    With mu_t = b1 * (1 - 0.96^(t * momentum_decay) / 2) and M_t = mu_1 * ... * mu_t:
    m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g^2;
    p -= lr * (mu_{t+1} * m/(1-M_{t+1}) + (1-mu_t) * g/(1-M_t)) / (sqrt(v/(1-b2^t)) + eps).

    Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016, algorithm 8.

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        betas: b1 and b2, in [0, 1).
        eps: >= 0.
        weight_decay: adds weight_decay * p to the gradient, >= 0.
        momentum_decay: how fast mu grows from about b1 / 2 to b1, >= 0.
        decoupled_weight_decay: instead first p *= 1 - lr * weight_decay, as in `AdamW`.
        maximize: ascend instead.

    Raises:
        ValueError: a setting out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0]))
    >>> opt = dl.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> round(w.item(), 4)
    0.8944
    """

    state_names = ("mu_product", "exp_avg", "exp_avg_sq")
    state_numbers = {"mu_product": 1.0}  # noqa: RUF012 - nobody writes to it

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                    "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
                    "maximize": maximize}  # fmt: skip
        super().__init__(params, settings)

    def _check(self, group: dict[str, Any]) -> None:
        self._require_non_negative(group, "lr", "eps", "weight_decay", "momentum_decay")
        self._require_betas(group)

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        elements = bucket.elements(members)
        beta1, beta2 = group["betas"]
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        products = bucket.numbers["mu_product"]
        product = float(np.float32(products[members.start]) * np.float32(mu))  # as precise as PyTorch keeps it
        bucket.backend.nadam_update(
            bucket.values[elements],
            bucket.grads[elements],
            bucket.state("exp_avg")[elements],
            bucket.state("exp_avg_sq")[elements],
            lr=self._lr(group, bucket),
            grad_factor=(1 - mu) / (1 - product),
            mean_factor=mu_next / (1 - product * mu_next),
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            decoupled=group["decoupled_weight_decay"],
            step=step,
            maximize=group["maximize"],
        )
        for i in members:
            products[i] = product
