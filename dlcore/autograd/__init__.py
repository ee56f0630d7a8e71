"""Differentiation: operations and the graph they leave behind, the walk back through it, and what is built on these."""

from dlcore.autograd._backward import backward, grad
from dlcore.autograd.function import Function, different_devices
from dlcore.autograd.recording import enable_grad, is_grad_enabled, no_grad

__all__ = ["Function", "backward", "different_devices", "enable_grad", "grad", "is_grad_enabled", "no_grad"]
