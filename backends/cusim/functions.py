"""Functions that are not simply NumPy's: making arrays, moving them to and from the host, copying, choosing."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import counters
from .array import ndarray
from .device import current_device
from .dispatch import Stored, call, check_device, check_dtype, operand, own, view, wrote
from .dispatch import empty as allocate

# --- from the host, and back ----------------------------------------------------------------------


def array(
    obj: Any, dtype: Any = None, copy: bool | None = True, order: str | None = "K", subok: bool = False,
    ndmin: int = 0, *, blocking: bool = False,
) -> ndarray:  # fmt: skip
    """An array of the current device: a copy of an array, of what `numpy.array` takes, or of lists of arrays."""
    if subok:
        raise NotImplementedError
    order = order or "K"
    device = current_device()
    if isinstance(obj, ndarray):
        made = _of_array(obj, dtype, copy, order, device)
    elif isinstance(obj, (list, tuple)) and _holds_arrays(obj):
        made = call("concatenate", _nested, (obj,))
        made = made if dtype is None else made.astype(dtype, copy=False)
    else:
        layout: Any = order if order in "CF" else None
        values = np.array(obj, dtype=dtype, copy=None, order=layout)
        check_dtype(values.dtype)
        if not values.ndim:
            made = allocate((), values.dtype)
            made.fill(values)  # a number is an argument of a kernel, not a transfer
        else:
            made = own(values)
            counters.host_to_device(device, values.nbytes)  # through pinned memory: without waiting
            if blocking:
                counters.synchronisation(device, "array")
    if ndmin > made.ndim:
        made = made.reshape((1,) * (ndmin - made.ndim) + made.shape)
    return made


def _of_array(x: ndarray, dtype: Any, copy: bool | None, order: str, device: int) -> ndarray:
    if x._mem.device_id != device:
        x = x.copy(order)
        copy = None
    wanted = x.dtype if dtype is None else check_dtype(dtype)
    fits = wanted == x.dtype and (order == "K" or x._a.flags[{"C": "C", "F": "F", "A": "FORC"}[order]])
    if copy is False and not fits:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return x.astype(wanted, order, copy=bool(copy))


def _holds_arrays(items: Any) -> bool:
    return any(isinstance(item, Stored) or (isinstance(item, (list, tuple)) and _holds_arrays(item)) for item in items)


def _nested(items: Any) -> Any:
    return np.stack([_nested(item) if isinstance(item, (list, tuple)) else item for item in items])


def asarray(a: Any, dtype: Any = None, order: str | None = None, *, blocking: bool = False) -> ndarray:
    return array(a, dtype, None, order, blocking=blocking)


asanyarray = asarray


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    return _contiguous(a, dtype, "C")


def asfortranarray(a: Any, dtype: Any = None) -> ndarray:
    return _contiguous(a, dtype, "F")


def _contiguous(a: Any, dtype: Any, order: str) -> ndarray:
    if not isinstance(a, ndarray):
        raise TypeError(f"Argument 'a' has incorrect type (expected cupy._core.core._ndarray_base, got {type(a)})")
    made = a.astype(a.dtype if dtype is None else dtype, order, copy=False)
    return made if made.ndim else made.reshape(1)


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> Any:
    if isinstance(a, ndarray):
        return a.get(stream, order, out, blocking)
    layout: Any = order
    made = np.asarray(a, order=layout)
    if out is None:
        return made
    out[...] = made
    return out


def get_array_module(*args: Any) -> Any:
    from . import namespace

    return namespace if any(isinstance(x, ndarray) for x in args) else np


# --- new arrays -----------------------------------------------------------------------------------


def empty(shape: Any, dtype: Any = float, order: str | None = "C") -> ndarray:
    return ndarray(shape, dtype, order=order)


def _filled(made: ndarray, name: str, value: Any) -> ndarray:
    made._a[...] = value
    wrote(made)
    counters.op(current_device(), name)
    return made


def zeros(shape: Any, dtype: Any = float, order: str | None = "C") -> ndarray:
    return _filled(empty(shape, dtype, order), "zeros", 0)


def ones(shape: Any, dtype: Any = float, order: str | None = "C") -> ndarray:
    return _filled(empty(shape, dtype, order), "ones", 1)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str | None = "C") -> ndarray:
    if dtype is None:
        dtype = fill_value.dtype if isinstance(fill_value, ndarray) else np.array(fill_value).dtype
    made = empty(shape, dtype, order)
    made.fill(fill_value)
    return made


def _like(a: Any, dtype: Any, order: str | None, subok: Any, shape: Any) -> ndarray:
    if subok is not None:
        raise TypeError("subok is not supported yet")
    if not isinstance(a, ndarray):
        raise TypeError(f"Unsupported type {type(a)}")
    layout: Any = order or "K"
    layout = np.empty_like(a._a, dtype, layout, shape=shape)
    return allocate(layout.shape, check_dtype(layout.dtype), layout.strides)  # type: ignore[no-any-return]


def empty_like(
    prototype: Any, dtype: Any = None, order: str | None = "K", subok: Any = None, shape: Any = None
) -> ndarray:
    return _like(prototype, dtype, order, subok, shape)


def zeros_like(a: Any, dtype: Any = None, order: str | None = "K", subok: Any = None, shape: Any = None) -> ndarray:
    return _filled(_like(a, dtype, order, subok, shape), "zeros_like", 0)


def ones_like(a: Any, dtype: Any = None, order: str | None = "K", subok: Any = None, shape: Any = None) -> ndarray:
    return _filled(_like(a, dtype, order, subok, shape), "ones_like", 1)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str | None = "K", subok: Any = None, shape: Any = None
) -> ndarray:
    made = _like(a, dtype, order, subok, shape)
    made.fill(fill_value)
    return made


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> ndarray:
    for bound in (start, stop, step):
        if isinstance(bound, (np.ndarray, Stored)):
            raise TypeError(f"Unsupported type {type(bound)}")
    if stop is None:
        start, stop = 0, start
    return call("arange", np.arange, (start, stop, 1 if step is None else step), {"dtype": dtype})  # type: ignore[no-any-return]


# --- copies and choices ---------------------------------------------------------------------------


def copy(a: Any, order: str = "K") -> ndarray:
    return a.copy(order=order)  # type: ignore[no-any-return]


def copyto(dst: ndarray, src: Any, casting: Any = "same_kind", where: Any = None) -> None:
    device = current_device()
    check_device(dst, device)
    values = operand(src, device)
    options = {} if where is None else {"where": operand(where, device)}
    with np.errstate(all="ignore"):
        np.copyto(dst._a, values, casting=casting, **options)
    wrote(dst)
    if isinstance(src, Stored):
        counters.copy(device, dst.nbytes)
    else:
        counters.op(device, "copyto")


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if (x is None) != (y is None):
        raise ValueError("Must provide both 'x' and 'y' or neither.")
    if not isinstance(condition, ndarray):
        raise AttributeError(f"{type(condition).__name__!r} object has no attribute 'astype'")
    if x is None:
        return condition.nonzero()
    device = current_device()
    for choice in (x, y):
        operand(choice, device)
    return call("where", np.where, (condition, x, y))


def sort(a: Any, axis: int | None = -1, kind: Any = None) -> ndarray:
    if kind not in (None, "stable"):
        raise ValueError("kind can only be None or 'stable'")
    made = own(a._a.flatten() if axis is None else a._a)
    made.sort(-1 if axis is None else axis)
    return made  # type: ignore[no-any-return]


def argsort(a: Any, axis: Any = -1, kind: Any = None) -> ndarray:
    if kind not in (None, "stable"):
        raise ValueError("kind can only be None or 'stable'")
    return a.argsort(axis)  # type: ignore[no-any-return]


def broadcast_to(array: Any, shape: Any) -> ndarray:
    made = array if isinstance(array, ndarray) else asarray(array)
    return view(made, np.broadcast_to(made._a, shape))  # type: ignore[no-any-return]


def take_along_axis(a: Any, indices: Any, axis: int | None) -> ndarray:
    """Indices out of range wrap around, as a kernel cannot raise."""
    return call("take_along_axis", _taken_along, (a, indices, axis))  # type: ignore[no-any-return]


def _taken_along(a: Any, indices: Any, axis: int | None) -> Any:
    size = a.size if axis is None else a.shape[axis]
    return np.take_along_axis(a, indices.astype(np.int64) % size if size else indices, axis)
