"""The affine map."""

from __future__ import annotations

from math import prod
from typing import Any

from dlcore._errors import ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.nn.functional._args import floats, same_dtype
from dlcore.ops._broadcast import Reshape, Sum
from dlcore.ops.matrix import MatMul
from dlcore.ops.shape import PermuteDims


class Linear(Function):
    """x (M, in) @ weight (out, in)^T + bias (out,): one node instead of three."""

    saves = (0, 1)

    def forward(self, x: Any, weight: Any, bias: Any) -> Any:
        y = self.backend.matmul(x, weight.T)
        return y if bias is None else self.backend.bias_activation_forward(y, bias, out=y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = self.saved
        to_x, to_weight, to_bias = self._edges
        return (
            None if to_x is None else MatMul()(grad, weight),
            None if to_weight is None else LinearWeight(self.destination(1))(grad, x),
            None if to_bias is None else Sum((0,), False)(grad),
        )


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
    if len(x_shape) == 2:
        return Linear()(x, weight, bias)
    y = Linear()(Reshape((prod(x_shape[:-1]), x_shape[-1]))(x), weight, bias)
    return Reshape((*x_shape[:-1], weight_shape[0]))(y)
