"""Activation functions, and softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import floats
from dlcore.ops import exp, multiply, reshape
from dlcore.ops import sum as sum_
from dlcore.ops._common import axes_of

# d f'/dy of activations whose derivative f' is a function of their output y; None where it is 0.
_SECOND: dict[str, Callable[[Tensor], Tensor] | None] = {
    "relu": None,
    "sigmoid": lambda y: 1 - y * 2,  # f' = y (1 - y)
    "tanh": lambda y: y * -2,  # f' = 1 - y^2
    "leaky_relu": None,
}


class Activation(Function):
    """activation(x), by name: a key of `dlcore.reference.ACTIVATIONS`."""

    saves_output = True

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, x: Any) -> Any:
        return self.backend.bias_activation_forward(x, None, self.name)

    def backward(self, grad: Tensor) -> Tensor:
        return ActivationBackward(self.name)(grad, self.output)


class ActivationBackward(Function):
    """(gradient g, output y) -> g * f'(y)."""

    saves = (0, 1)

    def __init__(self, name: str, alpha: float = 0.0) -> None:
        self.name, self.alpha = name, alpha

    def forward(self, grad: Any, y: Any) -> Any:
        return self.backend.bias_activation_backward(grad, y, self.name, self.alpha)[0]

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        g, y = self.saved
        second = _SECOND[self.name]
        return (
            ActivationBackward(self.name, self.alpha)(grad, y) if self.needs(0) else None,
            multiply(grad * g, second(y)) if second is not None and self.needs(1) else None,
        )


class Softmax(Function):
    saves_output = True

    def __init__(self, axis: int, log: bool) -> None:
        self.axis, self.log = axis, log

    def forward(self, x: Any) -> Any:
        return self.backend.softmax_forward(x, self.axis, self.log)

    def backward(self, grad: Tensor) -> Tensor:
        return SoftmaxBackward(self.axis, self.log)(grad, self.output)


class SoftmaxBackward(Function):
    """(g, y) -> y*(g - sum(g*y)), or with `log` g - exp(y)*sum(g)."""

    saves = (0, 1)

    def __init__(self, axis: int, log: bool) -> None:
        self.axis, self.log = axis, log

    def forward(self, grad: Any, y: Any) -> Any:
        return self.backend.softmax_backward(grad, y, self.axis, self.log)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        g, y = self.saved

        def total(x: Tensor) -> Tensor:
            return sum_(x, axis=self.axis, keepdims=True)

        if self.log:
            return grad - total(grad * exp(y)), -(grad * exp(y) * total(g))
        return SoftmaxBackward(self.axis, False)(grad, y), grad * (g - total(g * y)) - g * total(grad * y)


def relu(input: Tensor) -> Tensor:
    """max(x, 0), element by element; derivative 1 above 0, else 0. NaN stays NaN.

    Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    >>> F.relu(dl.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return Activation("relu")(floats("relu", "input", input))


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), element by element, without overflow; derivative y (1 - y).

    >>> F.sigmoid(dl.tensor([0.0, 100.0]))
    tensor([0.5, 1. ])
    """
    return Activation("sigmoid")(floats("sigmoid", "input", input))


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent, element by element; derivative 1 - y^2.

    >>> F.tanh(dl.tensor([0.0, 100.0]))
    tensor([0., 1.])
    """
    return Activation("tanh")(floats("tanh", "input", input))


def softmax(input: Tensor, dim: int) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, shifted by the maximum so that it never overflows.

    Args:
        input: a float tensor.
        dim: the axis that sums to 1. It has to be given: PyTorch's implicit choice is deprecated.

    >>> F.softmax(dl.tensor([0.0, 0.0]), dim=0)
    tensor([0.5, 0.5])
    """
    return _softmax("softmax", input, dim, log=False)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """log(softmax(x)) along `dim`, computed without the loss of precision of the two steps.

    >>> F.log_softmax(dl.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931472, -0.6931472])
    """
    return _softmax("log_softmax", input, dim, log=True)


def softmin(input: Tensor, dim: int) -> Tensor:
    """softmax(-x): the smallest gets the largest share. Arguments as `softmax`.

    >>> F.softmin(dl.tensor([0.0, 200.0]), dim=0)
    tensor([1., 0.])
    """
    return _softmax("softmin", -floats("softmin", "input", input), dim, log=False)


def _softmax(name: str, input: Tensor, dim: int, log: bool) -> Tensor:
    x = floats(name, "input", input)
    (axis,) = axes_of(name, (dim,), x.ndim or 1)
    if x.ndim == 0:  # as in PyTorch, a number is a vector of one element
        return reshape(Softmax(0, log)(reshape(x, (1,))), ())
    return Softmax(axis, log)(x)
