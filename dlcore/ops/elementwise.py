"""Arithmetic, powers and elementary functions, element by element with broadcasting.

Gradients of complex functions follow PyTorch's convention: the gradient is the conjugate of the
derivative times the incoming gradient, so that `x -= lr * x.grad` descends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlcore._dtypes import bool_
from dlcore._errors import DTypeError
from dlcore._tensor import Tensor
from dlcore.autograd import Function, different_devices
from dlcore.ops._broadcast import fit
from dlcore.ops._common import (
    Conj,
    Imag,
    Real,
    as_tensor,
    cast,
    check_broadcast,
    conjugate,
    constant,
    float_tensor,
    pair,
    plain,
    raw,
    refuse,
)

__all__ = [
    "abs", "add", "clip", "conj", "divide", "equal", "exp", "floor_divide", "greater", "greater_equal", "imag", "less",
    "less_equal", "log", "log1p", "multiply", "negative", "not_equal", "positive", "pow", "real", "remainder", "sqrt",
    "square", "subtract", "tanh", "where",
]  # fmt: skip


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


class Exp(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.exp(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad * conjugate(self.output)


class Log(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.log(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(x)


class Log1p(Function):
    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.log1p(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        return grad / conjugate(x + 1)


class Sqrt(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.sqrt(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad / conjugate(self.output * 2)


class Tanh(Function):
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.tanh(x)

    def backward(self, grad: Tensor) -> Tensor:
        y = self.output
        return grad * conjugate(1 - y * y)


class Abs(Function):
    """|x|: the gradient is the sign, x/|x| for complex numbers, 0 at 0."""

    saves = (0,)
    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.abs(x)

    def backward(self, grad: Tensor) -> Tensor:
        x: Tensor = self.saved[0]
        if x.dtype.kind == "c":
            y = self.output
            return grad * (x / where(equal(y, 0), math.inf, y))  # at 0, where x/|x| has no limit, all orders give 0
        return grad * plain(x, self.xp.sign(x._array))


class Clip(Function):
    """Between bounds that may be tensors, numbers or None. A value on a bound keeps its gradient, as in PyTorch."""

    saves = (0, 1, 2)

    def forward(self, x: Any, low: Any, high: Any) -> Any:
        self.shapes = [getattr(operand, "shape", ()) for operand in (x, low, high)]
        # not xp.clip: maximum and minimum let NaN through and broadcast the bounds on every namespace
        if low is not None:
            x = self.xp.maximum(x, low)
        if high is not None:
            x = self.xp.minimum(x, high)
        return x

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, low, high = (raw(operand) for operand in self.saved)
        inside: Any = True
        if low is not None:
            inside = x >= low
        if high is not None:
            inside = (x <= high) & inside
        takes: list[Any] = [inside, None, None]
        if self.needs(1):
            takes[1] = x < low if high is None else (x < low) & (low < high)
        if self.needs(2):
            takes[2] = x > high if low is None else (x > high) | (high < low)
        return tuple(
            [
                fit(where(plain(grad, mask), grad, 0.0), shape) if self.needs(i) else None
                for i, (mask, shape) in enumerate(zip(takes, self.shapes, strict=True))
            ]
        )


class Where(Function):
    saves = (0,)

    def forward(self, condition: Any, x: Any, y: Any) -> Any:
        self.x_shape, self.y_shape = getattr(x, "shape", ()), getattr(y, "shape", ())
        return self.xp.where(condition, x, y)

    def backward(self, grad: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        (condition,) = self.saved
        return (
            None,
            fit(where(condition, grad, 0.0), self.x_shape) if self.needs(1) else None,
            fit(where(condition, 0.0, grad), self.y_shape) if self.needs(2) else None,
        )


# --- the public functions ---------------------------------------------------------------------------


def _binary(name: str, function: type[Function], x: Any, y: Any, inexact: bool = False, refused: str = "") -> Tensor:
    x, y = pair(name, x, y, inexact)
    if refused:
        refuse(name, x, y, refused)
    if isinstance(x, Tensor) and isinstance(y, Tensor) and x._array.shape != y._array.shape:
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


def exp(x: Tensor) -> Tensor:
    """e to the power x; derivative exp(x). Integers give float32.

    >>> dl.exp(dl.tensor([0.0, -1000.0]))
    tensor([1., 0.])
    """
    return Exp()(float_tensor("exp", x))


def log(x: Tensor) -> Tensor:
    """The natural logarithm; derivative 1/x. -inf at 0, NaN below. Integers give float32.

    >>> dl.log(dl.tensor([1.0]))
    tensor([0.])
    """
    return Log()(float_tensor("log", x))


def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact for small x; derivative 1/(1 + x). Integers give float32.

    >>> dl.log1p(dl.tensor([0.0, 1e-10])) > 0
    tensor([False,  True])
    """
    return Log1p()(float_tensor("log1p", x))


