"""Truth: logical functions, what is finite, and any and all over axes. Results are outside the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcore._tensor import Tensor
from dlcore.autograd import different_devices
from dlcore.ops._common import as_tensor, axes_of, check_broadcast, plain

if TYPE_CHECKING:
    from dlcore._tensor import Axis

__all__ = [
    "all",
    "any",
    "count_nonzero",
    "isfinite",
    "isinf",
    "isnan",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
]


def _two(name: str, function: Callable[[Any, Any], Any], meaning: str) -> Callable[[Any, Any], Tensor]:
    def combine(x: Any, y: Any) -> Tensor:
        tensors = [a for a in (x, y) if isinstance(a, Tensor)]
        if not tensors:
            raise TypeError(f"{name}: one of x and y must be a Tensor, got {type(x).__name__} and {type(y).__name__}")
        for argument, a in (("x", x), ("y", y)):
            if not isinstance(a, (Tensor, bool, int, float, complex, np.generic)):
                as_tensor(name, argument, a)
        if tensors[0]._device is not tensors[-1]._device:
            raise different_devices(name, (x, y))
        check_broadcast(name, x, y)
        return plain(tensors[0], function(*[_truth(a._array) if isinstance(a, Tensor) else bool(a) for a in (x, y)]))

    combine.__name__ = combine.__qualname__ = name
    combine.__doc__ = f"""Whether {meaning}, element by element with broadcasting; what is not 0 is true.

    Args:
        x, y: tensors of any dtypes and of shapes that broadcast together, or one of them a Python number.

    Raises:
        ShapeError, DeviceError: as `add`.

    >>> dl.{name}(dl.tensor([True, False]), dl.tensor([True, True])).shape
    (2,)
    """
    return combine


logical_and = _two("logical_and", lambda x, y: x & y, "both x and y are true")
logical_or = _two("logical_or", lambda x, y: x | y, "x or y or both are true")
logical_xor = _two("logical_xor", lambda x, y: x ^ y, "one of x and y is true, but not both")


def logical_not(x: Tensor) -> Tensor:
    """Whether x is false, which is 0, element by element.

    >>> dl.logical_not(dl.tensor([True, False]))
    tensor([False,  True])
    """
    x = as_tensor("logical_not", "x", x)
    return plain(x, x._array == 0)


def _test(name: str, meaning: str) -> Callable[[Tensor], Tensor]:
    def test(x: Tensor) -> Tensor:
        x = as_tensor(name, "x", x)
        xp = x._device.backend.xp
        if x.dtype.kind in "fc":
            return plain(x, getattr(xp, name)(x._array))
        return plain(x, xp.full(x.shape, name == "isfinite", dtype=np.bool_))

    test.__name__ = test.__qualname__ = name
    test.__doc__ = f"""Whether each element {meaning}, as a bool tensor.

    >>> dl.{name}(dl.tensor([1.0, float("nan"), float("inf")])).shape
    (3,)
    """
    return test


isnan = _test("isnan", "is NaN (or one of its parts, of a complex number)")
isinf = _test("isinf", "is infinite, with either sign (or one of its parts, of a complex number)")
isfinite = _test("isfinite", "is neither NaN nor infinite")


def any(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether an element along `axis` is true, which is not 0; False over nothing.

    Args:
        x: a tensor.
        axis: an int, a tuple of ints, or None for all axes.
        keepdims: keep the reduced axes with size 1.

    Raises:
        ShapeError: an axis that x does not have, or one given twice.

    >>> dl.any(dl.tensor([[True, False], [False, False]]), axis=1)
    tensor([ True, False])
    """
    return _over("any", x, axis, keepdims)


def all(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all elements along `axis` are true; True over nothing. Arguments and errors as `any`.

    >>> dl.all(dl.tensor([[True, True], [False, True]]), axis=1)
    tensor([ True, False])
    """
    return _over("all", x, axis, keepdims)


def _over(name: str, x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    x = as_tensor(name, "x", x)
    axes, xp = axes_of(name, axis, x.ndim), x._device.backend.xp
    if not axes:
        return plain(x, x._array != 0)
    return plain(x, getattr(xp, name)(_truth(x._array), axis=axes, keepdims=keepdims))


def count_nonzero(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """How many elements along `axis` are not 0, as int64. Arguments and errors as `any`.

    >>> dl.count_nonzero(dl.tensor([[0.0, 1.0], [2.0, 3.0]]), axis=1)
    tensor([1, 2])
    """
    x = as_tensor("count_nonzero", "x", x)
    axes = axes_of("count_nonzero", axis, x.ndim)
    return plain(x, x._device.backend.sum(_truth(x._array), axes, keepdims))


def _truth(x: Any) -> Any:
    return x if x.dtype.kind == "b" else x != 0
