"""From arrays of the simulator to NumPy and back: every namespace function goes through here.

Operands must be arrays of the current device, or scalars: NumPy arrays are refused as CuPy refuses them. A result that
NumPy made is moved into device memory and counts as a launch; one that shares an operand's memory is a view, which is
free. NumPy's warnings are silenced, as a GPU gives none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from . import counters, pool
from .device import current_device
from .pointer import BaseMemory

DTYPES = frozenset(np.dtype(character) for character in "?bBhHiIlLqQefdFD")
_PYTHON_SCALARS = frozenset((int, float, bool, complex))


class Stored:
    """A NumPy array `_a` that lies in device memory `_mem`, which it keeps alive."""

    __slots__ = ("__weakref__", "_a", "_mem", "base")

    _a: Any
    _mem: BaseMemory
    base: Any


_array_class: Any = Stored


def set_array_class(array_class: type) -> None:
    """What results are made of: `ndarray`, which needs this module and so cannot be imported here."""
    global _array_class
    _array_class = array_class


# --- making arrays --------------------------------------------------------------------------------


def wrap(array: Any, mem: BaseMemory, base: Any = None) -> Any:
    made = _array_class.__new__(_array_class)
    made._a, made._mem, made.base = array, mem, base
    return made


def view(of: Any, array: Any) -> Any:
    """`array`, NumPy's view of the memory of `of`, as a view of `of`."""
    return wrap(array, of._mem, of if of.base is None else of.base)


def check_dtype(dtype: Any) -> np.dtype[Any]:
    made: np.dtype[Any] = np.dtype(dtype)
    if made not in DTYPES:
        raise ValueError(f"Unsupported dtype {made}")
    return made


def empty(shape: tuple[int, ...], dtype: np.dtype[Any], strides: tuple[int, ...] | None = None) -> Any:
    """Uninitialised (NaN) memory; `strides` must be those of a dense array."""
    nbytes = dtype.itemsize
    for size in shape:
        nbytes *= size
    mem = pool.alloc(nbytes).mem
    if not nbytes:
        return wrap(np.empty(shape, dtype), mem)
    return wrap(np.ndarray(shape, dtype, mem._raw, mem._start, strides), mem)


def own(array: Any) -> Any:
    """A NumPy result as a new array of the current device, with its axes in the same order in memory."""
    array = np.asarray(array)
    dtype = check_dtype(array.dtype)
    strides = None if array.flags.c_contiguous else np.empty_like(array).strides
    made = empty(array.shape, dtype, strides)
    made._a[...] = array
    wrote(made)
    return made


def wrote(x: Any) -> None:
    """Note that the memory of `x` now holds values (in check mode, reading what nobody wrote can be an error)."""
    buffer = x._mem._buffer
    if buffer is None or not x._a.size:
        return
    if x._a.flags.forc:
        buffer.mark_written(x._a.__array_interface__["data"][0], x._a.nbytes)
    else:
        low, high = byte_bounds(x._a)
        buffer.mark_written(low, high - low)


# --- operands --------------------------------------------------------------------------------------


def check_device(x: Any, device: int) -> None:
    if x._mem.device_id != device:
        raise ValueError(
            f"Array device must be same as the current device: array device = {x._mem.device_id} while current ="
            f" {device}. Peer access is unavailable between these devices."
        )


def operand(x: Any, device: int) -> Any:
    """What NumPy gets for an operand of an elementwise function: arrays and scalars only."""
    if isinstance(x, Stored):
        if x._mem.device_id != device:
            check_device(x, device)
        return x._a
    if type(x) in _PYTHON_SCALARS or isinstance(x, np.generic):
        return x
    raise TypeError(f"Unsupported type {type(x)}")


def elementwise(name: str, function: Any, operands: tuple[Any, ...], out: Any = None, **options: Any) -> Any:
    """Run a ufunc of NumPy; `out` is an array, a tuple of them, or None."""
    device = current_device()
    inputs = [operand(x, device) for x in operands]
    outs = out if isinstance(out, tuple) else (out,)
    for x in outs:
        if x is not None:
            if not isinstance(x, Stored):
                raise TypeError(f"Unsupported type {type(x)}")
            check_device(x, device)
    with np.errstate(all="ignore"):
        if out is None:
            result = function(*inputs, **options)
        else:
            given = tuple(None if x is None else x._a for x in outs)
            result = function(*inputs, out=given, **options)
    counters.op(device, name)
    for x in outs:
        if x is not None:
            wrote(x)
    if out is None:
        return tuple([own(part) for part in result]) if isinstance(result, tuple) else own(result)
    if len(outs) == 1:
        return outs[0]
    return tuple([own(part) if x is None else x for x, part in zip(outs, result, strict=True)])


def call(name: str, function: Any, args: Any, kwargs: Any = None, synchronises: bool = False) -> Any:
    """Run any function of NumPy. Arrays may be nested in lists and tuples, in arguments and in results.

    A result is a view where NumPy gives a view, else a new array, or what stands in `out=`.
    """
    device = current_device()
    arrays: list[Any] = []
    inputs = [_unwrap(x, device, arrays) for x in args]
    options = {key: _unwrap(x, device, arrays) for key, x in kwargs.items()} if kwargs else {}
    with np.errstate(all="ignore"):
        result = function(*inputs, **options)
    made, launched = _rewrap(result, arrays)
    if launched or not arrays:
        counters.op(device, name)
    if synchronises:
        counters.synchronisation(device, name)
    return made


def _unwrap(x: Any, device: int, arrays: list[Any]) -> Any:
    if isinstance(x, Stored):
        check_device(x, device)
        arrays.append(x)
        return x._a
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if isinstance(x, (list, tuple)):
        parts = [_unwrap(part, device, arrays) for part in x]
        return parts if isinstance(x, list) else tuple(parts)
    return x


def _rewrap(result: Any, arrays: list[Any]) -> tuple[Any, bool]:
    """The result with arrays of the simulator, and whether something had to be computed or copied."""
    if isinstance(result, np.ndarray):
        for x in arrays:
            if result is x._a:
                wrote(x)
                return x, True  # `out=`, or a function that had nothing to do
            if result.size and np.may_share_memory(result, x._a):
                return view(x, result), False
        return own(result), True
    if isinstance(result, (np.generic, int, float, complex)):
        return own(result), True  # CuPy gives no scalars
    if isinstance(result, (list, tuple)):
        parts = [_rewrap(part, arrays) for part in result]
        values = [part for part, _ in parts]
        return values if isinstance(result, list) else tuple(values), any(launched for _, launched in parts)
    return result, False
