"""Signs and whole numbers, element by element. They are constant where they are smooth: their gradients are zeros."""

from __future__ import annotations

import math
from typing import Any

from dlcore._errors import DTypeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import fit
from dlcore.ops._common import as_tensor, check_broadcast, pair, plain, refuse
from dlcore.ops.creation import zeros_like
from dlcore.ops.elementary import abs
from dlcore.ops.selection import equal, where

__all__ = ["ceil", "copysign", "floor", "round", "sign", "signbit", "trunc"]


class _Step(Function):
    function: str

    def forward(self, x: Any) -> Any:
        return getattr(self.xp, self.function)(x)

    def backward(self, grad: Tensor) -> Tensor:
        return zeros_like(grad)


class Floor(_Step):
    function = "floor"


class Ceil(_Step):
    function = "ceil"


class Round(_Step):
    function = "rint"  # half to even


class Trunc(_Step):
    function = "trunc"


class Sign(_Step):
    function = "sign"


class CopySign(Function):
    saves = (0,)
    saves_output = True

    def forward(self, x: Any, y: Any) -> Any:
        self.x_shape, self.y_shape = getattr(x, "shape", ()), getattr(y, "shape", ())
        return self.xp.copysign(x, y)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x_gradient = None
        if self.needs(0):
            x = self.saved[0]._array
            flips = self.output._array / self.xp.where(x == 0, 1, x)  # 1, -1, or 0 at 0
            x_gradient = fit(grad * plain(grad, flips), self.x_shape)
        return x_gradient, fit(zeros_like(grad), self.y_shape) if self.needs(1) else None


def floor(x: Tensor) -> Tensor:
    """The largest whole number that is not above x; gradient 0. Integers are returned as they are.

    Raises:
        DTypeError: bool or complex numbers.

    >>> dl.floor(dl.tensor([1.5, -1.5]))
    tensor([ 1., -2.])
    """
    return _whole("floor", Floor, x)


def ceil(x: Tensor) -> Tensor:
    """The smallest whole number that is not below x; as `floor`.

    >>> dl.ceil(dl.tensor([1.5, -1.5]))
    tensor([ 2., -1.])
    """
    return _whole("ceil", Ceil, x)


def round(x: Tensor) -> Tensor:
    """The nearest whole number, of two equally near ones the even one; as `floor`.

    >>> dl.round(dl.tensor([0.5, 1.5, -1.7]))
    tensor([ 0.,  2., -2.])
    """
    return _whole("round", Round, x)


def trunc(x: Tensor) -> Tensor:
    """x without its fraction, so rounded towards 0; as `floor`.

    >>> dl.trunc(dl.tensor([1.7, -1.7]))
    tensor([ 1., -1.])
    """
    return _whole("trunc", Trunc, x)


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of x, NaN for NaN; gradient 0. For complex numbers x/|x|, and 0 at 0.

    Raises:
        DTypeError: bool.

    >>> dl.sign(dl.tensor([-2.5, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """
    x = as_tensor("sign", "x", x)
    if x.dtype.kind == "b":
        raise DTypeError("sign: not defined for bool; convert with astype")
    if x.dtype.kind == "c":
        size = abs(x)
        return x / where(equal(size, 0), math.inf, size)  # at 0 all orders of derivative are 0, as in PyTorch
    return Sign()(x)


def copysign(x: Any, y: Any) -> Tensor:
    """The size of x with the sign of y, that of -0.0 too, with broadcasting. Integers give float32.

    Args:
        x, y: real tensors of shapes that broadcast together, or one of them a Python number.

    The gradient of x is 1 or -1, and 0 at x = 0; that of y is 0.

    Raises:
        DTypeError: complex numbers.
        ShapeError, DeviceError: as `add`.

    >>> dl.copysign(dl.tensor([1.0, -2.0]), -0.0)
    tensor([-1., -2.])
    """
    x, y = pair("copysign", x, y, inexact=True)
    refuse("copysign", x, y, "c")
    check_broadcast("copysign", x, y)
    if not isinstance(x, Tensor):
        x = plain(y, y._device.backend.xp.full(y.shape, x, dtype=y.dtype))
    return CopySign()(x, y)


def signbit(x: Tensor) -> Tensor:
    """Whether the sign is minus, be it of -0.0 or NaN, as a bool tensor outside the graph.

    Raises:
        DTypeError: complex numbers.

    >>> dl.signbit(dl.tensor([1.0, -0.0]))
    tensor([False,  True])
    """
    x = as_tensor("signbit", "x", x)
    if x.dtype.kind == "c":
        raise DTypeError(f"signbit: not defined for {x.dtype}")
    return plain(x, x._device.backend.xp.signbit(x._array) if x.dtype.kind == "f" else x._array < 0)


def _whole(name: str, function: type[_Step], x: Tensor) -> Tensor:
    x = as_tensor(name, "x", x)
    if x.dtype.kind in "bc":
        raise DTypeError(
            f"{name}: not defined for {x.dtype}" + ("; convert with astype" if x.dtype.kind == "b" else "")
        )
    return function()(x) if x.dtype.kind == "f" else x
