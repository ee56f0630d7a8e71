"""What the case tables are written with: a case, the table, arrays with unusual strides, and a device's own mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dlcore.backend import PhiloxCounter

Array = Any
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Case(NamedTuple):
    """A function of a random generator that gives the arguments; `in_place`: the positions that are changed."""

    name: str
    make: Callable[[np.random.Generator], Arguments]
    in_place: tuple[int, ...] = ()


class OwnMask(NamedTuple):
    """An argument: what the device's own `dropout_forward` keeps for the backward pass, here of zeros like `x`."""

    x: Array
    p: float
    counter: PhiloxCounter


CASES: dict[str, list[Case]] = {}


def add(
    primitive: str, name: str, make: Callable[[np.random.Generator], Arguments], in_place: tuple[int, ...] = ()
) -> None:
    CASES.setdefault(primitive, []).append(Case(name, make, in_place))


# --- arrays -------------------------------------------------------------------------------------


def in_order(x: Array, order: tuple[int, ...]) -> Array:
    """`x` with its axes in this order in memory."""
    inverse = [order.index(axis) for axis in range(x.ndim)]
    return np.ascontiguousarray(x.transpose(order)).transpose(inverse)


def _sparse(x: Array) -> Array:
    """`x` as every second element of a larger array, along every axis."""
    larger = np.full(tuple(2 * size for size in x.shape), 7, x.dtype)
    larger[tuple(slice(None, None, 2) for _ in x.shape)] = x
    return larger[tuple(slice(None, None, 2) for _ in x.shape)]


def _read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda x: x,
    "reversed": lambda x: np.ascontiguousarray(x[(slice(None, None, -1),) * x.ndim])[(slice(None, None, -1),) * x.ndim],
    "every second": _sparse,
    "Fortran order": lambda x: in_order(x, tuple(reversed(range(x.ndim)))),
    "read-only": _read_only,
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),  # as the gradient of a sum is
}
LAYOUTS_4D = LAYOUTS | {
    "channels first": lambda x: in_order(x, (1, 0, 2, 3)),
    "batch inner": lambda x: in_order(x, (1, 2, 3, 0)),
    "channels last": lambda x: in_order(x, (0, 2, 3, 1)),
}
DTYPES = ("float32", "float64", "float16")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def variants(layouts: dict[str, Any]) -> list[tuple[str, str]]:
    """(dtype, layout): every dtype, and in float32 every layout."""
    return [(dtype, "contiguous") for dtype in DTYPES] + [
        ("float32", layout) for layout in layouts if layout != "contiguous"
    ]


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "float32", layout: str = "contiguous") -> Any:
    return LAYOUTS_4D[layout](np.asarray(rng.normal(size=shape), dtype))
