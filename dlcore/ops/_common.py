"""What several families of operations share: arguments made tensors of one dtype, gradients made to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dlcore import _dtypes
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, wrap
from dlcore.autograd import Function, different_devices

if TYPE_CHECKING:
    from dlcore._dtypes import DType

_T = TypeVar("_T")
_SCALARS = (bool, int, float, complex)


def as_tensor(name: str, argument: str, x: Any) -> Tensor:
    """`x` itself if it is a tensor, else an error that names the operation and the argument."""
    if isinstance(x, Tensor):
        return x
    hint = "; use dl.asarray(x)" if hasattr(x, "__array__") or isinstance(x, (list, tuple)) else ""
    raise TypeError(f"{name}: {argument} must be a Tensor, got {type(x).__name__}{hint}")


def float_tensor(name: str, x: Any) -> Tensor:
    """A tensor of float or complex dtype; integers become float32."""
    if not isinstance(x, Tensor):
        x = as_tensor(name, "x", x)
    return x if x._array.dtype.kind in "fc" else cast(x, _dtypes.DEFAULT_FLOAT)


def pair(name: str, x: Any, y: Any, inexact: bool = False) -> tuple[Any, Any]:
    """Two operands ready for the array namespace: tensors of one dtype, or a tensor and a Python number.

    A Python number never widens an array, but a float with an integer array gives float32. At least
    one operand must be a tensor. With `inexact`, integers become float32.
    """
    if isinstance(x, Tensor):
        if isinstance(y, Tensor):
            if x._array.dtype != y._array.dtype:
                common = _dtypes.result_type(name, x._array.dtype, y._array.dtype)
                x, y = cast(x, common), cast(y, common)
            if inexact and x._array.dtype.kind not in "fc":
                x, y = cast(x, _dtypes.DEFAULT_FLOAT), cast(y, _dtypes.DEFAULT_FLOAT)
            return x, y
        return _with_number(name, "y", x, y, inexact)
    if isinstance(y, Tensor):
        y, x = _with_number(name, "x", y, x, inexact)
        return x, y
    raise TypeError(f"{name}: one of x and y must be a Tensor, got {type(x).__name__} and {type(y).__name__}")


def _with_number(name: str, argument: str, x: Tensor, number: Any, inexact: bool) -> tuple[Tensor, Any]:
    if isinstance(number, np.generic):
        number = number.item()
    kind = x._array.dtype.kind
    if isinstance(number, float):
        return (x if kind in "fc" else cast(x, _dtypes.DEFAULT_FLOAT)), number
    if isinstance(number, complex):
        if kind == "c":
            return x, number
        return cast(x, _dtypes.complex128 if x._array.dtype == _dtypes.float64 else _dtypes.complex64), number
    if not isinstance(number, _SCALARS):
        as_tensor(name, argument, number)
    if inexact and kind not in "fc":
        return cast(x, _dtypes.DEFAULT_FLOAT), number
    if kind == "b" and not isinstance(number, bool):
        x = cast(x, _dtypes.int64)
    elif kind in "iu":
        limits = np.iinfo(x._array.dtype)
        if not limits.min <= number <= limits.max:
            raise OverflowError(f"{name}: {argument}={number} does not fit into {x.dtype}")
    return x, number


class Cast(Function):
    """Another dtype. The gradient goes back in the input's own, without its imaginary part if that is real."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype

    def forward(self, x: Any) -> Any:
        self.before = x.dtype
        if x.dtype.kind == "c" and self.dtype.kind != "c":
            raise DTypeError(f"astype: {x.dtype} to {self.dtype} would lose the imaginary part; use dl.real(x)")
        return self.backend.cast(x, self.dtype)

    def backward(self, grad: Tensor) -> Tensor:
        if self.before.kind != "c" and grad.dtype.kind == "c":
            grad = Real()(grad)
        return cast(grad, self.before)


def cast(x: Tensor, dtype: DType) -> Tensor:
    """`x` in another dtype, or `x` itself if it has that already."""
    if x._array.dtype == dtype:
        return x
    if dtype.kind in "fc":
        return Cast(dtype)(x)
    if x._array.dtype.kind == "c":
        raise DTypeError(f"astype: {x.dtype} to {dtype} would lose the imaginary part; use dl.real(x)")
    return plain(x, x._device.backend.xp.astype(x._array, dtype))


class Real(Function):
    """The real part; its gradient is real, and so is a complex number with imaginary part 0."""

    is_view = True

    def forward(self, x: Any) -> Any:
        return self.xp.real(x)

    def backward(self, grad: Tensor) -> Tensor:
        return cast(grad, _dtypes.complex128 if grad.dtype == _dtypes.float64 else _dtypes.complex64)


