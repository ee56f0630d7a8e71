"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from dlcore.optim._checks import require, require_int
from dlcore.optim.lr_scheduler.base import LRScheduler, checked_optimizer, set_rate
from dlcore.optim.lr_scheduler.plateau import ReduceLROnPlateau
from dlcore.optim.optimizer import Optimizer


class _Combined(LRScheduler):
    _not_state = ("_schedulers",)

    def _take(self, optimizer: Any, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        if not isinstance(schedulers, (list, tuple)) or not schedulers:
            raise ValueError(f"{name}: schedulers must be a list with at least one of them, got {schedulers!r:.80}")
        for position, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{name}: schedulers[{position}] is no LRScheduler, but {type(scheduler).__name__}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"{name}: schedulers[{position}] is a ReduceLROnPlateau, whose step needs the metric")
        self.optimizer = checked_optimizer(name, schedulers[0].optimizer if optimizer is None else optimizer)
        for position, scheduler in enumerate(schedulers):
            if scheduler.optimizer is not self.optimizer:
                raise ValueError(f"{name}: schedulers[{position}] is of another optimizer")
        self._schedulers = list(schedulers)

    def _initial_step(self) -> None:
        stepped, self.optimizer.stepped = self.optimizer.stepped, True  # the schedules in it have nothing to warn of
        try:
            super()._initial_step()
        finally:
            self.optimizer.stepped = stepped

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`, with the state of each schedule."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._verify(state_dict)
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)

    def _verify(self, state: Any) -> None:
        super()._verify(state)
        inner, own = state["_schedulers"], self._schedulers
        if len(inner) != len(own):
            raise ValueError(f"{type(self).__name__}.load_state_dict: {len(inner)} schedules, expected {len(own)}")
        for scheduler, its in zip(own, inner, strict=True):
            scheduler._verify(its)


class SequentialLR(_Combined):
    """One schedule after the other: from epoch milestones[i] on, schedulers[i + 1] from its beginning. As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        schedulers: the schedules, all of that optimizer.
        milestones: rising epochs >= 0, one less than there are schedules.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range; a schedule of another optimizer; a
            `ReduceLROnPlateau`, whose `step` needs a metric; a schedule of schedules that is not the first, which
            could not begin anew.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> warm_up = dl.optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> decay = dl.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule = dl.optim.lr_scheduler.SequentialLR(opt, [warm_up, decay], milestones=[2])
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates += schedule.get_last_lr()
    ...     opt.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        name = "SequentialLR"
        self._take(checked_optimizer(name, optimizer), schedulers)
        for position, scheduler in enumerate(schedulers):
            if position and isinstance(scheduler, _Combined):
                raise ValueError(
                    f"{name}: schedulers[{position}] is a {type(scheduler).__name__}, which can only be the first"
                )
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"{name}: {len(schedulers)} schedules need {len(schedulers) - 1} milestones, got {milestones!r:.80}"
            )
        for milestone in milestones:
            require_int(name, "a milestone", milestone, 0)
        rising = all(a < b for a, b in pairwise(milestones))
        require(name, "milestones", milestones, rising, "rising")
        require_int(name, "last_epoch", last_epoch, -1)
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        _undo(self)  # what each did when it was built
        current = self._schedulers[bisect_right(self._milestones, 0)]
        current._initial_step()
        self._last_lr = current.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Set the next learning rates. Call it after the optimizer's `step`."""
        self.last_epoch += 1
        position = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[position]
        if position > 0 and self._milestones[position - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(scheduler: LRScheduler) -> None:
    if isinstance(scheduler, _Combined):
        for inner in scheduler._schedulers:
            _undo(inner)
    else:
        scheduler.last_epoch -= 1


class ChainedScheduler(_Combined):
    """Several chainable schedules at once: `step` steps each. As in PyTorch.

    Args:
        schedulers: the schedules, all of one optimizer.
        optimizer: that optimizer; default: the one of the first schedule.

    Raises:
        TypeError, ValueError: an argument of another kind; a schedule of another optimizer; a `ReduceLROnPlateau`,
            whose `step` needs a metric.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> warm_up = dl.optim.lr_scheduler.ConstantLR(opt, 0.5, total_iters=2)
    >>> decay = dl.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    >>> schedule = dl.optim.lr_scheduler.ChainedScheduler([warm_up, decay])
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates += schedule.get_last_lr()
    ...     opt.step()
    ...     schedule.step()
    >>> rates
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(optimizer, schedulers)
        self._last_lr = self._rates()

    def step(self) -> None:  # type: ignore[override]
        """Step every schedule. Call it after the optimizer's `step`."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()
