"""Learning rates that are small at first: constantly so, or rising in a straight line."""

from __future__ import annotations

from dlcore.optim._checks import require, require_int, require_number
from dlcore.optim.lr_scheduler.base import LRScheduler
from dlcore.optim.optimizer import Optimizer


class ConstantLR(LRScheduler):
    """lr = factor * initial_lr until epoch `total_iters`, then initial_lr. As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        factor: in (0, 1]. (PyTorch takes 0 and then divides by it.)
        total_iters: >= 1.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.ConstantLR(opt, factor=0.5, total_iters=2)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates += schedule.get_last_lr()
    ...     opt.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.5, 1.0, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        require_number("ConstantLR", "factor", factor, 0.0, 1.0)
        require("ConstantLR", "factor", factor, factor > 0, "a number in (0, 1]")
        require_int("ConstantLR", "total_iters", total_iters, 1)
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        return self._scaled(1.0 / self.factor) if self.last_epoch == self.total_iters else self._rates()

    def _get_closed_form_lr(self) -> list[float]:
        factor = self.factor + (self.last_epoch >= self.total_iters) * (1 - self.factor)
        return [base * factor for base in self.base_lrs]


class LinearLR(LRScheduler):
    """Linear warm-up: from start_factor * initial_lr to end_factor * initial_lr in `total_iters` epochs. As in PyTorch.

    Goyal et al., "Accurate, large minibatch SGD", arXiv 1706.02677, 2017, section 2.2.

    Args:
        optimizer: whose learning rates are set.
        start_factor: in (0, 1].
        end_factor: in [0, 1].
        total_iters: >= 1.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates += schedule.get_last_lr()
    ...     opt.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        require_number("LinearLR", "start_factor", start_factor, 0.0, 1.0)
        require("LinearLR", "start_factor", start_factor, start_factor > 0, "a number in (0, 1]")
        require_number("LinearLR", "end_factor", end_factor, 0.0, 1.0)
        require_int("LinearLR", "total_iters", total_iters, 1)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        rise = self.end_factor - self.start_factor
        return self._scaled(1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def _get_closed_form_lr(self) -> list[float]:
        rise = self.end_factor - self.start_factor
        factor = self.start_factor + rise * min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * factor for base in self.base_lrs]
