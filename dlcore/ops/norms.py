"""The norm of vectors over axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dlcore._dtypes import as_dtype, float16, float32
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.ops._broadcast import Reduction, Sum
from dlcore.ops._common import axes_of, cast, float_tensor, plain
from dlcore.ops.creation import zeros_like
from dlcore.ops.elementary import abs
from dlcore.ops.rounding import sign
from dlcore.ops.selection import equal, where

if TYPE_CHECKING:
    from dlcore._tensor import Axis

__all__ = ["vector_norm"]


class VectorNorm(Reduction):
    """Gradients where the norm has none are PyTorch's: 0 at the zero vector, shared evenly among the largest."""

    saves = (0,)
    saves_output = True

    def __init__(self, axes: tuple[int, ...], keepdims: bool, ord: float) -> None:
        super().__init__(axes, keepdims)
        self.ord = ord

    def forward(self, x: Any) -> Any:
        self.shape = x.shape
        xp, total = self.xp, self.backend.sum
        size, axes = xp.abs(x), (self.axes, self.keepdims)
        if self.ord == 0:
            return xp.astype(total(size != 0, *axes), x.real.dtype)
        if self.ord == 1:
            return total(size, *axes)
        if self.ord == 2:
            return xp.sqrt(total(size * size, *axes))
        if math.isinf(self.ord):
            extreme = xp.max if self.ord > 0 else xp.min
            return extreme(size, axis=self.axes, keepdims=self.keepdims)
        return total(size**self.ord, *axes) ** (1 / self.ord)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        ord = self.ord
        if ord == 0:
            return zeros_like(x)
        if ord == 1:
            return self.spread(grad) * sign(x)
        grad, norm = grad.reshape(self.kept_shape), self.output.reshape(self.kept_shape)
        if ord == 2:
            return grad * (x / _infinite_at_0(norm))
        if math.isinf(ord):
            size = abs(x)
            nan = plain(x, (size._array != size._array) & (norm._array != norm._array))
            largest = cast(plain(x, equal(size, norm)._array | nan._array), size.dtype)
            return sign(x) * (grad / Sum(self.axes, True)(largest) * largest)
        if ord < 1:
            return sign(x) * _infinite_at_0(abs(x)) ** (ord - 1) * grad * norm ** (1 - ord)
        scaled = sign(x) * abs(x) ** (ord - 1) if ord < 2 else x * abs(x) ** (ord - 2)
        return scaled * (grad / _infinite_at_0(norm) ** (ord - 1))


def vector_norm(x: Tensor, *, axis: Axis = None, keepdims: bool = False, ord: float = 2, dtype: Any = None) -> Tensor:
    """The norm over `axis`, sum(|x|**ord)**(1/ord), as real numbers.

    Args:
        x: a tensor; integers give float32. float16 is summed in float32.
        axis: an int, a tuple of ints, or None for all axes, seen as one vector.
        keepdims: keep the reduced axes with size 1.
        ord: any real number; inf for the largest and -inf for the smallest absolute value, 0 for how many are not 0.
        dtype: convert x to this float or complex dtype first.

    The gradient is 0 for a vector of zeros (for `ord` 2), and shared evenly among the largest (inf), as in PyTorch.

    Raises:
        ShapeError: an axis that x does not have, or one given twice; the extreme of nothing.
        DTypeError: `dtype` holds no floats, or is real where x is complex.
        TypeError: `ord` is no number.

    >>> dl.linalg.vector_norm(dl.tensor([3.0, -4.0]))
    tensor(5.)
    """
    x = float_tensor("vector_norm", x)
    axes = axes_of("vector_norm", axis, x.ndim)
    if isinstance(ord, bool) or not isinstance(ord, (int, float)):
        raise TypeError(f"vector_norm: ord must be a number, got {ord!r}")
    if (ord < 0 or math.isinf(ord)) and 0 in [x.shape[i] for i in axes]:
        raise ShapeError(f"vector_norm: no norm with ord={ord} of shape {x.shape}, which is empty along axis {axis}")
    if dtype is not None:
        wanted = as_dtype(dtype)
        if wanted.kind not in "fc" or (x.dtype.kind == "c" and wanted.kind != "c"):
            kind = "complex" if x.dtype.kind == "c" else "float"
            raise DTypeError(f"vector_norm: dtype must be a {kind} dtype for x of {x.dtype}, got {wanted}")
        x = cast(x, wanted)
    if x.dtype == float16:
        return cast(VectorNorm(axes, keepdims, float(ord))(cast(x, float32)), float16)
    return VectorNorm(axes, keepdims, float(ord))(x)


def _infinite_at_0(x: Tensor) -> Tensor:
    """x to divide by: what is divided by 0 shall be 0, and so shall its derivatives of every order."""
    return where(equal(x, 0), math.inf, x)
