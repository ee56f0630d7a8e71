"""`ndarray`: an array in simulated device memory, with the attributes and methods that CuPy's has.

It wraps a NumPy array rather than being one, as NumPy would convert a subclass silently: so mixing it with NumPy arrays
fails here as it fails with CuPy. What needs the values on the host (`get`, `item`, `float`, `bool`, printing)
synchronises, and is counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import counters, dispatch, indexing, uploads
from .device import Device, current_device, synchronize_device
from .dispatch import call, check_device, empty, own, view, wrap
from .methods import Methods
from .pinned import is_pinned
from .pointer import MemoryPointer
from .stream import get_current_stream


class Flags:
    """`x.flags`; CuPy's has these three."""

    __slots__ = ("c_contiguous", "f_contiguous", "owndata")

    def __init__(self, x: ndarray) -> None:
        self.c_contiguous: bool = x._a.flags.c_contiguous
        self.f_contiguous: bool = x._a.flags.f_contiguous
        self.owndata: bool = x.base is None

    def __getitem__(self, name: str) -> bool:
        names = {"C_CONTIGUOUS": "c_contiguous", "F_CONTIGUOUS": "f_contiguous", "OWNDATA": "owndata"}
        if name not in names:
            raise KeyError(f"{name} is not defined for cupy.ndarray.flags")
        return bool(getattr(self, names[name]))

    @property
    def fnc(self) -> bool:
        return self.f_contiguous and not self.c_contiguous

    @property
    def forc(self) -> bool:
        return self.f_contiguous or self.c_contiguous

    def __repr__(self) -> str:
        return f"  C_CONTIGUOUS : {self.c_contiguous}\n  F_CONTIGUOUS : {self.f_contiguous}\n  OWNDATA : {self.owndata}"