def sqrt(x: Tensor) -> Tensor:
    """The square root; derivative 1/(2*sqrt(x)). NaN below 0. Integers give float32.

    >>> dl.sqrt(dl.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return Sqrt()(float_tensor("sqrt", x))


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent; derivative 1 - tanh(x)**2. Integers give float32.

    >>> dl.tanh(dl.tensor([0.0, 100.0]))
    tensor([0., 1.])
    """
    return Tanh()(float_tensor("tanh", x))


def abs(x: Tensor) -> Tensor:
    """|x|; derivative sign(x), 0 at 0. The modulus of complex numbers, as real numbers.

    >>> dl.abs(dl.tensor([-1.5, 2.0]))
    tensor([1.5, 2. ])
    """
    x = as_tensor("abs", "x", x)
    if x.dtype.kind == "b":
        raise DTypeError("abs: not defined for bool; convert with astype")
    return Abs()(x)


def real(x: Tensor) -> Tensor:
    """The real part; a real tensor is returned as it is.

    >>> dl.real(dl.tensor([1 + 2j]))
    tensor([1.])
    """
    return Real()(x) if as_tensor("real", "x", x).dtype.kind == "c" else x


def imag(x: Tensor) -> Tensor:
    """The imaginary part of a complex tensor.

    >>> dl.imag(dl.tensor([1 + 2j]))
    tensor([2.])
    """
    if as_tensor("imag", "x", x).dtype.kind != "c":
        raise DTypeError(f"imag: x must be complex, got {x.dtype}")
    return Imag()(x)


def conj(x: Tensor) -> Tensor:
    """The complex conjugate; a real tensor is returned as it is.

    >>> dl.conj(dl.tensor([1 + 2j]))
    tensor([1.-2.j], dtype=complex64)
    """
    x = as_tensor("conj", "x", x)
    return Conj()(x) if x.dtype.kind == "c" else x


def clip(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """x between `min` and `max`; where min > max, the result is max.

    Args:
        x: a real tensor.
        min, max: Python numbers, tensors that broadcast with x, or None for no bound.

    The gradient passes where min <= x <= max; a tensor bound has the gradient of the places it decides.

    >>> dl.clip(dl.tensor([-1.0, 0.5, 3.0]), 0, 1)
    tensor([0. , 0.5, 1. ])
    """
    x = as_tensor("clip", "x", x)
    if x.dtype.kind in "bc":
        raise DTypeError(f"clip: x must be real numbers, got {x.dtype}")
    for argument, bound in (("min", min), ("max", max)):
        if bound is None:
            continue
        if not isinstance(bound, (Tensor, bool, int, float, np.integer, np.floating, np.bool_)):
            raise TypeError(f"clip: {argument} must be a real number, a Tensor or None, got {type(bound).__name__}")
        if isinstance(bound, Tensor) and bound.dtype.kind == "c":
            raise DTypeError(f"clip: {argument} must hold real numbers, got {bound.dtype}")
        x, _ = pair("clip", x, bound)
    if min is None and max is None:
        return x
    bounds = []
    for bound in (min, max):
        if isinstance(bound, Tensor):
            bound = cast(bound, x.dtype)
            check_broadcast("clip", x, bound)
        elif isinstance(bound, np.generic):
            bound = bound.item()  # which does not widen x
        bounds.append(bound)
    return Clip()(x, *bounds)


def where(condition: Tensor, x: Any, y: Any) -> Tensor:
    """x where `condition` is true, else y, with broadcasting.

    Args:
        condition: a bool tensor.
        x, y: tensors that broadcast with it, or one of them a Python number.

    Raises:
        DTypeError: `condition` is not bool.
        ShapeError, DeviceError: as `add`.

    >>> dl.where(dl.tensor([True, False]), dl.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    condition = as_tensor("where", "condition", condition)
    if condition.dtype != bool_:
        raise DTypeError(f"where: condition must be bool, got {condition.dtype}")
    x, y = pair("where", x, y)
    like = x if isinstance(x, Tensor) else y
    if like._device is not condition._device:
        raise different_devices("where", (condition, x, y))
    check_broadcast("where", condition, x, y)
    return Where()(condition, x, y)


def _comparison(name: str, sign: str) -> Callable[[Any, Any], Tensor]:
    def compare(x: Any, y: Any) -> Tensor:
        try:
            return constant(name, name, x, y, refused)
        except OverflowError:  # an int beyond the range of a dtype compares as infinity does
            x, y = (a if isinstance(a, Tensor) else math.inf if a > 0 else -math.inf for a in (x, y))
            return constant(name, name, x, y)

    refused = "" if sign in ("==", "!=") else "c"
    compare.__name__ = compare.__qualname__ = name
    compare.__doc__ = f"""x {sign} y element by element, as a bool tensor; arguments and errors as `add`.

    >>> dl.{name}(dl.tensor([1.0, 2.0]), dl.tensor([1.0, 3.0])).shape
    (2,)
    """
    return compare


equal = _comparison("equal", "==")
not_equal = _comparison("not_equal", "!=")
less = _comparison("less", "<")
less_equal = _comparison("less_equal", "<=")
greater = _comparison("greater", ">")
greater_equal = _comparison("greater_equal", ">=")
