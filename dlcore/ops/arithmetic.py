"""Arithmetic and powers, element by element with broadcasting. Complex gradients: see `elementary`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlcore._errors import DTypeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function
from dlcore.ops._broadcast import fit
from dlcore.ops._common import as_tensor, check_broadcast, conjugate, constant, pair, plain, refuse
from dlcore.ops.elementary import log, real
from dlcore.ops.selection import equal, greater_equal, where

__all__ = [
    "add",
    "divide",
    "floor_divide",
    "multiply",
    "negative",
    "positive",
    "pow",
    "remainder",
    "square",
    "subtract",
]


class _Binary(Function):
    """Two operands, either of which may be a Python number. Remembers their shapes, for `fit`."""

    def _note(self, x: Any, y: Any) -> None:
        self.x_shape, self.y_shape = getattr(x, "shape", ()), getattr(y, "shape", ())


class Add(_Binary):
    def forward(self, x: Any, y: Any) -> Any:
        self._note(x, y)
        return x + y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        return (
            fit(grad, self.x_shape) if self.needs(0) else None,
            fit(grad, self.y_shape) if self.needs(1) else None,
        )


class Subtract(_Binary):
    def forward(self, x: Any, y: Any) -> Any:
        self._note(x, y)
        return x - y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        return (
            fit(grad, self.x_shape) if self.needs(0) else None,
            fit(negative(grad), self.y_shape) if self.needs(1) else None,
        )


class Multiply(_Binary):
    saves = (0, 1)

    def forward(self, x: Any, y: Any) -> Any:
        self._note(x, y)
        return x * y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        return (
            fit(grad * conjugate(y), self.x_shape) if self.needs(0) else None,
            fit(grad * conjugate(x), self.y_shape) if self.needs(1) else None,
        )


class Divide(_Binary):
    saves = (0, 1)

    def forward(self, x: Any, y: Any) -> Any:
        self._note(x, y)
        return x / y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        scaled = divide(grad, conjugate(y))
        return (
            fit(scaled, self.x_shape) if self.needs(0) else None,
            fit(negative(scaled * conjugate(divide(x, y))), self.y_shape) if self.needs(1) else None,
        )


class Remainder(_Binary):
    """x - floor(x / y) * y; the floor is constant where it is differentiable at all."""

    saves = (0, 1)

    def forward(self, x: Any, y: Any) -> Any:
        self._note(x, y)
        return x % y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        return (
            fit(grad, self.x_shape) if self.needs(0) else None,
            fit(negative(grad * floor_divide(x, y)), self.y_shape) if self.needs(1) else None,
        )


class Power(_Binary):
    """x**y. The corners x = 0 follow PyTorch: exponent 0 has derivative 0, and so has base 0 with y >= 0."""

    saves = (0, 1)
    saves_output = True

    def forward(self, x: Any, y: Any) -> Any:
        self._note(x, y)
        return x**y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = self.saved
        return (
            fit(self._base(grad, x, y), self.x_shape) if self.needs(0) else None,
            fit(self._exponent(grad, x, y), self.y_shape) if self.needs(1) else None,
        )

    def _base(self, grad: Tensor, x: Any, y: Any) -> Tensor:
        if not isinstance(y, Tensor):
            return grad * 0 if y == 0 else grad * conjugate(y * pow(x, y - 1))
        return where(equal(y, 0), 0.0, grad * conjugate(y * pow(x, y - 1)))

    def _exponent(self, grad: Tensor, x: Any, y: Tensor) -> Tensor:
        result = self.output
        if not isinstance(x, Tensor):
            if x == 0:
                return where(greater_equal(real(y), 0), 0.0, grad * conjugate(result * -math.inf))
            logarithm = complex_log(x) if isinstance(x, complex) or x < 0 else math.log(x)
            return grad * conjugate(result * logarithm)
        zero = plain(x, (x._array == 0) & (real(y)._array >= 0))
        return where(zero, 0.0, grad * conjugate(result * log(x)))


def complex_log(x: Any) -> complex | float:
    """The logarithm of a Python number; NaN for a negative real one, as for arrays."""
    if not isinstance(x, complex):
        return math.nan
    import cmath

    return cmath.log(x)


class Negative(Function):
    def forward(self, x: Any) -> Any:
        return -x

    def backward(self, grad: Tensor) -> Tensor:
        return negative(grad)


def _binary(name: str, function: type[Function], x: Any, y: Any, inexact: bool = False, refused: str = "") -> Tensor:
    x, y = pair(name, x, y, inexact)
    if refused:
        refuse(name, x, y, refused)
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        x_shape, y_shape = x._array.shape, y._array.shape
        if x_shape != y_shape and x_shape and y_shape:
            check_broadcast(name, x, y)
    return function()(x, y)


def add(x: Any, y: Any) -> Tensor:
    """x + y, with broadcasting. Also `x + y`.

    Args:
        x, y: tensors of shapes that broadcast together, or one of them a Python number.

    Returns:
        A tensor of the common shape and dtype; an integer with a float gives the float's dtype.

    Raises:
        ShapeError: the shapes do not broadcast together.
        DeviceError: the tensors are on different devices.

    >>> dl.add(dl.tensor([1.0, 2.0]), 10)
    tensor([11., 12.])
    """
    return _binary("add", Add, x, y)


def subtract(x: Any, y: Any) -> Tensor:
    """x - y, with broadcasting; arguments, result and errors as `add`. Not for bool tensors.

    >>> dl.subtract(dl.tensor([1.0, 2.0]), dl.tensor([0.5, 0.5]))
    tensor([0.5, 1.5])
    """
    return _binary("subtract", Subtract, x, y, refused="b")


def multiply(x: Any, y: Any) -> Tensor:
    """x * y, with broadcasting; arguments, result and errors as `add`.

    >>> dl.multiply(dl.tensor([1.0, 2.0]), dl.tensor([[3.0], [4.0]]))
    tensor([[3., 6.],
            [4., 8.]])
    """
    return _binary("multiply", Multiply, x, y)


def divide(x: Any, y: Any) -> Tensor:
    """x / y, with broadcasting; arguments and errors as `add`. Integers give float32.

    >>> dl.divide(dl.tensor([1, 2]), 4)
    tensor([0.25, 0.5 ])
    """
    return _binary("divide", Divide, x, y, inexact=True)


def floor_divide(x: Any, y: Any) -> Tensor:
    """floor(x / y), with broadcasting; arguments and errors as `add`. It has no gradient.

    >>> dl.floor_divide(dl.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """
    return constant("floor_divide", "floor_divide", x, y, refused="bc")


def remainder(x: Any, y: Any) -> Tensor:
    """x - floor(x / y) * y, which has the sign of y; with broadcasting, arguments and errors as `add`.

    >>> dl.remainder(dl.tensor([7, -7]), 3)
    tensor([1, 2])
    """
    return _binary("remainder", Remainder, x, y, refused="bc")


def pow(x: Any, y: Any) -> Tensor:
    """x to the power y, with broadcasting; arguments and errors as `add`. Also `x ** y`.

    Raises:
        ValueError: an integer tensor to a negative integer power.

    >>> dl.pow(dl.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if isinstance(y, Tensor):
        if y._array.dtype.kind == "i" and (not isinstance(x, Tensor) or x._array.dtype.kind in "biu"):
            _check_exponents(y)
    elif isinstance(x, Tensor) and x._array.dtype.kind in "biu" and isinstance(y, (int, np.integer)) and y < 0:
        raise ValueError(f"pow: an integer tensor to the negative integer power {y}; convert x to a float dtype")
    return _binary("pow", Power, x, y, refused="b")


def _check_exponents(y: Tensor) -> None:
    backend = y._device.backend
    if backend.xp.any(y._array < 0):
        lowest = int(backend.to_host(backend.xp.min(y._array)))
        raise ValueError(f"pow: integers to the negative integer power {lowest}; convert x to a float dtype")


def square(x: Tensor) -> Tensor:
    """x * x.

    >>> dl.square(dl.tensor([1.0, -2.0]))
    tensor([1., 4.])
    """
    x = as_tensor("square", "x", x)
    return Multiply()(x, x)


def negative(x: Tensor) -> Tensor:
    """-x. Not for bool tensors.

    >>> dl.negative(dl.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    x = as_tensor("negative", "x", x)
    if x.dtype.kind == "b":
        raise DTypeError("negative: not defined for bool; convert with astype")
    return Negative()(x)


def positive(x: Tensor) -> Tensor:
    """+x: `x` itself.

    >>> dl.positive(dl.tensor([1.0]))
    tensor([1.])
    """
    return as_tensor("positive", "x", x)
