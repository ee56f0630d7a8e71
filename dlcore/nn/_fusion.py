"""Neighbours in a Sequential that run as one operation: a Linear, Conv1d or Conv2d layer and the activation after it.

On a GPU that is one launch where there were two, and one for the gradients of activation and bias; on a CPU
the activation works in place. What changes is the graph only: modules, their names, and every number stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlcore._tensor import Tensor
from dlcore.nn.activation import ReLU, Sigmoid, Tanh
from dlcore.nn.convolution import Conv1d, Conv2d
from dlcore.nn.functional._epilogue import Ending
from dlcore.nn.functional.linear import affine
from dlcore.nn.linear import Linear
from dlcore.nn.module import Module
from dlcore.nn.rectifier import LeakyReLU


def _linear(layer: Linear, x: Tensor, activation: Ending) -> Tensor:
    return affine(x, layer.weight, layer.bias, activation)


def _convolution(layer: Conv1d | Conv2d, x: Tensor, activation: Ending) -> Tensor:
    return layer.with_activation(x, activation)


_LAYERS: dict[type[Module], Callable[[Any, Tensor, Ending], Tensor]] = {
    Linear: _linear,
    Conv1d: _convolution,
    Conv2d: _convolution,
}
#: Activations whose gradient follows from their output: there is no input to be kept beside it.
_ACTIVATIONS: dict[type[Module], Ending | Callable[[Any], Ending | None]] = {
    ReLU: Ending("relu"),
    Sigmoid: Ending("sigmoid"),
    Tanh: Ending("tanh"),
    LeakyReLU: lambda layer: Ending("leaky_relu", layer.negative_slope) if layer.negative_slope >= 0 else None,
}
_AS_WRITTEN = {kind: kind.forward for kind in (*_LAYERS, *_ACTIVATIONS)}
_CALL = Module.__call__


def advance(modules: list[Module], position: int, x: Any) -> tuple[Any, int]:
    """Call the module at `position`, and with it the next if the two are one operation: the result, and 1 or 2."""
    module = modules[position]
    together = _LAYERS.get(type(module))
    if together is not None and position + 1 < len(modules):
        activation = _ACTIVATIONS.get(type(modules[position + 1]))
        if callable(activation):
            activation = activation(modules[position + 1])
        if activation is not None and _does_as_written(module) and _does_as_written(modules[position + 1]):
            return together(module, x, activation), 2
    return module(x), 1


def _does_as_written(module: Module) -> bool:
    """Whether calling it runs the `forward` of its class, as that stands in this library, and nothing else."""
    kind = type(module)
    as_written = kind.forward is _AS_WRITTEN[kind] and "forward" not in module.__dict__
    return as_written and Module.__call__ is _CALL and not module._hooks
