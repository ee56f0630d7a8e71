"""The learning rate falls when a metric has stopped to improve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dlcore.optim._checks import require, require_int, require_number
from dlcore.optim.lr_scheduler.base import LRScheduler, checked_optimizer, for_each_group, rate_of, set_rate
from dlcore.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """lr *= factor when a metric has not improved for more than `patience` epochs. As in PyTorch.

    Args:
        optimizer: whose learning rates are set.
        mode: "min" if the metric should fall, "max" if it should rise.
        factor: in [0, 1).
        patience: epochs without improvement that are tolerated, >= 0.
        threshold: how much better is an improvement, >= 0.
        threshold_mode: "rel": better than best * (1 - threshold), or (1 + threshold) with "max"; "abs": better by
            threshold.
        cooldown: epochs after a reduction that do not count, >= 0.
        min_lr: the learning rate does not fall below, >= 0; or a list, one for each group.
        eps: a smaller reduction is not made, >= 0.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = dl.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     opt.step()
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        name = "ReduceLROnPlateau"
        self.optimizer = checked_optimizer(name, optimizer)
        require(name, "mode", mode, mode in ("min", "max"), "'min' or 'max'")
        require_number(name, "factor", factor)
        require(name, "factor", factor, factor < 1, "a number in [0, 1)")
        require_int(name, "patience", patience, 0)
        require_number(name, "threshold", threshold)
        require(name, "threshold_mode", threshold_mode, threshold_mode in ("rel", "abs"), "'rel' or 'abs'")
        require_int(name, "cooldown", cooldown, 0)
        require_number(name, "eps", eps)
        self.min_lrs = for_each_group(name, "min_lr", optimizer, min_lr)
        self.default_min_lr: Any = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self._last_lr = self._rates()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of the metric after an epoch, and reduce the learning rates if it is time to.

        Args:
            metrics: a number, or a tensor of one element (which waits for a GPU). NaN is no improvement.
            epoch: what `last_epoch` is to be; default: one more.

        Raises:
            TypeError: no number. ValueError: the optimizer has another number of groups than there are `min_lr`.
        """
        name = "ReduceLROnPlateau.step"
        try:
            current = float(metrics)
        except (TypeError, ValueError):
            raise TypeError(f"{name}: metrics must be a number, got {metrics!r:.80}") from None
        if epoch is not None:
            require_int(name, "epoch", epoch, 0)
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise ValueError(f"{name}: {len(self.min_lrs)} min_lr for {len(groups)} groups; set `min_lrs`")
            self.min_lrs = [float(self.default_min_lr)] * len(groups)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(groups, self.min_lrs, strict=True):
                before = rate_of(group)
                after = max(before * self.factor, least)
                if before - after > self.eps:
                    set_rate(group, after)
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._rates()

    @property
    def in_cooldown(self) -> bool:
        """Whether bad epochs do not count yet."""
        return self.cooldown_counter > 0

    def _is_better(self, value: float) -> bool:
        if self.mode == "min":
            limit = self.best * (1.0 - self.threshold) if self.threshold_mode == "rel" else self.best - self.threshold
            return value < limit
        limit = self.best * (1.0 + self.threshold) if self.threshold_mode == "rel" else self.best + self.threshold
        return value > limit
