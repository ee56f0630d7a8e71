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
        return (
            MatMul()(grad, weight) if self.needs(0) else None,
            MatMul(self.destination(1))(PermuteDims((1, 0))(grad), x) if self.needs(1) else None,
            Sum((0,), False)(grad) if self.needs(2) else None,
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
    x, weight = floats("linear", "input", input), floats("linear", "weight", weight)
    if bias is not None:
        bias = floats("linear", "bias", bias)
    same_dtype("linear", input=x, weight=weight, bias=bias)
    if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"linear: input of shape {x.shape} does not fit weight of shape {weight.shape}: "
            "expected (..., in_features) and (out_features, in_features)"
        )
    if bias is not None and bias.shape != (weight.shape[0],):
        raise ShapeError(f"linear: bias must have shape ({weight.shape[0]},), got {bias.shape}")
    if x.ndim == 2:
        return Linear()(x, weight, bias)
    y = Linear()(Reshape((prod(x.shape[:-1]), x.shape[-1]))(x), weight, bias)
    return Reshape((*x.shape[:-1], weight.shape[0]))(y)
