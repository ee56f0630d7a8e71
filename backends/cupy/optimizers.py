"""Optimizer updates, one launch each, with the formulas of `dlcore.reference.optimizers`.

Numbers of the host are combined in float64 here and rounded once by the launch. A learning rate or step count in
device memory is read, and combined in float64, by the kernel itself: nothing waits for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .base import FLOATS, CudaPrimitives
from .launcher import scalar

Array = Any

THREADS = 256
VECTOR_BYTES = 16
SCHEDULED_BLOCKS = 2048  # where each block has to combine numbers first, blocks that loop are better than more blocks
#: What the kernels can read a number of the device from, by dtype; others are converted first.
NUMBER_TYPES = {"float32": 0, "float64": 1, "int32": 2, "int64": 3}


class _Number(NamedTuple):
    """A number of the host, or the place of one in device memory and what it is stored as."""

    value: float
    place: Array | None
    type: int


class OptimizerPrimitives(CudaPrimitives):
    """The `*_update` primitives."""

    def sgd_update(
        self,
        param: Array,
        grad: Array,
        momentum_buffer: Array | None,
        *,
        lr: float | Array,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        maximize: bool = False,
        first_step: bool = False,
    ) -> None:
        if not _same_dtype(param, grad, momentum_buffer):
            return super().sgd_update(
                param, grad, momentum_buffer, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov,
                weight_decay=weight_decay, maximize=maximize, first_step=first_step,
            )  # fmt: skip
        self._update(
            "sgd", "sgd_update", param, grad, (momentum_buffer,), *self._number(lr), momentum, 1 - dampening,
            weight_decay, nesterov, maximize, first_step,
        )  # fmt: skip

    def adagrad_update(
        self,
        param: Array,
        grad: Array,
        square_sum: Array,
        *,
        lr: float | Array,
        lr_decay: float = 0.0,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        step: int | Array = 1,
        maximize: bool = False,
    ) -> None:
        if not _same_dtype(param, grad, square_sum):
            return super().adagrad_update(
                param, grad, square_sum, lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay, step=step,
                maximize=maximize,
            )  # fmt: skip
        now, t = self._number(lr), self._number(step)
        scheduled = now.place is not None or t.place is not None
        rate = 0.0 if scheduled else now.value / (1 + (t.value - 1) * lr_decay)
        self._update(
            "adagrad", "adagrad_update", param, grad, (square_sum,), rate, eps, weight_decay, maximize, *now, *t,
            lr_decay, scheduled=scheduled,
        )  # fmt: skip

    def adadelta_update(
        self,
        param: Array,
        grad: Array,
        square_avg: Array,
        acc_delta: Array,
        *,
        lr: float | Array = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        if not _same_dtype(param, grad, square_avg, acc_delta):
            return super().adadelta_update(
                param, grad, square_avg, acc_delta, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay,
                maximize=maximize,
            )  # fmt: skip
        self._update(
            "adadelta", "adadelta_update", param, grad, (square_avg, acc_delta), *self._number(lr), rho, 1 - rho, eps,
            weight_decay, maximize,
        )  # fmt: skip

    def rmsprop_update(
        self,
        param: Array,
        grad: Array,
        square_avg: Array,
        grad_avg: Array | None,
        momentum_buffer: Array | None,
        *,
        lr: float | Array,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        if not _same_dtype(param, grad, square_avg, grad_avg, momentum_buffer):
            return super().rmsprop_update(
                param, grad, square_avg, grad_avg, momentum_buffer, lr=lr, alpha=alpha, eps=eps, momentum=momentum,
                weight_decay=weight_decay, maximize=maximize,
            )  # fmt: skip
        self._update(
            "rmsprop", "rmsprop_update", param, grad, (square_avg, grad_avg, momentum_buffer), *self._number(lr),
            alpha, 1 - alpha, eps, momentum, weight_decay, maximize,
        )  # fmt: skip

    def adam_update(
        self,
        param: Array,
        grad: Array,
        exp_avg: Array,
        exp_avg_sq: Array,
        max_exp_avg_sq: Array | None,
        *,
        lr: float | Array,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        step: int | Array = 1,
        maximize: bool = False,
    ) -> None:
        if not _same_dtype(param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq):
            return super().adam_update(
                param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, lr=lr, beta1=beta1, beta2=beta2, eps=eps,
                weight_decay=weight_decay, decoupled=decoupled, step=step, maximize=maximize,
            )  # fmt: skip
        added_decay, decoupled_decay = (0.0, weight_decay) if decoupled else (weight_decay, 0.0)
        states = (exp_avg, exp_avg_sq, max_exp_avg_sq)
        now, t = self._number(lr), self._number(step)
        if now.place is not None or t.place is not None:
            self._update(
                "adam", "adam_update_scheduled", param, grad, states, beta1, beta2, added_decay, maximize,
                decoupled_decay, eps, *now, *t, scheduled=True,
            )  # fmt: skip
            return None
        correction = (1 - beta2**t.value) ** 0.5
        self._update(
            "adam", "adam_update", param, grad, states, beta1, 1 - beta1, beta2, 1 - beta2, added_decay, maximize,
            1 - now.value * decoupled_decay, now.value / (1 - beta1**t.value) * correction, eps * correction,
        )  # fmt: skip
        return None

    def nadam_update(
        self,
        param: Array,
        grad: Array,
        exp_avg: Array,
        exp_avg_sq: Array,
        *,
        lr: float | Array,
        grad_factor: float,
        mean_factor: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        step: int = 1,
        maximize: bool = False,
    ) -> None:
        if not _same_dtype(param, grad, exp_avg, exp_avg_sq):
            return super().nadam_update(
                param, grad, exp_avg, exp_avg_sq, lr=lr, grad_factor=grad_factor, mean_factor=mean_factor,
                beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay, decoupled=decoupled, step=step,
                maximize=maximize,
            )  # fmt: skip
        added_decay, decoupled_decay = (0.0, weight_decay) if decoupled else (weight_decay, 0.0)
        correction = (1 - beta2**step) ** 0.5
        self._update(
            "nadam", "nadam_update", param, grad, (exp_avg, exp_avg_sq), *self._number(lr), grad_factor * correction,
            mean_factor * correction, beta1, 1 - beta1, beta2, 1 - beta2, added_decay, decoupled_decay,
            eps * correction, maximize,
        )  # fmt: skip

    def lion_update(
        self,
        param: Array,
        grad: Array,
        exp_avg: Array,
        *,
        lr: float | Array,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        if not _same_dtype(param, grad, exp_avg):
            return super().lion_update(
                param, grad, exp_avg, lr=lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay, maximize=maximize,
            )  # fmt: skip
        self._update(
            "lion", "lion_update", param, grad, (exp_avg,), *self._number(lr), beta1, 1 - beta1, beta2, 1 - beta2,
            weight_decay, maximize,
        )  # fmt: skip

    # --- the launch -----------------------------------------------------------------------------

    def _update(
        self, source: str, kernel: str, param: Array, grad: Array, states: tuple[Array | None, ...], *arguments: Any,
        scheduled: bool = False,
    ) -> None:  # fmt: skip
        """kernel(param, grad, *states, record, n, *arguments); arrays that are not contiguous go through copies."""
        if not param.size:
            return
        changed = [param, *states]
        copies = [None if x is None else self.contiguous(x) for x in changed]
        vectors = -(-param.nbytes // VECTOR_BYTES)
        blocks = self.blocks(vectors, THREADS, SCHEDULED_BLOCKS) if scheduled else self.blocks(vectors, THREADS)
        self.launcher.kernel(source, kernel, SCALAR=scalar(param.dtype))(
            (blocks,), (THREADS,), copies[0], self.contiguous(grad), *copies[1:], self.record, param.size, *arguments
        )
        for original, copy in zip(changed, copies, strict=True):
            if copy is not original:
                original[...] = copy

    def _number(self, value: float | Array) -> _Number:
        """A learning rate or step count as the kernels take it."""
        if not isinstance(value, self.launcher.cp.ndarray):
            return _Number(float(value), None, 0)
        if value.dtype.name not in NUMBER_TYPES:
            value = value.astype(np.float64)
        return _Number(0.0, value, NUMBER_TYPES[value.dtype.name])


def _same_dtype(first: Array, *others: Array | None) -> bool:
    """Whether all arrays are of one dtype that the kernels have; others are left to the reference implementation."""
    return first.dtype.name in FLOATS and all([x is None or x.dtype == first.dtype for x in others])
