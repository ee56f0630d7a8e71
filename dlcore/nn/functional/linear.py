"""The affine map."""

from __future__ import annotations

from math import prod
from typing import Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import floats, same_dtype
from dlcore.nn.functional._epilogue import BiasGradient, Ending, before_activation
from dlcore.ops._broadcast import Reshape
from dlcore.ops.matrix import MatMul
from dlcore.ops.shape import PermuteDims


class Linear(Function):
    """x (M, in) @ weight (out, in)^T + bias (out,): one node instead of three."""

    saves = (0, 1)

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        return self.backend.linear_forward(x, weight, bias)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        by_bias = None if self._edges[2] is None else BiasGradient((0,), self.destination(2))(grad)
        return (*self.of_product(grad), by_bias)

    def of_product(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The gradients of x and weight from that of the sum."""
        x, weight = self.saved
        to_x, to_weight, _ = self._edges
        return (
            None if to_x is None else MatMul()(grad, weight),
            None if to_weight is None else LinearWeight(self.destination(1))(grad, x),
        )


class LinearActivation(Linear):
    """activation(x @ weight^T + bias), for an activation whose gradient follows from its output."""

    saves_output = True

    def __init__(self, activation: Ending) -> None:
        self.activation = activation

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        return self.backend.linear_forward(x, weight, bias, *self.activation)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad, by_bias = before_activation(self, grad, self.activation, (0,))
        return (*self.of_product(grad), by_bias)


class LinearWeight(Function):
    """grad (M, out)^T @ x (M, in): the gradient of the weight, written into `out` if there is one."""

    saves = (0, 1)

    def __init__(self, out: Any) -> None:
        self.out = out

    def forward(self, grad: Any, x: Any) -> Any:
        return self.backend.matmul(grad.T, x, self.out)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        g, x = self.saved
        return (
            MatMul()(x, PermuteDims((1, 0))(grad)) if self.needs(0) else None,
            MatMul()(g, grad) if self.needs(1) else None,
        )


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight^T + bias.

    Args:
        input: shape (..., in_features), float.
        weight: shape (out_features, in_features), of the same dtype.
        bias: shape (out_features,) or None.

    Returns:
        Shape (..., out_features).

    Raises:
        ShapeError, DTypeError: shapes or dtypes that do not fit together.

    >>> F.linear(dl.ones((2, 3)), dl.ones((4, 3)), dl.zeros(4)).shape
    (2, 4)
    """
    return affine(input, weight, bias)


def affine(input: Tensor, weight: Tensor, bias: Tensor | None, activation: Ending | None = None) -> Tensor:
    """`linear`, and `activation` of its result."""
    x = floats("linear", "input", input)
    try:  # one comparison in the good case, a search for the culprit in the other
        dtype = x._array.dtype
        fits = weight._array.dtype == dtype and (bias is None or bias._array.dtype == dtype)
    except AttributeError:
        fits = False
    if not fits:
        weight = floats("linear", "weight", weight)
        same_dtype("linear", input=x, weight=weight, bias=None if bias is None else floats("linear", "bias", bias))
    x_shape, weight_shape = x._array.shape, weight._array.shape
    if len(weight_shape) != 2 or not x_shape or x_shape[-1] != weight_shape[1]:
        raise ShapeError(
            f"linear: input of shape {x_shape} does not fit weight of shape {weight_shape}: "
            "expected (..., in_features) and (out_features, in_features)"
        )
    if bias is not None and bias._array.shape != weight_shape[:1]:
        raise ShapeError(f"linear: bias must have shape {weight_shape[:1]}, got {bias.shape}")
    node = Linear() if activation is None else LinearActivation(activation)
    if len(x_shape) == 2:
        return node(x, weight, bias)
    y = node(Reshape((prod(x_shape[:-1]), x_shape[-1]))(x), weight, bias)
    return Reshape((*x_shape[:-1], weight_shape[0]))(y)
