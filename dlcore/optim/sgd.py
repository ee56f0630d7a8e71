"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlcore._tensor import Tensor
from dlcore.optim.bucket import Bucket
from dlcore.optim.optimizer import Optimizer, is_number


class SGD(Optimizer):
    """p -= lr * g, or with momentum: b = momentum * b + (1 - dampening) * g; p -= lr * b. As in PyTorch.

    Whether g is the gradient of one example, of a mini-batch or of the whole training set, is the caller's choice of
    what `backward` is called on: `DataLoader(batch_size=...)`.

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        momentum: >= 0. On a parameter's first step b is g.
        dampening: see above.
        weight_decay: adds weight_decay * p to the gradient, >= 0.
        nesterov: p -= lr * (g + momentum * b) (Sutskever, Martens, Dahl, Hinton, ICML 2013).
        maximize: ascend instead.

    Raises:
        ValueError: a setting out of range.

    >>> w = dl.nn.Parameter(dl.tensor([1.0]))
    >>> opt = dl.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> opt.step()
    >>> round(w.item(), 4)
    0.8
    """

    state_names = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                    "nesterov": nesterov, "maximize": maximize}  # fmt: skip
        super().__init__(params, settings)

    def _check(self, group: dict[str, Any]) -> None:
        self._require_non_negative(group, "lr", "momentum", "weight_decay")
        self._require(group, "dampening", is_number(group["dampening"]), "a number")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(
                f"SGD: nesterov needs momentum > 0 and dampening 0, got {group['momentum']} and {group['dampening']}"
            )

    def _update(self, group: dict[str, Any], bucket: Bucket, members: range, step: int) -> None:
        elements = bucket.elements(members)
        momentum = group["momentum"]
        without_buffer = step == 1 or "momentum_buffer" not in bucket.states
        bucket.backend.sgd_update(
            bucket.values[elements],
            bucket.grads[elements],
            bucket.state("momentum_buffer")[elements] if momentum else None,
            lr=self._lr(group, bucket),
            momentum=momentum,
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            weight_decay=group["weight_decay"],
            maximize=group["maximize"],
            first_step=without_buffer,
        )


class GD(SGD):
    """Gradient descent, p -= lr * g: `SGD` without momentum and decay, under its textbook name.

    It is full-batch gradient descent (Cauchy, 1847) if each step follows one `backward` through the loss of the whole
    training set, or several that add up to it; that is up to the caller.

    Args:
        params: parameters or parameter groups.
        lr: the learning rate, >= 0.
        maximize: ascend instead.

    Raises:
        ValueError: a setting out of range.

    >>> x, y = dl.tensor([1.0, 2.0, 3.0]), dl.tensor([2.0, 4.0, 6.0])
    >>> w = dl.nn.Parameter(dl.tensor([0.0]))
    >>> opt = dl.optim.GD([w], lr=0.1)
    >>> for epoch in range(20):
    ...     opt.zero_grad()
    ...     dl.mean(dl.square(w * x - y)).backward()
    ...     opt.step()
    >>> round(w.item(), 4)
    2.0
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float = 1e-3, *, maximize: bool = False
    ) -> None:
        super().__init__(params, lr, maximize=maximize)
