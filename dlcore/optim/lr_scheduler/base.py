"""The base of all schedules: when the learning rate is set, and the state."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from dlcore._tensor import Tensor
from dlcore.optim._checks import require, require_int, require_number
from dlcore.optim.optimizer import Optimizer

#: What PyTorch's states hold beside ours.
_PYTORCH_ALONE = {"_is_initial", "_get_lr_called_within_step"}


class LRScheduler:
    """Base class of the schedules. A subclass defines `get_lr`, and `_get_closed_form_lr` if there is one.

    Args:
        optimizer: whose learning rates are set, at once and with each `step`. What they were is kept in the groups as
            "initial_lr".
        last_epoch: -1 to begin, or the `last_epoch` to go on from; the groups must have "initial_lr" then.

    Attributes:
        last_epoch: how often `step` was called since the beginning.
        base_lrs: the "initial_lr" of each group.

    A learning rate that is a tensor is changed in place (and read first by schedules that multiply it, which waits for
    a GPU); what this class returns are Python floats.

    Raises:
        TypeError: no optimizer, or `last_epoch` is no int. KeyError: a group without "initial_lr" to go on from.

    >>> class Inverse(dl.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / (1 + self.last_epoch) for lr in self.base_lrs]
    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0)
    >>> schedule = Inverse(opt)
    >>> for epoch in range(3):
    ...     opt.step()
    ...     schedule.step()
    >>> opt.param_groups[0]["lr"]
    0.25
    """

    _is_initial = False  # whether `step` is called for the first time, by the constructor
    _not_state: tuple[str, ...] = ()  # attributes that a subclass saves in its own way

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        name = type(self).__name__
        self.optimizer = checked_optimizer(name, optimizer)
        require_int(name, "last_epoch", last_epoch, -1)
        for position, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", rate_of(group))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{name}: group {position} has no 'initial_lr', so there is nothing to go on from at last_epoch "
                    f"{last_epoch}; load the optimizer's state first"
                )
        self.base_lrs: list[float] = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def get_lr(self) -> list[float]:
        """The learning rate of each group at `last_epoch`, from what they are now. For `step`; see `get_last_lr`."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr")

    def get_last_lr(self) -> list[float]:
        """The learning rate that was set last, for each group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the next learning rates. Call it after the optimizer's `step`.

        Args:
            epoch: go to this epoch instead, by the schedule's closed form where it has one.

        Warns:
            UserWarning: the optimizer has not taken a step yet, so the first learning rate would not be used.
        """
        if epoch is not None:
            require_int(f"{type(self).__name__}.step", "epoch", epoch, 0)
        if self._step_count == 1 and not self.optimizer.stepped:
            warnings.warn(
                f"{type(self).__name__}: `step` was called before the optimizer's `step`: the first learning rate is "
                "not used. Call `optimizer.step()` first, then `scheduler.step()`",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        self._update_lr(epoch)

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows, but for the optimizer; PyTorch's keys."""
        left_out = {"optimizer", "_is_initial", *self._not_state}
        return {key: _copied(value) for key, value in self.__dict__.items() if key not in left_out}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, PyTorch's or ours. The optimizer has a state of its own.

        Raises:
            ValueError: the state of another kind of schedule, or for another number of groups.
        """
        self._verify(state_dict)
        own = set(self.state_dict()) - set(self._not_state)
        self.__dict__.update({key: _copied(state_dict[key]) for key in own})

    def _verify(self, state: Any) -> None:
        """Raise if this cannot be loaded."""
        name, own = f"{type(self).__name__}.load_state_dict", self.state_dict()
        if not isinstance(state, Mapping):
            raise ValueError(f"{name}: expected a dict, got {type(state).__name__}")
        missing, unknown = sorted(set(own) - set(state)), sorted(set(state) - set(own) - _PYTORCH_ALONE)
        if missing or unknown:
            raise ValueError(f"{name}: missing {missing}, unknown {unknown}; is it the state of another schedule?")
        for key in ("base_lrs", "_last_lr"):
            if key in own and len(state[key]) != len(own[key]):
                raise ValueError(f"{name}: {key} of {len(state[key])} groups, expected {len(own[key])}")

    # --- for subclasses and schedules of schedules --------------------------------------------------

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            del self._is_initial

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            values = self.get_lr()
        else:
            self.last_epoch = epoch
            values = getattr(self, "_get_closed_form_lr", self.get_lr)()
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            set_rate(group, value)
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        """The learning rate of each group, now."""
        return [rate_of(group) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        return [rate * factor for rate in self._rates()]


def rate_of(group: Mapping[str, Any]) -> float:
    lr = group["lr"]
    return float(lr.item() if isinstance(lr, Tensor) else lr)


def set_rate(group: dict[str, Any], value: float) -> None:
    """In place if it is a tensor: whoever reads it there (a captured graph, say) sees the new one."""
    if isinstance(group["lr"], Tensor):
        group["lr"][...] = value
    else:
        group["lr"] = value


def checked_optimizer(name: str, optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: optimizer must be a dl.optim.Optimizer, got {type(optimizer).__name__}")
    return optimizer


def for_each_group(name: str, argument: str, optimizer: Optimizer, value: Any, most: float = math.inf) -> list[float]:
    """One number for all groups or a list with one for each, as a list.

    Raises:
        TypeError, ValueError: no numbers, out of [0, most], or not one for each group.
    """
    groups = len(optimizer.param_groups)
    if isinstance(value, (list, tuple)):
        require(name, argument, value, len(value) == groups, f"a number or {groups} of them, one for each group")
    values = list(value) if isinstance(value, (list, tuple)) else [value] * groups
    for number in values:
        require_number(name, argument, number, 0.0, most)
    return [float(number) for number in values]


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, (list, dict)) else value
