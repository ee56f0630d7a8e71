"""The operators of an array: each is an elementwise function, in place for the augmented assignments."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .dispatch import Stored, call, elementwise

_NATIVE = (Stored, int, float, bool, complex, np.generic, np.ndarray)


def _defers(other: Any) -> bool:
    """Whether the other operand's own reflected operator should be tried, as NEP 13 has it."""
    if isinstance(other, _NATIVE):
        return False
    function = getattr(type(other), "__array_ufunc__", _NATIVE)
    if function is not _NATIVE:
        return function is None
    return bool(getattr(other, "__array_priority__", 0) > Operators.__array_priority__)


def _binary(name: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    function = getattr(np, name)

    def forward(self: Any, other: Any) -> Any:
        return NotImplemented if _defers(other) else elementwise(name, function, (self, other))

    def reflected(self: Any, other: Any) -> Any:
        return NotImplemented if _defers(other) else elementwise(name, function, (other, self))

    def in_place(self: Any, other: Any) -> Any:
        return elementwise(name, function, (self, other), self)

    return forward, reflected, in_place


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    function = getattr(np, name)

    def compare(self: Any, other: Any) -> Any:
        if isinstance(other, np.ndarray) and other.ndim == 0:
            other = other.item()
        return NotImplemented if _defers(other) else elementwise(name, function, (self, other))

    return compare


def _equality(name: str) -> Callable[[Any, Any], Any]:
    compare = _comparison(name)

    def equal(self: Any, other: Any) -> Any:
        plain: Any = object.__eq__
        if other is None or (not isinstance(other, _NATIVE) and type(other).__eq__ is plain):
            return call(name, np.full, (self.shape, name == "not_equal", np.bool_))  # nothing is equal to it
        return compare(self, other)

    return equal


def _unary(name: str) -> Callable[[Any], Any]:
    function = getattr(np, name)

    def apply(self: Any) -> Any:
        return elementwise(name, function, (self,))

    return apply


_POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal"}


class Operators(Stored):
    """What `ndarray` inherits. In-place operators have no `@=`: CuPy computes that out of place."""

    __slots__ = ()
    __array_priority__ = 100

    __add__, __radd__, __iadd__ = _binary("add")
    __sub__, __rsub__, __isub__ = _binary("subtract")
    __mul__, __rmul__, __imul__ = _binary("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _binary("true_divide")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _binary("floor_divide")
    __mod__, __rmod__, __imod__ = _binary("remainder")
    _power, __rpow__, __ipow__ = _binary("power")
    __lshift__, __rlshift__, __ilshift__ = _binary("left_shift")
    __rshift__, __rrshift__, __irshift__ = _binary("right_shift")
    __and__, __rand__, __iand__ = _binary("bitwise_and")
    __or__, __ror__, __ior__ = _binary("bitwise_or")
    __xor__, __rxor__, __ixor__ = _binary("bitwise_xor")
    __matmul__, __rmatmul__, _ = _binary("matmul")
    __divmod__, __rdivmod__, _ = _binary("divmod")
    del _

    __lt__, __le__ = _comparison("less"), _comparison("less_equal")
    __gt__, __ge__ = _comparison("greater"), _comparison("greater_equal")
    __eq__, __ne__ = _equality("equal"), _equality("not_equal")
    __hash__ = None  # type: ignore[assignment]

    __neg__, __abs__, __invert__ = _unary("negative"), _unary("absolute"), _unary("invert")

    def __pow__(self, other: Any) -> Any:
        """Squares, roots and reciprocals are computed as such, as CuPy does it."""
        exact = type(other)
        name = _POWERS.get(other) if exact is float or (exact is int and other == 2) else None
        if name is None:
            return self._power(other)
        natural = self._a.dtype.kind in ("ifc" if exact is int else "fc")
        options = {} if natural else {"dtype": np.result_type(self._a.dtype, other)}
        return elementwise(name, getattr(np, name), (self,), **options)

    def __pos__(self) -> Any:
        if self._a.dtype == np.bool_:
            warnings.warn(
                "Applying '+' to a non-numerical array is ill-defined. "
                "Returning a copy, but in the future this will error.",
                DeprecationWarning,
                stacklevel=2,
            )
            return self.copy()  # type: ignore[attr-defined]
        return elementwise("positive", np.positive, (self,))
