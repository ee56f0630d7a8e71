"""What ends a linear or convolution layer: a bias, and an activation. The gradients of both, for either layer."""

from __future__ import annotations

from typing import Any, NamedTuple

from dlcore._tensor import Tensor, wrap
from dlcore.autograd import Function, is_grad_enabled
from dlcore.nn.functional.activation import ActivationBackward
from dlcore.ops._broadcast import Sum


class Ending(NamedTuple):
    """An activation whose gradient follows from its output: a key of `dlcore.reference.ACTIVATIONS`, and its alpha.

    That of leaky_relu does for alpha >= 0: then the output has the sign of the input.
    """

    name: str
    alpha: float = 0.0


class BiasGradient(Sum):
    """The sum over `axes`, written into `out` if there is one."""

    def __init__(self, axes: tuple[int, ...], out: Any) -> None:
        super().__init__(axes, False)
        self.out = out

    def forward(self, grad: Any) -> Any:
        self.shape = grad.shape
        return self.backend.sum(grad, self.axes, False, self.out)


def before_activation(
    node: Function, grad: Tensor, activation: Ending, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor | None]:
    """The gradients at the sum that the activation was applied to, and of the bias, the third input of `node`.

    `axes` are all but the bias's. One primitive gives both; if they are to be differentiated, two recorded operations.
    """
    with_bias = len(node._edges) > 2 and node.needs(2)
    if is_grad_enabled():
        grad = ActivationBackward(*activation)(grad, node.output)
        return grad, Sum(axes, False)(grad) if with_bias else None
    by_sum, by_bias = node.backend.bias_activation_backward(
        grad._array,
        node.output._array,
        *activation,
        axis=1,  # of (M, K) and of (N, K, P, Q)
        bias_grad=with_bias,
        bias_out=node.destination(2) if with_bias else None,
    )
    return wrap(by_sum, node.device), None if by_bias is None else wrap(by_bias, node.device)
