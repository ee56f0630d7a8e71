"""CuPy as an array-API namespace: what CuPy 13 lacks is added, and each call runs on the backend's own GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from importlib import import_module
from typing import Any

Array = Any


class Namespace:
    """The attributes of CuPy (or of a module with the same names), with the standard's names for what it calls else.

    CuPy runs a function on the GPU that is current in the calling thread. `activate`, where it is set, makes the
    backend's GPU current first; with one GPU there is nothing to do.
    """

    def __init__(self, cp: Any, out_of_memory: Callable[[MemoryError, str], MemoryError]) -> None:
        self._cp, self._out_of_memory = cp, out_of_memory
        self._activate: Callable[[], None] | None = None

    def use_device(self, activate: Callable[[], None]) -> None:
        """From now on, call `activate` before every function."""
        self._activate = activate
        for name in [name for name in vars(self) if not name.startswith("_")]:
            delattr(self, name)  # found and kept without it

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = _ADDED.get(name)
        value = getattr(self._cp, name) if found is None else found(self._cp)
        if callable(value) and not isinstance(value, type):
            value = self._explaining(name, value)
            if self._activate is not None:
                value = on_device(value, self._activate)
        setattr(self, name, value)  # the next look-up is an attribute of the instance
        return value

    def _explaining(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, with the backend's own error where memory runs out."""

        @wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                return function(*arguments, **options)
            except MemoryError as error:
                raise self._out_of_memory(error, name) from None

        return call

    def __repr__(self) -> str:
        return f"Namespace({self._cp.__name__} {self._cp.__version__})"


def on_device(function: Callable[..., Any], activate: Callable[[], None]) -> Callable[..., Any]:
    """`function`, with `activate` called before it."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        activate()
        return function(*arguments, **options)

    return call


def _asarray(cp: Any) -> Callable[..., Any]:
    def asarray(x: Any, dtype: Any = None, *, copy: bool | None = None) -> Array:
        """The standard's `copy`, which CuPy 13 does not know. A number is written by a kernel, not sent by a copy."""
        if isinstance(x, (bool, int, float, complex)):
            return cp.full((), x, dtype=cp.asarray(x).dtype if dtype is None else dtype)
        if copy:
            return cp.array(x, dtype=dtype, copy=True)
        return cp.asarray(x, dtype=dtype)

    return asarray


def _astype(cp: Any) -> Callable[..., Any]:
    def astype(x: Array, dtype: Any, *, copy: bool = True) -> Array:
        return x.astype(dtype, copy=copy)

    return astype


class _Linalg:
    """`cupy.linalg`, with an error where CuPy would give an invalid result (a singular matrix) without a word."""

    def __init__(self, cp: Any) -> None:
        self._functions = cp.linalg
        # the simulator's functions always raise
        self._raising = import_module("cupyx").errstate if cp.__name__ == "cupy" else _nothing

    def __getattr__(self, name: str) -> Any:
        function, raising = getattr(self._functions, name), self._raising

        @wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            with raising(linalg="raise"):
                return function(*arguments, **options)

        setattr(self, name, call)
        return call


def _nothing(**_: str) -> Any:
    return nullcontext()


#: The standard's names, made from a CuPy of either version.
_ADDED: dict[str, Callable[[Any], Any]] = {
    "asarray": _asarray,
    "astype": _astype,
    "linalg": _Linalg,
    "acos": lambda cp: cp.arccos,
    "acosh": lambda cp: cp.arccosh,
    "asin": lambda cp: cp.arcsin,
    "asinh": lambda cp: cp.arcsinh,
    "atan": lambda cp: cp.arctan,
    "atan2": lambda cp: cp.arctan2,
    "atanh": lambda cp: cp.arctanh,
    "bitwise_invert": lambda cp: cp.invert,
    "bitwise_left_shift": lambda cp: cp.left_shift,
    "bitwise_right_shift": lambda cp: cp.right_shift,
    "concat": lambda cp: cp.concatenate,
    "permute_dims": lambda cp: cp.transpose,
}
