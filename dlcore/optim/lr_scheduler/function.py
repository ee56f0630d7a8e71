"""The learning rate by a function of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

from dlcore.optim._checks import require
from dlcore.optim.lr_scheduler.base import LRScheduler, checked_optimizer
from dlcore.optim.optimizer import Optimizer

Factor = Callable[[int], float]


class _ByFunction(LRScheduler):
    _not_state = ("lr_lambdas",)

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        name = type(self).__name__
        groups = len(checked_optimizer(name, optimizer).param_groups)
        if isinstance(lr_lambda, (list, tuple)):
            require(name, "lr_lambda", lr_lambda, len(lr_lambda) == groups, f"a function or {groups} of them")
        functions: list[Any] = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * groups
        for function in functions:
            if not callable(function):
                raise TypeError(f"{name}: lr_lambda must be a function of the epoch, got {function!r:.80}")
        self.lr_lambdas: list[Factor] = functions
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`; of the functions, what callable objects remember. Functions are not saved."""
        known = [None if isinstance(f, FunctionType) else vars_of(f) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": known}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for function, known in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if known is not None:
                function.__dict__.update(known)


def vars_of(thing: Any) -> dict[str, Any] | None:
    """The attributes of a callable object, or None if it has none to save."""
    return dict(thing.__dict__) if hasattr(thing, "__dict__") else None


class LambdaLR(_ByFunction):
    """lr = initial_lr * lr_lambda(epoch). As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        lr_lambda: a function of the epoch (0, 1, ...) that gives the factor; or a list of them, one for each group.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError: not a function. ValueError: not one for each group.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.LambdaLR(opt, lambda epoch: 0.5**epoch)
    >>> opt.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        factors = [function(self.last_epoch) for function in self.lr_lambdas]
        return [base * factor for base, factor in zip(self.base_lrs, factors, strict=True)]


class MultiplicativeLR(_ByFunction):
    """lr *= lr_lambda(epoch), for epoch 1, 2, ... As in PyTorch.

    Args and errors as `LambdaLR`.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.MultiplicativeLR(opt, lambda epoch: 0.5)
    >>> opt.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self._rates()
        factors = [function(self.last_epoch) for function in self.lr_lambdas]
        return [rate * factor for rate, factor in zip(self._rates(), factors, strict=True)]
