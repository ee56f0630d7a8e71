"""dtypes: NumPy's (CuPy shares them), the default ones, and how two of them combine."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcore._errors import DTypeError

DType = np.dtype[Any]

bool_ = np.dtype(np.bool_)
int8, int16, int32, int64 = (np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float16, float32, float64 = (np.dtype(f"float{bits}") for bits in (16, 32, 64))
complex64, complex128 = np.dtype(np.complex64), np.dtype(np.complex128)

DEFAULT_FLOAT = float32
_SUPPORTED = frozenset(
    (bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, float32, float64, complex64, complex128)
)
_PYTHON: dict[type, DType] = {bool: bool_, int: int64, float: float32, complex: complex64}


def as_dtype(dtype: Any) -> DType:
    """The dtype that `dtype` names: a dtype, a string such as "float32", or the type bool, int, float or complex.

    Python's `float` means float32 and `complex` complex64, the defaults.
    """
    try:
        found: DType = _PYTHON[dtype] if isinstance(dtype, type) and dtype in _PYTHON else np.dtype(dtype)
    except TypeError as error:
        raise DTypeError(f"dtype: {dtype!r} is not a dtype") from error
    if found not in _SUPPORTED:
        names = ", ".join(sorted(str(known) for known in _SUPPORTED))
        raise DTypeError(f"dtype: {found!r} is not supported; expected one of {names}")
    return found


def is_inexact(dtype: DType) -> bool:
    """Whether it is a float or complex dtype, and so can have gradients."""
    return dtype.kind in "fc"


def result_type(name: str, x: DType, y: DType) -> DType:
    """The dtype of an operation between arrays: as NumPy's, but an integer with a float gives that float's dtype."""
    if x == y:
        return x
    if is_inexact(x) != is_inexact(y):
        return x if is_inexact(x) else y
    joined = np.result_type(x, y)
    if is_inexact(joined) and not is_inexact(x):
        raise DTypeError(f"{name}: no integer dtype holds both {x} and {y}; convert one with astype")
    return joined
