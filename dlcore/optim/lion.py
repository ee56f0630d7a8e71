"""Lion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlcore._tensor import Tensor
from dlcore.optim.bucket import Bucket
from dlcore.optim.optimizer import Optimizer


class Lion(Optimizer):
    """c = b1*m + (1-b1)*g; p -= lr * (sign(c) + weight_decay * p); m = b2*m + (1-b2)*g. Every weight moves by lr.

    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2. PyTorch has none; names and
    defaults are those of the authors' implementation. The paper advises a learning rate 3 to 10 times smaller than
    AdamW's, and a weight decay larger by as much.

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        betas: b1 and b2, in [0, 1).
        weight_decay: >= 0, apart from the gradient as in `AdamW`.
        maximize: ascend instead.

    Raises:
        ValueError: a setting out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0, -3.0]))
    >>> opt = dl.optim.Lion([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> w.numpy().round(4).tolist()
    [0.8999999761581421, -2.9000000953674316]
    """

    state_names = ("exp_avg",)

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    def _check(self, group: dict[str, Any]) -> None:
        self._require_non_negative(group, "lr", "weight_decay")
        self._require_betas(group)

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        elements = bucket.elements(members)
        bucket.backend.lion_update(
            bucket.values[elements],
            bucket.grads[elements],
            bucket.state("exp_avg")[elements],
            lr=self._lr(group, bucket),
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            maximize=group["maximize"],
        )
