"""Comparisons, and choosing by them: where and clip."""

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
from dlcore.ops._common import as_tensor, cast, check_broadcast, constant, pair, plain, raw

__all__ = ["clip", "equal", "greater", "greater_equal", "less", "less_equal", "not_equal", "where"]


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
        elif isinstance(bound, np.generic):
            bound = bound.item()  # which does not widen x
        bounds.append(bound)
    check_broadcast("clip", x, *bounds)
    return Clip()(x, *bounds)


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
