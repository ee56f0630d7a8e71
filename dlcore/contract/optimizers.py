"""Flat buffers: optimizer updates and norms. All arrays are 1-D, of one dtype; updates are in place."""

from __future__ import annotations

from dlcore import reference
from dlcore.contract._base import Array, Contract


class OptimizerContract(Contract):
    """Flat buffers: optimizer updates and norms. All arrays are 1-D, of one dtype; updates are in place."""

    def fill_zero(self, x: Array) -> None:
        """Set `x` to zero, in place."""
        x[...] = 0

    def l2_norm(self, x: Array) -> Array:
        """The Euclidean norm as a 0-d array (float16: computed in float32)."""
        return reference.l2_norm(self.xp, x)

    def scale(self, x: Array, factor: float | Array) -> None:
        """x *= factor, in place; `factor` a Python number or a 0-d array of the device."""
        x *= factor

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
        """SGD as PyTorch defines it; on the first step the momentum buffer is set to the gradient."""
        reference.sgd_update(
            self.xp, param, grad, momentum_buffer, lr=lr, momentum=momentum, dampening=dampening,
            nesterov=nesterov, weight_decay=weight_decay, maximize=maximize, first_step=first_step,
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
        """Adagrad (Duchi, Hazan, Singer, 2011). `step` counts from 1."""
        reference.adagrad_update(
            self.xp, param, grad, square_sum, lr=lr, lr_decay=lr_decay, eps=eps,
            weight_decay=weight_decay, step=step, maximize=maximize,
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
        """Adadelta (Zeiler, 2012)."""
        reference.adadelta_update(
            self.xp, param, grad, square_avg, acc_delta, lr=lr, rho=rho, eps=eps,
            weight_decay=weight_decay, maximize=maximize,
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
        """RMSprop (Hinton, lecture 6e), centred when `grad_avg` is given, with momentum when its buffer is."""
        reference.rmsprop_update(
            self.xp, param, grad, square_avg, grad_avg, momentum_buffer, lr=lr, alpha=alpha, eps=eps,
            momentum=momentum, weight_decay=weight_decay, maximize=maximize,
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
        """Adam (Kingma, Ba, 2015), AdamW (Loshchilov, Hutter, 2019) if `decoupled`, AMSGrad with its buffer.

        `step` counts from 1.
        """
        reference.adam_update(
            self.xp, param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, lr=lr, beta1=beta1, beta2=beta2,
            eps=eps, weight_decay=weight_decay, decoupled=decoupled, step=step, maximize=maximize,
        )  # fmt: skip

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
        """NAdam (Dozat, 2016): the step is along `grad_factor` * gradient + `mean_factor` * exp_avg. `step` from 1."""
        reference.nadam_update(
            self.xp, param, grad, exp_avg, exp_avg_sq, lr=lr, grad_factor=grad_factor, mean_factor=mean_factor,
            beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay, decoupled=decoupled, step=step,
            maximize=maximize,
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
        """Lion (Chen et al., 2023); the decay is apart from the gradient."""
        reference.lion_update(
            self.xp, param, grad, exp_avg, lr=lr, beta1=beta1, beta2=beta2, weight_decay=weight_decay,
            maximize=maximize,
        )  # fmt: skip
