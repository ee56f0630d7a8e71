"""New tensors from nothing, and the same values in another dtype or on another device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore import _dtypes
from dlcore._device import current_device
from dlcore._device import device as device_
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, wrap
from dlcore.autograd import Function
from dlcore.ops._common import as_tensor, cast, check_number, shape_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "arange", "astype", "empty", "empty_like", "eye", "full", "full_like", "linspace", "ones", "ones_like", "zeros",
    "zeros_like",
]  # fmt: skip


def zeros(
    shape: int | Sequence[int], *, dtype: Any = None, device: str | device_ | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of zeros.

    Args:
        shape: an int or a sequence of ints.
        dtype: default float32.
        device: default the current device.
        requires_grad: record operations on it.

    >>> dl.zeros((2, 2))
    tensor([[0., 0.],
            [0., 0.]])
    """
    return _filled("zeros", shape, 0, _dtypes.DEFAULT_FLOAT if dtype is None else dtype, device, requires_grad)


def ones(
    shape: int | Sequence[int], *, dtype: Any = None, device: str | device_ | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones; arguments as `zeros`.

    >>> dl.ones(3)
    tensor([1., 1., 1.])
    """
    return _filled("ones", shape, 1, _dtypes.DEFAULT_FLOAT if dtype is None else dtype, device, requires_grad)


def full(
    shape: int | Sequence[int],
    fill_value: bool | int | float | complex,
    *,
    dtype: Any = None,
    device: str | device_ | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor filled with a number; the dtype defaults to that of the number (float: float32, int: int64).

    >>> dl.full((2,), 7)
    tensor([7, 7])
    """
    return _filled("full", shape, fill_value, dtype, device, requires_grad)


def _filled(
    name: str, shape: Any, fill_value: Any, dtype: Any, device: str | device_ | None, requires_grad: bool
) -> Tensor:
    sizes, kind, dev = _place(name, shape, type(fill_value) if dtype is None else dtype, device)
    fill_value = check_number(name, "fill_value", fill_value, kind)
    made = wrap(dev.backend.xp.full(sizes, fill_value, dtype=kind), dev)
    if requires_grad:
        made.requires_grad = True
    return made


def _place(name: str, shape: Any, dtype: Any, device: Any) -> tuple[tuple[int, ...], np.dtype[Any], device_]:
    """Shape, dtype and device of a new tensor, checked."""
    sizes = shape_of(name, shape)
    if any(size < 0 for size in sizes):
        raise ShapeError(f"{name}: sizes must be >= 0, got {sizes}")
    return sizes, _dtypes.as_dtype(dtype), current_device() if device is None else device_(device)


def empty(
    shape: int | Sequence[int], *, dtype: Any = None, device: str | device_ | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor whose values are whatever the memory held: to be filled. Arguments as `zeros`.

    >>> dl.empty((2, 3)).shape
    (2, 3)
    """
    sizes, kind, dev = _place("empty", shape, _dtypes.DEFAULT_FLOAT if dtype is None else dtype, device)
    made = wrap(dev.backend.xp.empty(sizes, dtype=kind), dev)
    if requires_grad:
        made.requires_grad = True
    return made


def empty_like(x: Tensor, *, dtype: Any = None, device: str | device_ | None = None) -> Tensor:
    """As `empty`, with the shape and, unless given, dtype and device of x.

    >>> dl.empty_like(dl.tensor([1, 2])).dtype
    dtype('int64')
    """
    x = as_tensor("empty_like", "x", x)
    return empty(x.shape, dtype=x.dtype if dtype is None else dtype, device=x.device if device is None else device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    *,
    k: int = 0,
    dtype: Any = None,
    device: str | device_ | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A matrix with ones on a diagonal, zeros elsewhere.

    Args:
        n_rows, n_cols: the size; one number makes a square.
        k: which diagonal: 0 the main one, positive above, negative below.
        dtype: default float32.

    Raises:
        ShapeError: a negative size.

    >>> dl.eye(2, 3, k=1)
    tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    for argument, number in (("n_rows", n_rows), ("n_cols", 0 if n_cols is None else n_cols), ("k", k)):
        if isinstance(number, bool) or not hasattr(number, "__index__"):
            raise TypeError(f"eye: {argument} must be an int, got {number!r}")
    shape = (n_rows, n_rows if n_cols is None else n_cols)
    (rows, columns), kind, dev = _place("eye", shape, _dtypes.DEFAULT_FLOAT if dtype is None else dtype, device)
    offset = max(-rows, min(k.__index__(), columns))  # farther out there is nothing, and no number is too large
    made = wrap(dev.backend.xp.eye(rows, columns, offset, dtype=kind), dev)
    if requires_grad:
        made.requires_grad = True
    return made


def zeros_like(x: Tensor, *, dtype: Any = None, device: str | device_ | None = None) -> Tensor:
    """Zeros with the shape and, unless given, dtype and device of x.

    >>> dl.zeros_like(dl.tensor([1, 2]))
    tensor([0, 0])
    """
    return _filled_like("zeros_like", x, 0, dtype, device)


def ones_like(x: Tensor, *, dtype: Any = None, device: str | device_ | None = None) -> Tensor:
    """Ones with the shape and, unless given, dtype and device of x.

    >>> dl.ones_like(dl.tensor([1.5, 2.5]))
    tensor([1., 1.])
    """
    return _filled_like("ones_like", x, 1, dtype, device)


def full_like(
    x: Tensor,
    fill_value: bool | int | float | complex,
    *,
    dtype: Any = None,
    device: str | device_ | None = None,
) -> Tensor:
    """A number in every place, with the shape and, unless given, dtype and device of x.

    >>> dl.full_like(dl.tensor([1.5, 2.5]), 3)
    tensor([3., 3.])
    """
    return _filled_like("full_like", x, fill_value, dtype, device)


def _filled_like(name: str, x: Tensor, fill_value: Any, dtype: Any, device: str | device_ | None) -> Tensor:
    x = as_tensor(name, "x", x)
    kind, where = x.dtype if dtype is None else dtype, x.device if device is None else device
    return _filled(name, x.shape, fill_value, kind, where, False)


def arange(
    start: int | float,
    stop: int | float | None = None,
    step: int | float = 1,
    *,
    dtype: Any = None,
    device: str | device_ | None = None,
) -> Tensor:
    """start, start + step, ... up to but without `stop`; with one argument 0, 1, ... up to it.

    The dtype defaults to int64 for ints and float32 otherwise.

    >>> dl.arange(2, 8, 2)
    tensor([2, 4, 6])
    """
    if stop is None:
        start, stop = 0, start
    for argument, number in (("start", start), ("stop", stop), ("step", step)):
        if not isinstance(number, (int, float, np.integer, np.floating)):
            raise TypeError(f"arange: {argument} must be a real number, got {number!r}")
        if not math.isfinite(number):
            raise ValueError(f"arange: {argument} must be finite, got {number}")
    if step == 0:
        raise ValueError("arange: step must not be 0")
    whole = all(isinstance(number, (int, np.integer)) for number in (start, stop, step))
    kind = _dtypes.as_dtype(dtype) if dtype is not None else _dtypes.int64 if whole else _dtypes.DEFAULT_FLOAT
    if kind.kind not in "iuf":
        raise DTypeError(f"arange: dtype must be an integer or float dtype, got {kind}")
    dev = current_device() if device is None else device_(device)
    return wrap(dev.backend.xp.arange(start, stop, step, dtype=kind), dev)


def linspace(
    start: int | float,
    stop: int | float,
    num: int,
    *,
    dtype: Any = None,
    device: str | device_ | None = None,
    endpoint: bool = True,
) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`.

    Args:
        num: how many.
        dtype: a float dtype, default float32; steps are computed in float64.
        endpoint: whether `stop` is the last of them, or would be the next.

    Raises:
        ValueError: a negative `num`, or ends that are not finite.
        DTypeError: a dtype that is not float.

    >>> dl.linspace(0, 1, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    for argument, number in (("start", start), ("stop", stop)):
        if not isinstance(number, (int, float, np.integer, np.floating)):
            raise TypeError(f"linspace: {argument} must be a real number, got {number!r}")
        if not math.isfinite(number):
            raise ValueError(f"linspace: {argument} must be finite, got {number}")
    if isinstance(num, bool) or not hasattr(num, "__index__"):
        raise TypeError(f"linspace: num must be an int, got {num!r}")
    if num < 0:
        raise ValueError(f"linspace: num must be >= 0, got {num}")
    kind = _dtypes.DEFAULT_FLOAT if dtype is None else _dtypes.as_dtype(dtype)
    if kind.kind != "f":
        raise DTypeError(f"linspace: dtype must be a float dtype, got {kind}")
    dev = current_device() if device is None else device_(device)
    made = dev.backend.xp.linspace(float(start), float(stop), num.__index__(), endpoint=bool(endpoint), dtype=kind)
    return wrap(made, dev)


def astype(x: Tensor, dtype: Any) -> Tensor:
    """The values in another dtype; x itself if it has that dtype. Differentiable between floats.

    Raises:
        DTypeError: complex to real, which would lose the imaginary part.

    >>> dl.astype(dl.tensor([1.7, -1.7]), "int64")
    tensor([ 1, -1])
    """
    return cast(as_tensor("astype", "x", x), _dtypes.as_dtype(dtype))


class ToDevice(Function):
    """A copy on another device, by way of the host; the gradient travels back."""

    def __init__(self, target: device_) -> None:
        self.target = target

    def __call__(self, *inputs: Any) -> Tensor:
        out = super().__call__(*inputs)
        out._device = self.target
        return out

    def forward(self, x: Any) -> Any:
        return self.target.backend.from_host(self.backend.to_host(x), copy=True)

    def _as_array(self, result: Any) -> Any:
        return result  # of the other device

    def backward(self, grad: Tensor) -> Tensor:
        return ToDevice(self.device)(grad)


def to(x: Tensor, target: Any) -> Tensor:
    """x on another device, or in another dtype; x itself if nothing changes. Differentiable.

    Args:
        target: a device or its name, or a dtype or its name.

    >>> dl.tensor([1.0]).to("float64").dtype
    dtype('float64')
    """
    if isinstance(target, device_):
        where = target
    elif isinstance(target, str) and not _is_dtype(target):
        where = device_(target)
    else:
        return cast(x, _dtypes.as_dtype(target))
    return x if where is x._device else ToDevice(where)(x)


def _is_dtype(name: str) -> bool:
    try:
        _dtypes.as_dtype(name)
    except TypeError:
        return False
    return True
