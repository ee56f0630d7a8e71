"""Which precision a computation runs in, scalars that do not widen it, and where a result goes."""

from __future__ import annotations

from typing import Any

Array = Any


def cast(xp: Any, x: Array, dtype: Any) -> Array:
    """`x` as an array (NumPy's 0-d results are scalars) of `dtype`; `x` itself if it is so already."""
    return xp.asarray(x, dtype=dtype)


def compute_dtype(xp: Any, x: Array) -> Any:
    """The dtype to compute in: float16 in float32, everything else in its own."""
    return xp.float32 if x.dtype == xp.float16 else x.dtype


def wide(xp: Any, x: Array) -> Array:
    """`x` in the dtype to compute in."""
    return cast(xp, x, compute_dtype(xp, x))


def exact_scalar(xp: Any, value: Any) -> Any:
    """A Python number as a float, anything else as a 0-d float64 array: for arithmetic among scalars."""
    return float(value) if isinstance(value, (int, float)) else xp.asarray(value, dtype=xp.float64)


def scalar_for(xp: Any, value: Any, x: Array) -> Any:
    """A scalar that leaves the dtype of `x` alone: a Python number does (NEP 50), a 0-d float64 array would not."""
    return value if type(value) is float else xp.asarray(value, dtype=x.dtype)


def result_in(out: Array | None, result: Array) -> Array:
    """`out`, filled with the result, or the result itself if there is no `out`."""
    if out is None:
        return result
    out[...] = result
    return out
