"""Learning rates that rise and fall, with momenta that do the reverse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

from dlcore.optim._checks import require, require_int, require_number
from dlcore.optim.lr_scheduler.base import LRScheduler, checked_optimizer, for_each_group, set_rate
from dlcore.optim.lr_scheduler.function import vars_of
from dlcore.optim.optimizer import Optimizer

_BELOW_ONE = math.nextafter(1.0, 0.0)


class _Cycle(LRScheduler):
    """What the two have in common: momenta, which are SGD's or RMSprop's `momentum` or the first of Adam's `betas`."""

    use_beta1: bool

    def _begin_momentum(self, base: float | Sequence[float], largest: float | Sequence[float], begin: bool) -> None:
        name, optimizer = type(self).__name__, self.optimizer
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                f"{name}: cycle_momentum=True needs an optimizer with momentum or betas, which "
                f"{type(optimizer).__name__} has not"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        most = _BELOW_ONE if self.use_beta1 else math.inf
        self.base_momentums = for_each_group(name, "base_momentum", optimizer, base, most)
        self.max_momentums = for_each_group(name, "max_momentum", optimizer, largest, most)
        if begin:
            for group, low, high in zip(optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class OneCycleLR(_Cycle):
    """One cycle: the learning rate rises from max_lr / div_factor to max_lr, then falls far below. As in PyTorch.

    Smith, Topin, "Super-convergence: very fast training of neural networks using large learning rates", arXiv
    1708.07120, 2017; by default in the two phases of fastai. Call `step` after each batch.

    Args:
        optimizer: whose learning rates are set.
        max_lr: the largest learning rate, >= 0; or a list, one for each group.
        total_steps: the number of steps of the cycle, >= 1. Default: epochs * steps_per_epoch.
        epochs, steps_per_epoch: >= 1, where total_steps is not given.
        pct_start: the fraction of the cycle that it rises, a float in [0, 1].
        anneal_strategy: "cos" or "linear".
        cycle_momentum: momentum (or Adam's first beta) falls from max_momentum to base_momentum and rises again.
        base_momentum, max_momentum: >= 0; or a list, one for each group.
        div_factor: the first learning rate is max_lr / div_factor, > 0.
        final_div_factor: the last one is the first / final_div_factor, > 0.
        three_phase: fall to the first learning rate as long as it rose, and then to the last.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.
        ValueError: `step` after the last step of the cycle.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0, momentum=0.9)
    >>> schedule = dl.optim.lr_scheduler.OneCycleLR(opt, max_lr=1.0, total_steps=10, pct_start=0.5, div_factor=10.0)
    >>> rates = schedule.get_last_lr()
    >>> for batch in range(4):
    ...     opt.step()
    ...     schedule.step()
    ...     rates += schedule.get_last_lr()
    >>> [round(lr, 4) for lr in rates], opt.param_groups[0]["momentum"]
    ([0.1, 0.2318, 0.55, 0.8682, 1.0], 0.85)
    """

    _not_state = ("base_momentums", "max_momentums")  # they are in the groups

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        name = "OneCycleLR"
        self.optimizer = checked_optimizer(name, optimizer)
        if total_steps is not None:
            require_int(name, "total_steps", total_steps, 1)
            self.total_steps = total_steps
        elif epochs is not None and steps_per_epoch is not None:
            require_int(name, "epochs", epochs, 1)
            require_int(name, "steps_per_epoch", steps_per_epoch, 1)
            self.total_steps = epochs * steps_per_epoch
        else:
            raise ValueError(f"{name}: either total_steps or both epochs and steps_per_epoch must be given")
        require(name, "pct_start", pct_start, isinstance(pct_start, float) and 0 <= pct_start <= 1, "a float in [0, 1]")
        require(name, "anneal_strategy", anneal_strategy, anneal_strategy in ("cos", "linear"), "'cos' or 'linear'")
        for argument, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            require_number(name, argument, value)
            require(name, argument, value, value > 0, "a number > 0")
        largest = for_each_group(name, "max_lr", optimizer, max_lr)
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(pct_start, self.total_steps, three_phase)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch == -1)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, largest, strict=True):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: int | None = None) -> None:
        """As `LRScheduler.step`; ValueError after the last step of the cycle, with nothing changed."""
        following = self.last_epoch + 1 if epoch is None else epoch
        if following > self.total_steps:
            raise ValueError(f"OneCycleLR: step {following} of a cycle of {self.total_steps} steps")
        super().step(epoch)

    def get_lr(self) -> list[float]:
        start, phase = 0.0, self._schedule_phases[-1]
        for phase in self._schedule_phases:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            start = self._schedule_phases[-2]["end_step"]
        length = phase["end_step"] - start
        part = (self.last_epoch - start) / length if length else 1.0
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                self._set_momentum(group, momentum)
        return rates

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def _phases(pct_start: float, steps: int, three: bool) -> list[dict[str, Any]]:
    """Where each phase ends, and between which settings of the group it goes."""

    def phase(end_step: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str) -> dict[str, Any]:
        return {"end_step": end_step, "start_lr": start_lr, "end_lr": end_lr, "start_momentum": start_momentum,
                "end_momentum": end_momentum}  # fmt: skip

    rise = phase(float(pct_start * steps) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three:
        return [rise, phase(steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    return [
        rise,
        phase(float(2 * pct_start * steps) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
        phase(steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
    ]


class CyclicLR(_Cycle):
    """The learning rate rises from base_lr to max_lr and falls again, over and over. As in PyTorch.

    Smith, "Cyclical learning rates for training neural networks", WACV 2017. Call `step` after each batch.

    Args:
        optimizer: whose learning rates are set.
        base_lr, max_lr: >= 0; or lists, one for each group.
        step_size_up, step_size_down: steps of each half, >= 1; by default both are equal.
        mode: "triangular"; "triangular2", which halves the height with each cycle; "exp_range", which scales it by
            gamma^step.
        gamma: >= 0.
        scale_fn: the factor of the height as a function of the cycle (from 1) or, with scale_mode "iterations", of the
            step; instead of `mode`.
        scale_mode: "cycle" or "iterations"; for `scale_fn`.
        cycle_momentum: momentum (or Adam's first beta) goes from max_momentum to base_momentum and back.
        base_momentum, max_momentum: >= 0; or lists, one for each group.
        last_epoch: see `LRScheduler`.

    Raises:
        TypeError, ValueError: an argument of another kind or out of range.

    >>> opt = dl.optim.SGD([dl.nn.Parameter(dl.ones(1))], lr=1.0, momentum=0.9)
    >>> schedule = dl.optim.lr_scheduler.CyclicLR(opt, base_lr=0.0, max_lr=1.0, step_size_up=2)
    >>> rates = schedule.get_last_lr()
    >>> for batch in range(4):
    ...     opt.step()
    ...     schedule.step()
    ...     rates += schedule.get_last_lr()
    >>> rates
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    _not_state = ("_scale_fn_custom",)

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        name = "CyclicLR"
        self.optimizer = checked_optimizer(name, optimizer)
        lowest = for_each_group(name, "base_lr", optimizer, base_lr)
        self.max_lrs = for_each_group(name, "max_lr", optimizer, max_lr)
        require_int(name, "step_size_up", step_size_up, 1)
        down = step_size_up if step_size_down is None else step_size_down
        require_int(name, "step_size_down", down, 1)
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = step_size_up / self.total_size
        if scale_fn is None:
            modes = ("triangular", "triangular2", "exp_range")
            require(name, "mode", mode, mode in modes, f"one of {', '.join(modes)}")
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        elif not callable(scale_fn):
            raise TypeError(f"{name}: scale_fn must be a function, got {scale_fn!r:.80}")
        require(name, "scale_mode", scale_mode, scale_mode in ("cycle", "iterations"), "'cycle' or 'iterations'")
        require_number(name, "gamma", gamma)
        self.mode = mode
        self.gamma = gamma
        self.scale_mode = scale_mode
        self._scale_fn_custom = scale_fn
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch == -1)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, lowest, strict=True):
                set_rate(group, rate)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def scale_fn(self, x: float) -> float:
        """The factor of the height in cycle, or at step, `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return float(1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x)

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True
            ):
                self._set_momentum(group, high - (high - low) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """As `LRScheduler.state_dict`; of `scale_fn`, what a callable object remembers. Functions are not saved."""
        custom = self._scale_fn_custom
        known = None if custom is None or isinstance(custom, FunctionType) else vars_of(custom)
        return {**super().state_dict(), "_scale_fn_custom": known}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        if state_dict["_scale_fn_custom"] is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(state_dict["_scale_fn_custom"])
