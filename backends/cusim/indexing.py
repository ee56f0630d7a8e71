"""Reading and writing `x[key]`, with CuPy's rules where they differ from NumPy's.

A plain integer gives a view, too (of no dimensions). Indices out of range in an integer *array* wrap around, where
NumPy raises: a kernel cannot raise. A boolean mask makes the host wait for the number of its True elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import counters, dispatch
from .device import current_device
from .dispatch import Stored, check_device, own, view, wrote


class _Key:
    """A key with NumPy arrays in it, taken apart."""

    def __init__(self, key: Any, shape: tuple[int, ...], device: int) -> None:
        self.masked = False  # a boolean array is among the indices
        self.advanced = False  # an array of any kind is
        parts = [self._part(part, device) for part in (key if isinstance(key, tuple) else (key,))]
        if not any(part is Ellipsis for part in parts):
            parts.append(Ellipsis)
        self.numpy = tuple(self._wrap(parts, shape) if self.advanced else parts)

    def _part(self, part: Any, device: int) -> Any:
        if part is None or part is Ellipsis or isinstance(part, slice):
            return part
        if isinstance(part, Stored):
            check_device(part, device)
            part = part._a
        elif np.isscalar(part) and not isinstance(part, (bool, np.bool_)):
            return part
        else:  # lists and NumPy arrays are copied to the device first
            part = np.asarray(part)
            if part.size == 0 and part.dtype == np.float64:
                part = part.astype(np.int32)
            counters.host_to_device(device, part.nbytes)
        if part.dtype.kind not in "biu":
            raise IndexError(f"arrays used as indices must be of integer or boolean type. (actual: {part.dtype.type})")
        self.advanced = True
        self.masked = self.masked or part.dtype.kind == "b"
        return part

    def _wrap(self, parts: list[Any], shape: tuple[int, ...]) -> list[Any]:
        """Integer arrays modulo the size of their axis."""
        taken = [0 if part is None or part is Ellipsis else part.ndim if _is_mask(part) else 1 for part in parts]
        if sum(taken) > len(shape):
            raise IndexError(
                f"too many indices for array: array is {len(shape)}-dimensional, but {sum(taken)} were indexed"
            )
        axis = 0
        wrapped = []
        for part, count in zip(parts, taken, strict=True):
            if isinstance(part, np.ndarray) and part.dtype.kind != "b" and part.size:
                size = shape[axis]
                if not size:
                    raise IndexError("cannot do a non-empty take from an empty axes.")
                if int(part.min()) < -size or int(part.max()) >= size:
                    part = part % part.dtype.type(size) if size <= np.iinfo(part.dtype).max else part
            wrapped.append(part)
            axis += len(shape) - sum(taken) if part is Ellipsis else count
        return wrapped


def _is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype.kind == "b"


def getitem(x: Any, key: Any) -> Any:
    device = current_device()
    made = _Key(key, x._a.shape, device)
    result = x._a[made.numpy]
    if not made.advanced:
        return view(x, result)
    check_device(x, device)
    counters.op(device, "getitem")
    if made.masked:
        counters.synchronisation(device, "getitem with a mask")
    return own(result)


def setitem(x: Any, key: Any, value: Any) -> None:
    device = current_device()
    check_device(x, device)
    made = _Key(key, x._a.shape, device)
    if isinstance(value, Stored):
        check_device(value, device)
        data = value._a
        if not made.advanced:
            counters.copy(device, x._a[made.numpy].nbytes)
    elif made.advanced:  # CuPy copies whatever it is to the device
        data = np.asarray(value, x._a.dtype)
        dispatch.check_dtype(data.dtype)
        counters.host_to_device(device, data.nbytes)
    else:
        data = scalar_for_fill(value, x._a.dtype)
        counters.op(device, "fill")
    if made.advanced:
        counters.op(device, "setitem")
        if made.masked:
            counters.synchronisation(device, "setitem with a mask")
    with np.errstate(all="ignore"):
        x._a[made.numpy] = data
    wrote(x if made.advanced else view(x, x._a[made.numpy]))


def scalar_for_fill(value: Any, dtype: np.dtype[Any]) -> Any:
    data = np.asarray(value, dtype)
    if data.shape != ():
        raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
    return data
