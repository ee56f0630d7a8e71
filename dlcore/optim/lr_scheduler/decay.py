"""Learning rates that fall: in steps, exponentially, by a power."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from dlcore.optim._checks import require_int, require_number
from dlcore.optim.lr_scheduler.base import LRScheduler
from dlcore.optim.optimizer import Optimizer


class StepLR(LRScheduler):
    """lr *= gamma every `step_size` epochs. As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        step_size: epochs between two steps, >= 1.
        gamma: >= 0.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.StepLR(opt, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     opt.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        require_int("StepLR", "step_size", step_size, 1)
        require_number("StepLR", "gamma", gamma)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._rates()
        return self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """lr *= gamma at each of the `milestones`. As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        milestones: epochs, >= 0; one that is there twice counts twice.
        gamma: >= 0.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.MultiStepLR(opt, milestones=[1, 3], gamma=0.5)
    >>> for epoch in range(4):
    ...     opt.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if not isinstance(milestones, Iterable) or isinstance(milestones, str):
            raise TypeError(f"MultiStepLR: milestones must be a list of ints, got {milestones!r:.80}")
        self.milestones = Counter(milestones)
        for milestone in self.milestones:
            require_int("MultiStepLR", "a milestone", milestone, 0)
        require_number("MultiStepLR", "gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch not in self.milestones:
            return self._rates()
        return self._scaled(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**passed for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """lr *= gamma every epoch. As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        gamma: >= 0.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> for epoch in range(3):
    ...     opt.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        require_number("ExponentialLR", "gamma", gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return self._rates() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list[float]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """lr = initial_lr * (1 - epoch / total_iters)^power, and 0 from there on. As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        total_iters: epochs until 0 is reached, >= 1.
        power: >= 0; 1 is a straight line.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.PolynomialLR(opt, total_iters=4, power=2.0)
    >>> opt.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5625]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        require_int("PolynomialLR", "total_iters", total_iters, 1)
        require_number("PolynomialLR", "power", power)
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._rates()
        now, before = (1.0 - epoch / self.total_iters for epoch in (self.last_epoch, self.last_epoch - 1))
        return self._scaled((now / before) ** self.power)

    def _get_closed_form_lr(self) -> list[float]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * left**self.power for base in self.base_lrs]
