"""Adam, and AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dlcore._tensor import Tensor
from dlcore.optim.bucket import Bucket
from dlcore.optim.optimizer import Optimizer


class Adam(Optimizer):
    """m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g^2; p -= lr * m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps). As in PyTorch.

    Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        betas: b1 and b2, in [0, 1).
        eps: >= 0.
        weight_decay: adds weight_decay * p to the gradient, >= 0.
        amsgrad: divide by the largest v so far (Reddi, Kale, Kumar, ICLR 2018).
        maximize: ascend instead.
        decoupled_weight_decay: as `AdamW`.

    Raises:
        ValueError: a setting out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0]))
    >>> opt = dl.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> round(w.item(), 4)
    0.9
    """

    state_names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
                    "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}  # fmt: skip
        super().__init__(params, settings)

    def _check(self, group: dict[str, Any]) -> None:
        self._require_non_negative(group, "lr", "eps", "weight_decay")
        self._require_betas(group)

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        elements = bucket.elements(members)
        bucket.backend.adam_update(
            bucket.values[elements],
            bucket.grads[elements],
            bucket.state("exp_avg")[elements],
            bucket.state("exp_avg_sq")[elements],
            bucket.state("max_exp_avg_sq")[elements] if group["amsgrad"] else None,
            lr=self._lr(group, bucket),
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            decoupled=group["decoupled_weight_decay"],
            step=step,
            maximize=group["maximize"],
        )


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: first p *= 1 - lr * weight_decay, then Adam's step without it.

    As in PyTorch. Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.

    Args and errors as `Adam`; weight_decay is 0.01 by default.

    >>> w = dl.nn.Parameter(dl.tensor([1.0]))
    >>> opt = dl.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> round(w.item(), 4)
    0.85
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As `Optimizer.load_state_dict`; with the state of `Adam` it stays decoupled, as in PyTorch."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
