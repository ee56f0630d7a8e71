"""Differentiation: operations and the graph they leave behind, the walk back through it, and what is built on these."""

from dlcore.autograd._backward import backward, grad
from dlcore.autograd._checkpoint import checkpoint
from dlcore.autograd.function import Function
from dlcore.autograd.function import different_devices as different_devices
from dlcore.autograd.functional import hessian, jacobian, jvp, vjp
from dlcore.autograd.recording import enable_grad, is_grad_enabled, no_grad

__all__ = [
    "Function", "backward", "checkpoint", "enable_grad", "grad", "hessian", "is_grad_enabled",
    "jacobian", "jvp", "no_grad", "vjp",
]  # fmt: skip