class ndarray(Methods):  # noqa: N801 - CuPy's name
    """An array on a simulated device: `ndarray(shape, dtype=float, memptr=None, strides=None, order="C")`."""

    __slots__ = ()
    __module__ = "cupy"

    def __new__(
        cls,
        shape: Any = None,
        dtype: Any = float,
        memptr: MemoryPointer | None = None,
        strides: tuple[int, ...] | None = None,
        order: str | None = "C",
    ) -> ndarray:
        if shape is None:  # called by `dispatch.wrap`
            return object.__new__(cls)
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        if any(size < 0 for size in sizes):
            raise ValueError("Negative dimensions are not allowed")
        kind = dispatch.check_dtype(dtype)
        if memptr is None and strides is None:
            dense = None if order in ("C", None) else np.empty(sizes, kind, order).strides  # type: ignore[call-overload]
            return empty(sizes, kind, dense)  # type: ignore[no-any-return]
        if memptr is None:
            raise NotImplementedError("the simulator makes arrays with strides from a pointer only")
        layout: Any = np.empty(sizes, kind, order or "C")  # type: ignore[call-overload]
        if memptr.mem._raw is None:
            return wrap(layout, memptr.mem)  # type: ignore[no-any-return]
        start = memptr.mem._start + memptr.ptr - memptr.mem.ptr
        array: Any = np.ndarray(sizes, kind, memptr.mem._raw, start, strides or layout.strides)
        return wrap(array, memptr.mem)  # type: ignore[no-any-return]

    # --- what it is -------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self._a.shape  # type: ignore[no-any-return]

    @shape.setter
    def shape(self, shape: Any) -> None:
        try:
            self._a = self._a.reshape(shape, copy=False)
        except ValueError:
            raise AttributeError("incompatible shape") from None

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._a.dtype  # type: ignore[no-any-return]

    @property
    def strides(self) -> tuple[int, ...]:
        return self._a.strides  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self._a.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self._a.size  # type: ignore[no-any-return]

    @property
    def itemsize(self) -> int:
        return self._a.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        return self._a.nbytes  # type: ignore[no-any-return]

    @property
    def flags(self) -> Flags:
        return Flags(self)

    @property
    def data(self) -> MemoryPointer:
        offset = self._a.__array_interface__["data"][0] - self._mem.ptr if self._mem.ptr else 0
        return MemoryPointer(self._mem, offset)

    @property
    def device(self) -> Device:
        return Device(self._mem.device_id)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "descr": self.dtype.descr,
            "stream": 1,
            "version": 3,
            "strides": None if self.flags.c_contiguous else self.strides,
            "data": (self.data.ptr if self.size else 0, False),
        }

    # --- to and from the host ---------------------------------------------------------------------

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> Any:
        """A copy on the host; waits for the device unless `blocking` is False."""
        if out is None:
            wanted: Any = order.upper()
            if wanted == "A":
                wanted = "F" if self._fortran else "C"
            out = np.empty(self.shape, self.dtype, wanted)
        elif not isinstance(out, np.ndarray):
            raise TypeError("Only numpy.ndarray can be obtained fromcupy.ndarray")
        elif out.dtype != self.dtype:
            raise TypeError(f"{out.dtype} array cannot be obtained from {self.dtype} array")
        elif out.shape != self.shape:
            raise ValueError(f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}")
        device = self._mem.device_id
        if self.size:
            counters.device_to_host(device, self.nbytes)
            if blocking or not is_pinned(out.ctypes.data, out.nbytes):
                synchronize_device(device, "get", (stream or get_current_stream(device)).ptr)
        out[...] = self._a
        return out

    @property
    def _fortran(self) -> bool:
        return bool(self._a.flags.f_contiguous and not self._a.flags.c_contiguous)

    def set(self, arr: Any, stream: Any = None) -> None:
        """Copy from the host; from pinned memory without waiting."""
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if self.dtype != arr.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if self.shape != arr.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not (self._a.flags.c_contiguous or self._a.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        device = self._mem.device_id
        counters.host_to_device(device, self.nbytes)
        address = arr.ctypes.data
        same_order = arr.flags.c_contiguous if self._a.flags.c_contiguous else arr.flags.f_contiguous
        if same_order and is_pinned(address, arr.nbytes):
            uploads.begin(device, (stream or get_current_stream(device)).ptr, address, arr.nbytes)
        else:
            counters.synchronisation(device, "set from pageable memory")
        self._a[...] = arr
        dispatch.wrote(self)

    def item(self) -> Any:
        return self.get().item()

    def tolist(self) -> Any:
        return self.get().tolist()

    def tobytes(self, order: str = "C") -> bytes:
        return self.get().tobytes(order)  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self) -> bool:
        if self.size == 0:
            warnings.warn(
                "The truth value of an empty array is ambiguous. Returning False, but in future this will result in an"
                " error. Use `array.size > 0` to check that an array is not empty.",
                DeprecationWarning,
                stacklevel=2,
            )
            return False
        if self.size > 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __complex__(self) -> complex:
        return complex(self.get())

    def __repr__(self) -> str:
        return repr(self.get())

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, spec: str) -> str:
        return format(self.get(), spec)

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        with self.device:
            return self.copy()

    def __reduce__(self) -> Any:
        from .functions import array

        return array, (self.get(order="A"),)

    # --- copies and views -------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> ndarray:
        return indexing.getitem(self, key)  # type: ignore[no-any-return]

    def __setitem__(self, key: Any, value: Any) -> None:
        indexing.setitem(self, key, value)

    def fill(self, value: Any) -> None:
        device = current_device()
        check_device(self, device)
        if isinstance(value, ndarray):
            if value.shape != ():
                raise ValueError("non-scalar cupy.ndarray cannot be used for fill")
            value = value._a
        counters.op(device, "fill")
        with np.errstate(all="ignore"):
            self._a[...] = indexing.scalar_for_fill(value, self._a.dtype)
        dispatch.wrote(self)

    def copy(self, order: str = "C") -> ndarray:
        """A copy on the current device, also of an array of another one."""
        return self._copied(self.dtype, order)

    def _copied(self, dtype: Any, order: str) -> ndarray:
        with np.errstate(all="ignore"):
            made: ndarray = own(self._a.astype(dtype, order))
        if self.size:
            counters.copy(current_device(), made.nbytes)
        return made

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool = True
    ) -> ndarray:
        """A cast counts as a launch, a copy of the same dtype as a copy."""
        if casting is not None:
            raise TypeError("casting is not supported yet")
        if subok is not None:
            raise TypeError("subok is not supported yet")
        device = current_device()
        check_device(self, device)
        kind = dispatch.check_dtype(dtype)
        if kind == self.dtype:
            in_order = order == "K" or self._a.flags[{"C": "C", "F": "F", "A": "FORC"}[order]]
            return self._copied(kind, order) if copy or not in_order else self
        with np.errstate(all="ignore"):
            made: ndarray = own(self._a.astype(kind, order))
        counters.op(device, "astype")
        return made

    def view(self, dtype: Any = None, type: Any = None) -> ndarray:
        return view(self, self._a.view() if dtype is None else self._a.view(dtype))  # type: ignore[no-any-return]

    def _moved(self, result: Any) -> ndarray:
        """A view where NumPy made one, else a copy."""
        if not result.size or np.may_share_memory(result, self._a):
            return view(self, result)  # type: ignore[no-any-return]
        check_device(self, current_device())
        counters.copy(current_device(), result.nbytes)
        return own(result)  # type: ignore[no-any-return]

    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        sizes = shape[0] if len(shape) == 1 else shape
        return self._moved(self._a.reshape(sizes, order=order))

    def ravel(self, order: str = "C") -> ndarray:
        return self._moved(self._a.ravel(order))

    def flatten(self, order: str = "C") -> ndarray:
        return self._moved(self._a.flatten(order))

    def transpose(self, *axes: Any) -> ndarray:
        return self._moved(self._a.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> ndarray:
        return self._moved(self._a.swapaxes(axis1, axis2))

    def squeeze(self, axis: Any = None) -> ndarray:
        return self._moved(self._a.squeeze(axis))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
        return self._moved(self._a.diagonal(offset, axis1, axis2))

    @property
    def T(self) -> ndarray:  # noqa: N802 - NumPy's name
        return self.transpose()

    @property
    def real(self) -> ndarray:
        return self._moved(self._a.real) if self.dtype.kind == "c" else self

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> ndarray:
        if self.dtype.kind == "c":
            return self._moved(self._a.imag)
        return call("imag", np.zeros, (self.shape, self.dtype))  # type: ignore[no-any-return]

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError("cupy.ndarray does not have imaginary part to set")
        self.imag[...] = value

    # --- NumPy's protocols --------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from . import namespace

        if "out" in options:
            if len(options["out"]) != 1:
                raise ValueError("The 'out' parameter must have exactly one array value")
            options["out"] = options["out"][0]
        try:
            function = getattr(namespace, ufunc.__name__)
            if method != "__call__":
                function = getattr(function, method)
        except AttributeError:
            return NotImplemented
        return function(*inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        from . import namespace

        try:
            module: Any = namespace
            for part in function.__module__.split(".")[1:]:
                module = getattr(module, part)
            found = getattr(module, function.__name__)
        except AttributeError:
            return NotImplemented
        if not all(issubclass(kind, (ndarray, np.ndarray)) for kind in types):
            return NotImplemented
        return found(*args, **options)


dispatch.set_array_class(ndarray)