class Imag(Function):
    """The imaginary part; under PyTorch's conjugate convention its gradient is i * grad."""

    is_view = True

    def forward(self, x: Any) -> Any:
        return self.xp.imag(x)

    def backward(self, grad: Tensor) -> Tensor:
        return cast(grad, _dtypes.complex128 if grad.dtype == _dtypes.float64 else _dtypes.complex64) * 1j


class Conj(Function):
    def forward(self, x: Any) -> Any:
        return self.xp.conj(x)

    def backward(self, grad: Tensor) -> Tensor:
        return conjugate(grad)


def conjugate(x: _T) -> _T:
    """The complex conjugate; a real tensor or number is returned as it is."""
    if isinstance(x, Tensor):
        return Conj()(x) if x._array.dtype.kind == "c" else x  # type: ignore[return-value]
    return x.conjugate() if isinstance(x, complex) else x  # type: ignore[return-value]


def plain(like: Tensor, array: Any) -> Tensor:
    """A tensor outside the graph, on the device of `like`, from what the namespace returned."""
    backend = like._device.backend
    return wrap(array if isinstance(array, backend.array_type) else backend.xp.asarray(array), like._device)


def refuse(name: str, x: Any, y: Any, kinds: str) -> None:
    """Raise DTypeError if the operands, of one dtype already, are of one of the `kinds`."""
    dtype = x._array.dtype if isinstance(x, Tensor) else y._array.dtype
    if dtype.kind in kinds:
        raise DTypeError(f"{name}: not defined for {dtype}" + ("; convert with astype" if dtype.kind == "b" else ""))


def constant(name: str, function: str, x: Any, y: Any, refused: str = "") -> Tensor:
    """A two-argument function of the namespace that has no gradient, such as a comparison."""
    x, y = pair(name, x, y)
    if refused:
        refuse(name, x, y, refused)
    like = x if isinstance(x, Tensor) else y
    if isinstance(x, Tensor) and isinstance(y, Tensor) and x._device is not y._device:
        raise different_devices(name, (x, y))
    check_broadcast(name, x, y)
    call = getattr(like._device.backend.xp, function)
    return plain(like, call(raw(x), raw(y)))


def check_number(name: str, argument: str, number: Any, dtype: DType) -> Any:
    """A Python (or NumPy) number that is to be written as `dtype`, or an error if that cannot hold it."""
    if isinstance(number, np.generic):
        number = number.item()
    if not isinstance(number, _SCALARS):
        raise TypeError(f"{name}: {argument} must be a number, got {type(number).__name__}")
    if (isinstance(number, complex) and dtype.kind != "c") or (isinstance(number, float) and dtype.kind not in "fc"):
        raise DTypeError(f"{name}: {argument}={number!r} does not fit into {dtype}")
    if dtype.kind in "iu" and isinstance(number, int):
        limits = np.iinfo(dtype)
        if not limits.min <= number <= limits.max:
            raise OverflowError(f"{name}: {argument}={number} does not fit into {dtype}")
    return number


def raw(x: Any) -> Any:
    """The array of a tensor; anything else as it is."""
    return x._array if isinstance(x, Tensor) else x


def check_broadcast(name: str, *operands: Any) -> tuple[int, ...]:
    """The common shape of tensors (and numbers), or a ShapeError that shows all of theirs."""
    shapes = [x.shape for x in operands if isinstance(x, Tensor)]
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        shown = " and ".join(str(shape) for shape in shapes)
        raise ShapeError(f"{name}: shapes {shown} do not broadcast together") from None


def shape_of(name: str, shape: Any) -> tuple[int, ...]:
    """A shape argument, an int or a sequence of ints, as a tuple of ints."""
    if hasattr(shape, "__index__"):
        return (shape.__index__(),)
    try:
        return tuple([size.__index__() for size in shape])
    except (TypeError, AttributeError):
        raise TypeError(f"{name}: shape must be an int or a sequence of ints, got {shape!r}") from None


def axes_of(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis` (None, an int or a tuple) as distinct non-negative ints."""
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = []
    for item in given:
        if isinstance(item, bool) or not hasattr(item, "__index__"):
            raise TypeError(f"{name}: axis must be an int, a tuple of ints or None, got {axis!r}")
        position = item.__index__()
        if not -ndim <= position < ndim:
            raise ShapeError(f"{name}: axis {position} is out of range for a tensor with {ndim} dimension(s)")
        found.append(position % ndim)
    if len(set(found)) != len(found):
        raise ShapeError(f"{name}: axis {axis} names a dimension twice")
    return tuple(found)
