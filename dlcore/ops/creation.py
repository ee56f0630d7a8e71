"""New tensors from nothing, and the same values in another dtype or on another device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlcore import _dtypes
from dlcore._device import current_device
from dlcore._device import device as device_
from dlcore._errors import ShapeError
from dlcore._tensor import Tensor, wrap
from dlcore.autograd import Function
from dlcore.ops._common import as_tensor, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["arange", "astype", "full", "full_like", "ones", "ones_like", "zeros", "zeros_like"]


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
    return full(shape, 0, dtype=dtype or _dtypes.DEFAULT_FLOAT, device=device, requires_grad=requires_grad)


def ones(
    shape: int | Sequence[int], *, dtype: Any = None, device: str | device_ | None = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones; arguments as `zeros`.

    >>> dl.ones(3)
    tensor([1., 1., 1.])
    """
    return full(shape, 1, dtype=dtype or _dtypes.DEFAULT_FLOAT, device=device, requires_grad=requires_grad)


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
    sizes = (shape,) if isinstance(shape, int) else tuple([size.__index__() for size in shape])
    if any(size < 0 for size in sizes):
        raise ShapeError(f"full: sizes must be >= 0, got {sizes}")
    dev = current_device() if device is None else device_(device)
    kind = _dtypes.as_dtype(type(fill_value) if dtype is None else dtype)
    made = wrap(dev.backend.xp.full(sizes, fill_value, dtype=kind), dev)
    if requires_grad:
        made.requires_grad = True
    return made


def zeros_like(x: Tensor, *, dtype: Any = None) -> Tensor:
    """Zeros with the shape, device and, unless given, dtype of x.

    >>> dl.zeros_like(dl.tensor([1, 2]))
    tensor([0, 0])
    """
    return full_like(x, 0, dtype=dtype)


def ones_like(x: Tensor, *, dtype: Any = None) -> Tensor:
    """Ones with the shape, device and, unless given, dtype of x.

    >>> dl.ones_like(dl.tensor([1.5, 2.5]))
    tensor([1., 1.])
    """
    return full_like(x, 1, dtype=dtype)


def full_like(x: Tensor, fill_value: bool | int | float | complex, *, dtype: Any = None) -> Tensor:
    """A number in every place, with the shape, device and, unless given, dtype of x.

    >>> dl.full_like(dl.tensor([1.5, 2.5]), 3)
    tensor([3., 3.])
    """
    x = as_tensor("full_like", "x", x)
    return full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype, device=x.device)


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
    if step == 0:
        raise ValueError("arange: step must not be 0")
    whole = all(isinstance(number, int) for number in (start, stop, step))
    kind = _dtypes.as_dtype(dtype) if dtype is not None else _dtypes.int64 if whole else _dtypes.DEFAULT_FLOAT
    dev = current_device() if device is None else device_(device)
    return wrap(dev.backend.xp.arange(start, stop, step, dtype=kind), dev)


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

    def forward(self, x: Any) -> Any:
        assert self.target is not None
        return self.target.backend.from_host(self.backend.to_host(x), copy=True)

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
