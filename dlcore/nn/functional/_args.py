"""Arguments that several functions take in the same forms."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.ops._common import as_tensor

REDUCTIONS = ("none", "mean", "sum")


def sizes(name: str, argument: str, value: Any, minimum: int, count: int) -> tuple[int, ...]:
    """An int for `count` axes, or a sequence of an int each, or of one for all, each at least `minimum`."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    numbers = [number.__index__() for number in given if hasattr(number, "__index__") and not isinstance(number, bool)]
    if len(given) not in (1, count) or len(numbers) != len(given) or min(numbers) < minimum:
        forms = "a pair of them" if count == 2 else "a tuple of one"
        raise ValueError(f"{name}: {argument} must be an int >= {minimum} or {forms}, got {value!r}")
    return tuple(numbers * count if len(numbers) == 1 else numbers)


def floats(name: str, argument: str, value: Any) -> Tensor:
    """A tensor of real floats."""
    x = value if isinstance(value, Tensor) else as_tensor(name, argument, value)
    if x._array.dtype.kind != "f":
        raise DTypeError(f"{name}: {argument} must be a float tensor, got {x.dtype}; convert it with astype")
    return x


def same_dtype(name: str, **tensors: Tensor | None) -> None:
    """All given tensors must have one dtype: a mixture is nearly always an oversight."""
    present = {argument: x for argument, x in tensors.items() if x is not None}
    first = next(iter(present.values()))
    if any(x._array.dtype != first._array.dtype for x in present.values()):
        shown = ", ".join(f"{argument} {x.dtype}" for argument, x in present.items())
        raise DTypeError(f"{name}: one dtype expected, got {shown}; convert with astype or module.to(dtype)")


def images(name: str, value: Any) -> tuple[Tensor, bool]:
    """(N, C, H, W), and whether it was a single image (C, H, W)."""
    x = floats(name, "input", value)
    if x.ndim == 3:
        return x.reshape((1, *x.shape)), True
    if x.ndim != 4:
        raise ShapeError(f"{name}: input must have shape (N, C, H, W) or (C, H, W), got {x.shape}")
    return x, False


def batched(name: str, value: Any, axes: int) -> tuple[Tensor, bool]:
    """(N, C, L) or (N, C, H, W), by the number of axes behind the channels, and whether there was no N."""
    if axes == 2:
        return images(name, value)
    x = floats(name, "input", value)
    if x.ndim == 2:
        return x.reshape((1, *x.shape)), True
    if x.ndim != 3:
        raise ShapeError(f"{name}: input must have shape (N, C, L) or (C, L), got {x.shape}")
    return x, False


def single(y: Tensor, was_single: bool) -> Tensor:
    """Undo `images` on a result."""
    return y.reshape(y.shape[1:]) if was_single else y


def unit_interval(name: str, argument: str, value: Any) -> float:
    if not hasattr(value, "__float__") or not 0 <= value <= 1:
        raise ValueError(f"{name}: {argument} must be in [0, 1], got {value!r}")
    return float(value)


def real_number(name: str, argument: str, value: Any) -> float:
    """A Python or NumPy number, neither infinite nor NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not isfinite(value):
        raise ValueError(f"{name}: {argument} must be a finite number, got {value!r}")
    return float(value)


def reduction_of(name: str, reduction: str, known: tuple[str, ...] = REDUCTIONS) -> str:
    if reduction not in known:
        raise ValueError(f"{name}: reduction must be one of {', '.join(known)}, got {reduction!r}")
    return reduction
