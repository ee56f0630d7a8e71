"""Tensor: a raw array, the device it lives on, and its place in the graph of computations.

The class here knows storage and conversion only. Operators and methods such as `x + y` and
`x.sum()` are the functions of `dlcore.ops`; `dlcore._methods` binds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore._device import current_device, device
from dlcore._dtypes import DEFAULT_FLOAT, as_dtype, is_inexact
from dlcore._errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlcore.autograd import Function
    from dlcore.autograd.hooks import RemovableHandle
    from dlcore.backend import Array

    Axis = int | tuple[int, ...] | None
    Scalar = bool | int | float | complex


class Tensor:
    """A multi-dimensional array that can be differentiated. Make one with `dl.tensor`, `dl.asarray`, `dl.zeros` ...

    Attributes:
        array: the raw NumPy or CuPy array. Writing through it is the caller's business: the graph
            does not notice.
        device: the `dl.device` it lives on.
        dtype, shape, ndim, size: as NumPy's.
        requires_grad: whether operations on it are recorded. True for every result of a recorded one.
        grad: after `backward()`, the gradient of a leaf with `requires_grad`; else None.
        is_leaf: True if no recorded operation made it.

    >>> x = dl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    __slots__ = ("__weakref__", "_array", "_device", "_grad", "_grad_buffer", "_node", "_requires_grad", "_version")

    _array: Array
    _device: device
    _grad: Tensor | None
    _grad_buffer: Tensor | None  # where the optimizer wants the gradient: a view of its flat buffer
    _node: Function | None  # the operation that made it, if it was recorded
    _requires_grad: bool
    _version: list[int]  # one counter of in-place writes, shared by all views of one memory

    __array_ufunc__ = None  # so that `ndarray + tensor` comes to Tensor.__radd__ and is told off there
    __hash__ = object.__hash__

    def __init__(self) -> None:
        raise TypeError("Tensor: make tensors with dl.tensor(data), dl.asarray(array), dl.zeros(shape), ...")

    # --- attributes -----------------------------------------------------------------------------

    @property
    def array(self) -> Array:
        return self._array

    @property
    def device(self) -> device:
        return self._device

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype  # type: ignore[no-any-return]

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        return self._array.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self._array.size  # type: ignore[no-any-return]

    @property
    def is_leaf(self) -> bool:
        return self._node is None

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._node is not None and not value:
            raise RuntimeError(
                "requires_grad: only a leaf can be set to False; use x.detach() for a copy without graph"
            )
        if value and not is_inexact(self._array.dtype):
            raise DTypeError(f"requires_grad: only float and complex tensors have gradients, this one is {self.dtype}")
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return the tensor itself."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        if self._grad is self._grad_buffer:  # whoever asks may keep it: that memory is not to be written over
            self._grad_buffer = None
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
            if value.shape != self.shape:
                raise ShapeError(f"grad: shape {value.shape} differs from the tensor's {self.shape}")
            if value.dtype != self.dtype:
                raise DTypeError(f"grad: dtype {value.dtype} differs from the tensor's {self.dtype}")
            if value._device is not self._device:
                from dlcore._errors import DeviceError

                raise DeviceError(f"grad: on {value._device}, but the tensor is on {self._device}")
        self._grad = value

    # --- conversion -----------------------------------------------------------------------------

    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a host array, without graph: a view of the same memory on the CPU, a copy from a GPU."""
        return self._device.backend.to_host(self._array)  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self._requires_grad:
            raise RuntimeError("cannot turn a tensor that requires grad into an array implicitly; use x.numpy()")
        if not isinstance(self._array, np.ndarray):
            raise TypeError(f"cannot turn a tensor on {self._device} into a NumPy array implicitly; use x.numpy()")
        return np.asarray(self._array, dtype=dtype, copy=copy)

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item: only a tensor with one element has a value, this one has shape {self.shape}")
        return self.numpy().item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self.numpy().tolist()

    def detach(self) -> Tensor:
        """A tensor that shares this one's memory and is not part of the graph."""
        return wrap(self._array, self._device, self._version)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise DTypeError(f"an index must be an integer, this tensor is {self.dtype}")
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(f"the truth value of a tensor with shape {self.shape} is ambiguous; use one element")
        return bool(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return int(self.shape[0])

    def __repr__(self) -> str:
        values = np.array2string(self.numpy(), separator=", ", prefix="tensor(")
        notes = []
        if self.dtype not in (DEFAULT_FLOAT, np.dtype(np.int64), np.dtype(np.bool_)):
            notes.append(f"dtype={self.dtype}")
        if self.size == 0 and self.shape != (0,):
            notes.append(f"shape={self.shape}")
        if self._device is not current_device():
            notes.append(f"device={str(self._device)!r}")
        if self._node is not None:
            notes.append(f"node={type(self._node).__name__}")
        elif self._requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({', '.join([values, *notes])})"

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.ndim == 0 else str(self), spec)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._node is not None:
            raise RuntimeError("only a leaf can be copied or pickled; use x.detach() for a tensor without graph")
        return _rebuild, (type(self), self.numpy().copy(), str(self._device), self._requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        function, arguments = self.__reduce__()
        copy: Tensor = function(*arguments)
        if self._grad is not None:
            copy._grad = self._grad.detach().__deepcopy__(memo)
        memo[id(self)] = copy
        return copy

    if TYPE_CHECKING:  # bound by dlcore._methods; here for readers and type checkers
        __add__: Callable[[Any, Any], Tensor]
        __radd__: Callable[[Any, Any], Tensor]
        __iadd__: Callable[[Any, Any], Tensor]
        __sub__: Callable[[Any, Any], Tensor]
        __rsub__: Callable[[Any, Any], Tensor]
        __isub__: Callable[[Any, Any], Tensor]
        __mul__: Callable[[Any, Any], Tensor]
        __rmul__: Callable[[Any, Any], Tensor]
        __imul__: Callable[[Any, Any], Tensor]
        __truediv__: Callable[[Any, Any], Tensor]
        __rtruediv__: Callable[[Any, Any], Tensor]
        __itruediv__: Callable[[Any, Any], Tensor]
        __floordiv__: Callable[[Any, Any], Tensor]
        __rfloordiv__: Callable[[Any, Any], Tensor]
        __mod__: Callable[[Any, Any], Tensor]
        __rmod__: Callable[[Any, Any], Tensor]
        __pow__: Callable[[Any, Any], Tensor]
        __rpow__: Callable[[Any, Any], Tensor]
        __matmul__: Callable[[Any, Any], Tensor]
        __and__: Callable[[Any, Any], Tensor]
        __rand__: Callable[[Any, Any], Tensor]
        __or__: Callable[[Any, Any], Tensor]
        __ror__: Callable[[Any, Any], Tensor]
        __xor__: Callable[[Any, Any], Tensor]
        __rxor__: Callable[[Any, Any], Tensor]
        __lshift__: Callable[[Any, Any], Tensor]
        __rlshift__: Callable[[Any, Any], Tensor]
        __rshift__: Callable[[Any, Any], Tensor]
        __rrshift__: Callable[[Any, Any], Tensor]

        def __invert__(self) -> Tensor: ...

        __lt__: Callable[[Any, Any], Tensor]
        __le__: Callable[[Any, Any], Tensor]
        __gt__: Callable[[Any, Any], Tensor]
        __ge__: Callable[[Any, Any], Tensor]

        def __eq__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: object) -> Tensor: ...  # type: ignore[override]
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        @property
        def T(self) -> Tensor: ...  # noqa: N802
        @property
        def mT(self) -> Tensor: ...  # noqa: N802
        def backward(
            self, grad: Tensor | None = None, *, create_graph: bool = False, retain_graph: bool | None = None
        ) -> None: ...
        def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle: ...
        def to(self, target: Any) -> Tensor: ...
        def astype(self, dtype: Any) -> Tensor: ...
        def abs(self) -> Tensor: ...
        def exp(self) -> Tensor: ...
        def log(self) -> Tensor: ...
        def sqrt(self) -> Tensor: ...
        def tanh(self) -> Tensor: ...
        def conj(self) -> Tensor: ...
        def pow(self, exponent: Any) -> Tensor: ...
        def clip(self, min: Any = None, max: Any = None) -> Tensor: ...
        def sum(self, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor: ...
        def mean(self, *, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def max(self, *, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def min(self, *, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def acos(self) -> Tensor: ...
        def acosh(self) -> Tensor: ...
        def asin(self) -> Tensor: ...
        def asinh(self) -> Tensor: ...
        def atan(self) -> Tensor: ...
        def atanh(self) -> Tensor: ...
        def ceil(self) -> Tensor: ...
        def cos(self) -> Tensor: ...
        def cosh(self) -> Tensor: ...
        def erf(self) -> Tensor: ...
        def erfc(self) -> Tensor: ...
        def erfinv(self) -> Tensor: ...
        def expm1(self) -> Tensor: ...
        def floor(self) -> Tensor: ...
        def isfinite(self) -> Tensor: ...
        def isinf(self) -> Tensor: ...
        def isnan(self) -> Tensor: ...
        def log1p(self) -> Tensor: ...
        def log2(self) -> Tensor: ...
        def log10(self) -> Tensor: ...
        def logical_not(self) -> Tensor: ...
        def reciprocal(self) -> Tensor: ...
        def round(self) -> Tensor: ...
        def rsqrt(self) -> Tensor: ...
        def sigmoid(self) -> Tensor: ...
        def sign(self) -> Tensor: ...
        def signbit(self) -> Tensor: ...
        def sin(self) -> Tensor: ...
        def sinh(self) -> Tensor: ...
        def square(self) -> Tensor: ...
        def tan(self) -> Tensor: ...
        def trunc(self) -> Tensor: ...
        def atan2(self, y: Any) -> Tensor: ...
        def copysign(self, y: Any) -> Tensor: ...
        def hypot(self, y: Any) -> Tensor: ...
        def logaddexp(self, y: Any) -> Tensor: ...
        def logical_and(self, y: Any) -> Tensor: ...
        def logical_or(self, y: Any) -> Tensor: ...
        def logical_xor(self, y: Any) -> Tensor: ...
        def maximum(self, y: Any) -> Tensor: ...
        def minimum(self, y: Any) -> Tensor: ...
        def argmax(self, *, axis: int | None = None, keepdims: bool = False) -> Tensor: ...
        def argmin(self, *, axis: int | None = None, keepdims: bool = False) -> Tensor: ...
        def all(self, *, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def any(self, *, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def count_nonzero(self, *, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def logsumexp(self, *, axis: Axis = None, keepdims: bool = False) -> Tensor: ...
        def std(self, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor: ...
        def var(self, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor: ...
        def prod(self, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor: ...
        def cumulative_prod(
            self, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
        ) -> Tensor: ...
        def cumulative_sum(
            self, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
        ) -> Tensor: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def permute_dims(self, axes: tuple[int, ...]) -> Tensor: ...
        def squeeze(self, axis: Axis = None) -> Tensor: ...
        def expand_dims(self, *, axis: int = 0) -> Tensor: ...
        def broadcast_to(self, shape: tuple[int, ...]) -> Tensor: ...


_new = object.__new__


def wrap(array: Array, dev: device, version: list[int] | None = None) -> Tensor:
    """A tensor without graph around a raw array of `dev`, sharing `version` with whose memory it shares."""
    t: Tensor = _new(Tensor)
    t._array = array
    t._device = dev
    t._grad = None
    t._grad_buffer = None
    t._node = None
    t._requires_grad = False
    t._version = [0] if version is None else version
    return t


def tensor(data: Any, dtype: Any = None, device: str | device | None = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`.

    Args:
        data: a number, nested sequences of numbers, a NumPy array or a Tensor.
        dtype: None keeps an array's dtype; Python numbers become bool, int64, float32 or complex64.
        device: None means the current device.
        requires_grad: record operations on it, so that `backward()` fills its `grad`.

    Raises:
        DTypeError: `data` holds no numbers, or the dtype is not supported or cannot hold complex numbers.
        OverflowError: a Python int does not fit into `dtype`.
        ShapeError: nested sequences of different lengths.

    >>> import dlcore as dl
    >>> dl.tensor([1, 2.5])
    tensor([1. , 2.5])
    >>> dl.tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    made = _convert("tensor", data, dtype, device, copy=True)
    if requires_grad:
        made.requires_grad = True
    return made


def asarray(data: Any, dtype: Any = None, device: str | device | None = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of `data` where it can.

    Args:
        data: an array of the device (NumPy on the CPU), a Tensor, or whatever `dl.tensor` takes.
        dtype: None keeps the dtype of an array.
        device: None means the current device (a Tensor's own device if `data` is a Tensor).
        copy: True always copies, False raises ValueError where a copy is needed, None copies if needed.

    >>> import numpy as np, dlcore as dl
    >>> a = np.zeros(3, dtype=np.float32)
    >>> t = dl.asarray(a)
    >>> a[0] = 7
    >>> t
    tensor([7., 0., 0.])
    """
    if isinstance(data, Tensor) and device is None:
        device = data._device
    made = _convert("asarray", data, dtype, device, copy=copy)
    source = data._array if isinstance(data, Tensor) else data
    if copy is False and not made._device.backend.shares_memory(made._array, source):
        raise ValueError(f"asarray: copy=False, but this needs a copy (dtype {made.dtype}, device {made._device})")
    return made


def _convert(name: str, data: Any, dtype: Any, where: str | device | None, copy: bool | None) -> Tensor:
    dev = current_device() if where is None else device(where)
    wanted = None if dtype is None else as_dtype(dtype)
    array_type: Any = dev.backend.array_type
    if not isinstance(data, (Tensor, np.ndarray, array_type)):
        data = _from_python(name, data, wanted)
    if wanted is not None and data.dtype.kind == "c" and wanted.kind != "c":
        raise DTypeError(f"{name}: {data.dtype} to {wanted} would lose the imaginary part; take the real part first")
    if isinstance(data, Tensor):
        if data._requires_grad and copy is not True:
            raise RuntimeError(
                f"{name}: the tensor requires grad; use x.detach() to leave the graph, x.to() to stay in it"
            )
        if data._device is dev:
            array = data._array if wanted is None else data._device.backend.xp.astype(data._array, wanted, copy=False)
            if copy is True and array is data._array:
                array = data._device.backend.xp.asarray(array, copy=True)
            return wrap(array, dev, data._version if array is data._array else None)
        data = data.numpy()
    elif isinstance(data, array_type):
        as_dtype(data.dtype)
        xp = dev.backend.xp
        return wrap(xp.asarray(data, dtype=wanted, copy=copy if copy else None), dev)
    as_dtype(data.dtype)
    return wrap(dev.backend.from_host(data, wanted, copy if copy else None), dev)


def _from_python(name: str, data: Any, wanted: np.dtype[Any] | None) -> np.ndarray[Any, Any]:
    """Numbers and nested sequences as a host array.

    Without a wanted dtype, Python floats become float32, the rest is as in NumPy.
    """
    if isinstance(data, (list, tuple)):
        data = _on_host(data)
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"{name}: data is not a rectangular array of numbers: {error}") from error
    if array.dtype.kind == "O" and not isinstance(data, np.ndarray):
        _check_object(name, array)
    if array.dtype.kind not in "biufc":
        raise DTypeError(f"{name}: expected numbers, got {type(data).__name__} (as an array: dtype {array.dtype})")
    if isinstance(data, np.generic) or hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return array  # it had a dtype of its own: keep that
    if wanted is not None:
        if wanted.kind in "iu" and array.dtype.kind in "iu":
            _check_range(name, array, wanted)
        return array
    if array.dtype == np.float64 and not _mentions_numpy(data):
        return array.astype(np.float32)
    if array.dtype == np.complex128 and not _mentions_numpy(data):
        return array.astype(np.complex64)
    return array


def _on_host(data: Any) -> Any:
    """Nested sequences with the tensors in them as NumPy arrays."""
    if isinstance(data, Tensor):
        return data.numpy()
    if isinstance(data, (list, tuple)) and _mentions_numpy(data):
        return [_on_host(item) for item in data]
    return data


def _check_range(name: str, array: np.ndarray[Any, Any], wanted: np.dtype[Any]) -> None:
    limits = np.iinfo(wanted)
    for value in (array.min(initial=0), array.max(initial=0)):
        if not limits.min <= int(value) <= limits.max:
            raise OverflowError(f"{name}: {value} does not fit into {wanted}")


def _check_object(name: str, array: np.ndarray[Any, Any]) -> None:
    """An array of objects may be nothing but Python ints of which one is too large: say so then."""
    values = array.reshape(-1).tolist()
    if values and all(isinstance(value, int) for value in values):
        largest = max(values, key=abs)
        raise OverflowError(f"{name}: {largest} does not fit into any integer dtype")


def _mentions_numpy(data: Any) -> bool:
    """Whether nested sequences hold NumPy values, whose dtype is then meant."""
    if isinstance(data, (list, tuple)):
        return any(_mentions_numpy(item) for item in data)
    return isinstance(data, (np.ndarray, np.generic, Tensor))


def _rebuild(kind: type[Tensor], values: np.ndarray[Any, Any], where: str, requires_grad: bool) -> Tensor:
    dev = device(where)
    made = wrap(dev.backend.from_host(values), dev)
    if kind is not Tensor:
        made = retype(made, kind)
    made._requires_grad = requires_grad
    return made


def retype(t: Tensor, kind: type[Tensor]) -> Tensor:
    """The same tensor as an instance of a subclass that adds no storage (Parameter)."""
    made: Tensor = object.__new__(kind)
    made._array, made._device, made._version = t._array, t._device, t._version
    made._grad = made._grad_buffer = made._node = None
    made._requires_grad = t._requires_grad
    return made
