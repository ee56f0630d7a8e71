"""Elementwise functions as objects, as `cupy.ufunc`: they take `out`, `dtype` and `casting`, not NumPy's `where`."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import counters
from .device import current_device
from .dispatch import Stored, call, check_device, elementwise

_SMALL = frozenset(np.dtype(name) for name in ("int32", "uint32"))
_INTEGERS = _SMALL | {np.dtype(name) for name in ("int64", "uint64")}
_FLOATS = frozenset(np.dtype(name) for name in ("float32", "float64"))
# The functions that have `at`, and for which dtypes: what CUDA has atomic operations for.
_ATOMIC = {
    "add": _INTEGERS | _FLOATS | {np.dtype("float16")},
    "subtract": _SMALL,
    "maximum": _INTEGERS | _FLOATS,
    "minimum": _INTEGERS | _FLOATS,
    "bitwise_and": _INTEGERS,
    "bitwise_or": _INTEGERS,
    "bitwise_xor": _INTEGERS,
}
_NO_COMPLEX = frozenset(("logical_and", "logical_or", "logical_xor", "logical_not"))


class ufunc:  # noqa: N801 - CuPy's name
    """An elementwise function of arrays and scalars."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.name = f"cupy_{name}"
        self._numpy: Any = getattr(np, name)
        self.nin: int = self._numpy.nin
        self.nout: int = self._numpy.nout
        self.nargs = self.nin + self.nout

    def __repr__(self) -> str:
        return f"<ufunc '{self.name}'>"

    def __call__(self, *args: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        dtype = options.pop("dtype", None)
        casting = options.pop("casting", "same_kind")
        if options:
            raise TypeError(f"Wrong arguments {options}")
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(
                f"Wrong number of arguments for {self.name!r}. It must be either {self.nin} or {self.nargs}"
                f" (with outputs), but given {len(args)}."
            )
        if len(args) > self.nin:
            if out is not None:
                raise ValueError("Cannot specify 'out' as both a positional and keyword argument")
            out = args[self.nin :]
        if self.__name__ in _NO_COMPLEX and any(isinstance(x, Stored) and x._a.dtype.kind == "c" for x in args):
            raise TypeError(f"Wrong type of arguments for {self.name}: complex")
        extra = {} if dtype is None else {"dtype": np.dtype(dtype)}
        result = elementwise(self.__name__, self._numpy, args[: self.nin], out, casting=casting, **extra)
        return result

    def at(self, a: Any, indices: Any, b: Any = None) -> None:
        """Apply in place at `indices`; equal indices add up. On a GPU in no fixed order."""
        allowed = _ATOMIC.get(self.__name__)
        if allowed is None:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        if a._a.dtype not in allowed:
            names = ", ".join(sorted(dtype.name for dtype in allowed))
            raise TypeError(f"cupy.{self.__name__}.at only supports {names} as data type")
        device = current_device()
        for x in (a, indices, b):
            if isinstance(x, Stored):
                check_device(x, device)
        index, value = (x._a if isinstance(x, Stored) else x for x in (indices, b))
        self._numpy.at(a._a, index, value)
        counters.op(device, f"{self.__name__}.at")

    def outer(self, A: Any, B: Any, **options: Any) -> Any:  # noqa: N803 - CuPy's names
        from .functions import asarray

        first, second = asarray(A), asarray(B)
        return self(
            first.reshape(first.shape + (1,) * second.ndim), second.reshape((1,) * first.ndim + second.shape), **options
        )

    def reduce(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        method = {"add": "sum", "multiply": "prod"}.get(self.__name__)
        if method is None:
            raise NotImplementedError(f"`{self.name}.reduce` is not supported yet")
        return getattr(array, method)(axis, dtype, out, keepdims)

    def accumulate(self, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        method = {"add": "cumsum", "multiply": "cumprod"}.get(self.__name__)
        if method is None:
            raise NotImplementedError(f"`{self.name}.accumulate` is not supported yet")
        return getattr(array, method)(axis, dtype, out)

    def reduceat(self, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        if self.__name__ != "add":
            raise NotImplementedError(f"`{self.name}.reduceat` is not supported yet")
        return call("add.reduceat", np.add.reduceat, (array, indices, axis, dtype, out))
