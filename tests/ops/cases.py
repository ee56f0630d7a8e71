"""One table of every operation: how to call it here, in NumPy and in PyTorch, and the inputs to try it on.

`OPS` is read by the tests of values, gradients and bad input, and by the comparison with PyTorch. An
operation of `dlcore.ops` that has no entry fails `test_values.py::test_every_operation_is_in_the_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import dlcore as dl
from dlcore import ops

Array = npt.NDArray[Any]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
ALL = ("bool", *INTEGERS, *FLOATS, *COMPLEX)


@dataclass(frozen=True)
class In:
    """An array argument. `domain` says which values it takes, `layout` how it lies in memory."""

    shape: tuple[int, ...]
    domain: str = "any"
    layout: str = "plain"
    dtype: str | None = None  # fixed, whatever dtype the test runs in

    def build(self, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        if self.layout == "transposed":
            return _values(rng, self.shape[::-1], self.domain, self.dtype or dtype).transpose()
        if self.layout == "negative":
            return _values(rng, self.shape, self.domain, self.dtype or dtype)[
                (slice(None, None, -1),) * len(self.shape)
            ]
        if self.layout == "strided":
            wide = (*self.shape[:-1], 2 * self.shape[-1])
            return _values(rng, wide, self.domain, self.dtype or dtype)[..., ::2]
        if self.layout == "broadcast":
            return np.broadcast_to(_values(rng, (1, *self.shape[1:]), self.domain, self.dtype or dtype), self.shape)
        assert self.layout == "plain", self.layout
        return _values(rng, self.shape, self.domain, self.dtype or dtype)


def _values(rng: np.random.Generator, shape: tuple[int, ...], domain: str, dtype: npt.DTypeLike) -> Array:
    return np.asarray(_drawn(rng, shape, domain, dtype))  # NumPy draws scalars for shape ()


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], domain: str, dtype: npt.DTypeLike) -> Any:
    kind = np.dtype(dtype).kind
    size = int(np.prod(shape))
    if domain == "bool":
        return rng.random(shape) < 0.5
    if domain.startswith("index"):  # "index5": integers in -5..4
        limit = int(domain.removeprefix("index"))
        return rng.integers(-limit, limit, shape).astype(dtype)
    if domain.startswith("label"):  # "label5": integers in 0..4
        return rng.integers(0, int(domain.removeprefix("label")), shape).astype(dtype)
    if domain == "distinct":  # far enough apart for finite differences not to change their order
        magnitude = (rng.permutation(size).reshape(shape) - size / 2) * 0.25 + 0.1
    elif domain == "positive":
        magnitude = rng.uniform(0.4, 2.5, shape)
    elif domain == "unit":
        magnitude = rng.uniform(0.1, 0.9, shape) * rng.choice([-1.0, 1.0], shape)
    elif domain == "above one":
        magnitude = rng.uniform(1.2, 3.0, shape)
    else:  # "any": of both signs, but not near 0, where many functions have a kink or a pole
        assert domain == "any", domain
        magnitude = rng.uniform(0.4, 2.5, shape) * rng.choice([-1.0, 1.0], shape)
    if kind == "b":
        return magnitude > np.median(magnitude) if size else magnitude > 0
    if kind in "iu":
        whole = np.rint(magnitude * 3)
        return (np.abs(whole) if kind == "u" else whole).astype(dtype)
    if kind == "c":
        return (magnitude + 1j * rng.uniform(0.4, 2.5, shape)).astype(dtype)
    return np.asarray(magnitude, dtype=dtype)


@dataclass(frozen=True)
class Case:
    """Arguments of one call: arrays (`In`) and Python numbers, then keywords."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)

    def arrays(self, rng: np.random.Generator, dtype: npt.DTypeLike) -> list[Any]:
        return [a.build(rng, dtype) if isinstance(a, In) else a for a in self.arguments]

    def varies(self) -> list[bool]:
        """Which arguments have the test's dtype, and so a gradient."""
        return [isinstance(a, In) and a.dtype is None and a.domain != "bool" for a in self.arguments]


@dataclass(frozen=True)
class Op:
    """An operation: `here`, `numpy` and `torch` take the arguments of a case; `torch` the module first.

    `dtypes` are the dtypes it takes; `result` gives the dtype it returns for one of them.
    """

    name: str
    here: Callable[..., Any]
    numpy: Callable[..., Any]
    cases: tuple[Case, ...]
    torch: Callable[..., Any] | None = None
    dtypes: tuple[str, ...] = ALL
    result: Callable[[np.dtype[Any]], npt.DTypeLike] = lambda dtype: dtype
    differentiable: bool = True
    inexact: bool = False  # a float function: integers are computed in float32

    @property
    def float_dtypes(self) -> tuple[str, ...]:
        return tuple(d for d in ("float64", "complex128") if d in self.dtypes)


def same(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype


def as_float(dtype: np.dtype[Any]) -> npt.DTypeLike:
    return dtype if dtype.kind in "fc" else "float32"


def as_sum(dtype: np.dtype[Any]) -> npt.DTypeLike:
    return {"b": "int64", "i": "int64", "u": "uint64"}.get(dtype.kind, dtype)


def as_real(dtype: np.dtype[Any]) -> npt.DTypeLike:
    return {"complex64": "float32", "complex128": "float64"}.get(str(dtype), dtype)


def as_bool(dtype: np.dtype[Any]) -> str:
    return "bool"


def wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compute float16 in float32, as sums and products here do."""

    def computed(*arrays: Any, **keywords: Any) -> Any:
        return function(
            *[a.astype("float32") if getattr(a, "dtype", None) == np.float16 else a for a in arrays], **keywords
        )

    return computed


REAL = ("bool", *INTEGERS, *FLOATS)
NUMERIC = (*INTEGERS, *FLOATS, *COMPLEX)
ORDERED = (*INTEGERS, *FLOATS)


def unary(domain: str = "any") -> tuple[Case, ...]:
    return (
        Case("matrix", (In((3, 4), domain),)),
        Case("scalar", (In((), domain),)),
        Case("empty", (In((0,), domain),)),
        Case("zero batch", (In((0, 3), domain),)),
        Case("transposed", (In((2, 3), domain, "transposed"),)),
        Case("negative steps", (In((2, 5), domain, "negative"),)),
        Case("strided", (In((3, 4), domain, "strided"),)),
        Case("repeated", (In((3, 2), domain, "broadcast"),)),
    )


def binary(left: str = "any", right: str | None = None, number: float = 2) -> tuple[Case, ...]:
    right = right or left
    return (
        Case("same shape", (In((2, 3), left), In((2, 3), right))),
        Case("row", (In((2, 3), left), In((3,), right))),
        Case("outer", (In((3, 1), left), In((4,), right))),
        Case("scalar tensor", (In((), left), In((2, 3), right))),
        Case("two scalars", (In((), left), In((), right))),
        Case("empty", (In((0,), left), In((0,), right))),
        Case("empty, broadcast", (In((0, 1), left), In((1, 3), right))),
        Case("transposed", (In((2, 3), left, "transposed"), In((2, 3), right))),
        Case("negative steps", (In((2, 3), left, "negative"), In((2, 3), right, "strided"))),
        Case("repeated", (In((3, 2), left, "broadcast"), In((2, 3, 2), right, "broadcast"))),
        Case("number on the right", (In((2, 3), left), number)),
        Case("number on the left", (number, In((2, 3), right))),
    )


def reductions(domain: str = "any", empty: bool = True) -> tuple[Case, ...]:
    cases = [
        Case("all", (In((3, 4), domain),)),
        Case("axis 0", (In((3, 4), domain),), {"axis": 0}),
        Case("last axis kept", (In((3, 4), domain),), {"axis": -1, "keepdims": True}),
        Case("two axes", (In((2, 3, 4), domain),), {"axis": (0, -1)}),
        Case("all kept", (In((2, 3), domain),), {"keepdims": True}),
        Case("scalar", (In((), domain),)),
        Case("no axes", (In((2, 3), domain),), {"axis": ()}),
        Case("empty batch", (In((0, 3), domain),), {"axis": 1}),
        Case("transposed", (In((4, 3), domain, "transposed"),), {"axis": 1}),
        Case("negative steps", (In((4, 3), domain, "negative"),), {"axis": 0}),
        Case("strided", (In((3, 4), domain, "strided"),)),
        Case("repeated", (In((3, 2), domain, "broadcast"),), {"axis": 1}),
    ]
    if empty:
        cases += [
            Case("over nothing", (In((0, 3), domain),), {"axis": 0}),
            Case("all of nothing", (In((2, 0), domain),)),
        ]
    return tuple(cases)


def axes(x: Any, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return axis if isinstance(axis, tuple) else (axis,)


def reduced(name: str) -> Callable[..., Any]:
    """PyTorch's reduction by the array API's names. It takes an empty `dim` for all of them, so that is set aside."""

    def call(torch: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        dim = axes(x, axis)
        if not dim:
            return x * 1
        return getattr(torch, name)(x, dim=dim, keepdim=keepdims)

    return call


def arithmetic(name: str) -> Callable[..., Any]:
    """PyTorch's two-argument function; it wants its first argument to be a tensor."""

    def call(torch: Any, x: Any, y: Any) -> Any:
        tensors = [a for a in (x, y) if isinstance(a, torch.Tensor)]
        x, y = (a if isinstance(a, torch.Tensor) else torch.tensor(a, dtype=tensors[0].dtype) for a in (x, y))
        return getattr(torch, name)(x, y)

    return call


def plain(name: str) -> Callable[..., Any]:
    return lambda torch, *arguments: getattr(torch, name)(*arguments)


def indexing_cases() -> Iterator[Case]:
    """Case names say what stands between the brackets; array indexes are further arguments."""
    x = In((4, 3, 2))
    for name, index in {
        "int": (1,),
        "negative int": (-1,),
        "ints": (1, -1, 0),
        "slice": (slice(1, 3),),
        "negative step": (slice(None, None, -2), slice(None, None, -1)),
        "empty slice": (slice(3, 1),),
        "newaxis": (None, Ellipsis, None, 0),
        "ellipsis": (Ellipsis, 0),
        "nothing": (),
    }.items():
        yield Case(name, (x,), {"index": index})
    here = object()  # stands for the next array argument
    for name, index, arrays in (
        ("rows", (here,), (In((5,), "index4", dtype="int64"),)),
        ("rows, matrix of them", (here,), (In((2, 3), "index4", dtype="int32"),)),
        ("no rows", (here,), (In((0,), "index4", dtype="int64"),)),
        ("one row, 0-d", (here,), (In((), "index4", dtype="int64"),)),
        ("unsigned rows", (here,), (In((5,), "label4", dtype="uint8"),)),
        ("second axis", (slice(None), here), (In((4,), "index3", dtype="int64"),)),
        ("pairs", (here, here), (In((4,), "index4", dtype="int64"), In((4,), "index3", dtype="int64"))),
        ("pairs, broadcast", (here, here), (In((4, 1), "index4", dtype="int64"), In((3,), "index3", dtype="int64"))),
        ("apart", (here, slice(None), here), (In((3,), "index4", dtype="int64"), In((3,), "index2", dtype="int16"))),
        ("array and int", (here, 1), (In((3,), "index4", dtype="int64"),)),
        ("array, newaxis, slice", (here, None, slice(None, None, -1)), (In((3,), "index4", dtype="int64"),)),
        ("strided array", (here,), (In((3,), "index4", "strided", "int64"),)),
    ):
        yield Case(name, (x, *arrays), {"index": index, "here": here})
    yield Case("0-d", (In(()),), {"index": (Ellipsis,)})
    yield Case("of an empty tensor", (In((0, 3)),), {"index": (slice(None), 1)})
    yield Case("of a transposed tensor", (In((3, 4), "any", "transposed"),), {"index": (slice(1, None),)})
    yield Case("of negative steps", (In((3, 4), "any", "negative"),), {"index": (slice(1, None), slice(None, 2))})
    rows = In((4,), "index3", dtype="int64")
    yield Case("rows of negative steps", (In((3, 2), "any", "negative"), rows), {"index": (here,), "here": here})
    yield Case("rows of repeated ones", (In((3, 2), "any", "broadcast"), rows), {"index": (here,), "here": here})


def filled(index: tuple[Any, ...], here: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    rest = iter(arrays)
    return tuple(next(rest) if part is here and here is not None else part for part in index)


def getitem(x: Any, *arrays: Any, index: tuple[Any, ...], here: Any = None) -> Any:
    return x[filled(index, here, arrays)]


def torch_getitem(torch: Any, x: Any, *arrays: Any, index: tuple[Any, ...], here: Any = None) -> Any:
    """PyTorch has no slices with negative step: those axes are flipped first."""
    index = filled(index, here, tuple(a.long() for a in arrays))
    parts = []
    for axis, part in enumerate(index):
        if isinstance(part, slice) and (part.step or 1) < 0:
            axis = axis - sum(p is None for p in index[:axis])
            part = torch.arange(x.shape[axis])[range(x.shape[axis])[part.start : part.stop : part.step],]
            part = part.reshape((-1,) + (1,) * (sum(isinstance(p, slice) for p in index[axis + 1 :])))
            if any(isinstance(p, torch.Tensor) for p in index):  # apart from the other array: take the axis alone
                x = x.flip(axis)
                part = slice(None)
        parts.append(part)
    return x[tuple(parts)]


def updated(x: Array, value: Any, *arrays: Any, index: tuple[Any, ...], here: Any = None) -> Array:
    out = x.copy()
    out[filled(index, here, arrays)] = value
    return out


def torch_updated(torch: Any, x: Any, value: Any, *arrays: Any, index: tuple[Any, ...], here: Any = None) -> Any:
    out = x.clone()
    out[filled(index, here, tuple(a.long() for a in arrays))] = value
    return out


def clipped(x: Array, low: Any = None, high: Any = None) -> Array:
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


HERE = object()

_TABLE = [
    # --- arithmetic ---
    Op("add", dl.add, np.add, binary(), plain("add")),
    Op("subtract", dl.subtract, np.subtract, binary(), arithmetic("sub"), NUMERIC),
    Op("multiply", dl.multiply, np.multiply, binary(), plain("mul")),
    Op("divide", dl.divide, np.divide, binary(), arithmetic("div"), result=as_float, inexact=True),
    Op("floor_divide", dl.floor_divide, np.floor_divide, binary(), dtypes=ORDERED, differentiable=False),
    Op("remainder", dl.remainder, np.remainder, binary(), arithmetic("remainder"), ORDERED),
    Op(
        "pow", dl.pow, np.power,
        (*binary("positive", number=3), Case("square", (In((2, 3)), 2)), Case("cube", (In((2, 3)), 3)),
         Case("to the 0", (In((2, 3)), 0)), Case("to the 1", (In((2, 3)), 1))),
        arithmetic("pow"), NUMERIC,
    ),
    Op("square", dl.square, np.square, unary(), plain("square")),
    Op("negative", dl.negative, np.negative, unary(), plain("neg"), NUMERIC),
    Op("positive", dl.positive, lambda x: x, unary(), lambda torch, x: x * 1),
    # --- elementary functions ---
    Op("abs", dl.abs, np.abs, unary(), plain("abs"), NUMERIC, as_real),
    Op("exp", dl.exp, np.exp, unary(), plain("exp"), result=as_float, inexact=True),
    Op("log", dl.log, np.log, unary("positive"), plain("log"), result=as_float, inexact=True),
    Op("log1p", dl.log1p, np.log1p, unary("positive"), plain("log1p"), result=as_float, inexact=True),
    Op("sqrt", dl.sqrt, np.sqrt, unary("positive"), plain("sqrt"), result=as_float, inexact=True),
    Op("tanh", dl.tanh, np.tanh, unary(), plain("tanh"), result=as_float, inexact=True),
    Op("conj", dl.conj, np.conj, unary(), lambda torch, x: torch.conj(x).resolve_conj(), NUMERIC),
    Op("real", dl.real, np.real, unary(), lambda torch, x: torch.real(x) * 1, NUMERIC, as_real),
    Op("imag", dl.imag, np.imag, unary(), plain("imag"), COMPLEX, as_real),
    Op(
        "clip", dl.clip, clipped,
        (
            Case("both", (In((3, 4)), -1, 1)), Case("low", (In((3, 4)), 1)), Case("high", (In((3, 4)), None, 1)),
            Case("tensors", (In((3, 4)), In((4,)), In((3, 1), "positive"))), Case("crossed", (In((3, 4)), 2, -2)),
            Case("crossed tensors", (In((3, 4)), In((4,), "positive"), In((3, 4)))),
            Case("scalar", (In(()), -1, 1)), Case("empty", (In((0, 2)), -1, 1)),
            Case("strided", (In((3, 4), "any", "strided"), -1, 1)),
            Case("negative steps", (In((3, 4), "any", "negative"), In((4,), "any", "negative"), 1)),
            Case("repeated", (In((3, 4), "any", "broadcast"), -1, 1)), Case("tensor below", (In((2, 3)), In((2, 1)))),
            Case("wider bounds", (In((3,)), In((2, 3)), 2)), Case("no bounds", (In((3,)),)),
        ),
        lambda torch, x, low=None, high=None: torch.clamp(*(
            a if a is None or not any(isinstance(b, torch.Tensor) for b in (low, high))
            else torch.as_tensor(a, dtype=x.dtype) for a in (x, low, high))) if (low, high) != (None, None) else x * 1,
        ("int8", "int16", "int32", "int64", *FLOATS),
    ),
    Op(
        "where", dl.where, np.where,
        (
            Case("same shape", (In((2, 3), "bool"), In((2, 3)), In((2, 3)))),
            Case("broadcast", (In((3, 1), "bool"), In((4,)), In((2, 1, 1)))),
            Case("scalars", (In((), "bool"), In(()), In(()))),
            Case("number", (In((2, 3), "bool"), In((3,)), 1)),
            Case("number first", (In((2, 3), "bool"), 1, In((2, 3)))),
            Case("empty", (In((0, 3), "bool"), In((3,)), In((0, 1)))),
            Case("transposed", (In((2, 3), "bool", "transposed"), In((2, 3), "any", "negative"), In((2, 3)))),
            Case("repeated", (In((2, 3), "bool", "broadcast"), In((2, 3), "any", "broadcast"), In((3,)))),
        ),
        plain("where"),
    ),
    # --- comparison ---
    *[
        Op(name, getattr(dl, name), getattr(np, name), binary(), None, dtypes, as_bool, differentiable=False)
        for name, dtypes in {"equal": ALL, "not_equal": ALL, "less": REAL, "less_equal": REAL, "greater": REAL,
                             "greater_equal": REAL}.items()
    ],
    # --- reductions ---
    Op("sum", dl.sum, wide(np.sum), reductions(), reduced("sum"), result=as_sum),
    Op("mean", dl.mean, wide(np.mean), reductions(), reduced("mean"), result=as_float, inexact=True),
    Op("max", dl.max, np.max, reductions("distinct", empty=False), reduced("amax"), REAL),
    Op("min", dl.min, np.min, reductions("distinct", empty=False), reduced("amin"), REAL),
    # --- shape ---
    Op(
        "reshape", dl.reshape, np.reshape,
        (
            Case("flat", (In((2, 3)),), {"shape": (-1,)}), Case("int", (In((2, 3)),), {"shape": 6}),
            Case("more axes", (In((2, 6)),), {"shape": (2, -1, 1, 3)}), Case("to 0-d", (In((1, 1)),), {"shape": ()}),
            Case("from 0-d", (In(()),), {"shape": (1, 1)}), Case("empty", (In((0, 3)),), {"shape": (3, 2, 0)}),
            Case("transposed", (In((2, 3), "any", "transposed"),), {"shape": (6,)}),
            Case("negative steps", (In((2, 3), "any", "negative"),), {"shape": (3, 2)}),
            Case("repeated", (In((2, 3), "any", "broadcast"),), {"shape": (3, 2)}),
        ),
        lambda torch, x, shape: torch.reshape(x, shape if isinstance(shape, tuple) else (shape,)),
    ),
    Op(
        "permute_dims", dl.permute_dims, np.transpose,
        (
            Case("three", (In((2, 3, 4)),), {"axes": (2, 0, 1)}), Case("negative", (In((2, 3)),), {"axes": (-1, 0)}),
            Case("0-d", (In(()),), {"axes": ()}), Case("empty", (In((0, 2)),), {"axes": (1, 0)}),
            Case("strided", (In((2, 4), "any", "strided"),), {"axes": [1, 0]}),
            Case("negative steps", (In((2, 3), "any", "negative"),), {"axes": (1, 0)}),
            Case("repeated", (In((2, 3), "any", "broadcast"),), {"axes": (1, 0)}),
        ),
        lambda torch, x, axes: torch.permute(x, tuple(axes)),
    ),
    Op(
        "matrix_transpose", dl.matrix_transpose, np.matrix_transpose,
        (
            Case("matrix", (In((2, 3)),)), Case("batch", (In((2, 3, 4)),)), Case("empty", (In((0, 3)),)),
            Case("strided", (In((2, 4), "any", "strided"),)), Case("negative steps", (In((2, 3), "any", "negative"),)),
            Case("repeated", (In((2, 3), "any", "broadcast"),)),
        ),
        lambda torch, x: x.mT,
    ),
    Op(
        "squeeze", dl.squeeze, np.squeeze,
        (
            Case("all", (In((1, 3, 1)),)), Case("one", (In((1, 3, 1)),), {"axis": -1}), Case("0-d", (In(()),)),
            Case("two", (In((1, 3, 1)),), {"axis": (0, 2)}), Case("empty", (In((0, 1)),)),
            Case("none there", (In((2, 3)),)), Case("strided", (In((1, 4), "any", "strided"),)),
            Case("negative steps", (In((1, 3), "any", "negative"),)),
            Case("repeated", (In((3, 1), "any", "broadcast"),)),
        ),
        lambda torch, x, axis=None: torch.squeeze(x) if axis is None else torch.squeeze(x, axis),
    ),
    Op(
        "expand_dims", dl.expand_dims, np.expand_dims,
        (
            Case("first", (In((2, 3)),), {"axis": 0}), Case("last", (In((2, 3)),), {"axis": -1}),
            Case("middle", (In((2, 3)),), {"axis": 1}), Case("0-d", (In(()),), {"axis": 0}),
            Case("empty", (In((0,)),), {"axis": 1}), Case("zero batch", (In((0, 3)),), {"axis": 1}),
            Case("transposed", (In((2, 3), "any", "transposed"),), {"axis": 1}),
            Case("negative steps", (In((2, 3), "any", "negative"),), {"axis": 2}),
            Case("repeated", (In((2, 3), "any", "broadcast"),), {"axis": 0}),
        ),
        lambda torch, x, axis: torch.unsqueeze(x, axis),
    ),
    Op(
        "broadcast_to", dl.broadcast_to, np.broadcast_to,
        (
            Case("row", (In((3,)),), {"shape": (2, 3)}), Case("column", (In((2, 1)),), {"shape": (4, 2, 3)}),
            Case("0-d", (In(()),), {"shape": (2, 2)}), Case("int", (In((1,)),), {"shape": 3}),
            Case("to nothing", (In((1, 3)),), {"shape": (0, 3)}), Case("same", (In((2,)),), {"shape": (2,)}),
            Case("from nothing", (In((0, 1)),), {"shape": (2, 0, 3)}),
            Case("strided", (In((2, 4), "any", "strided"),), {"shape": (2, 2, 4)}),
            Case("negative steps", (In((2, 1), "any", "negative"),), {"shape": (2, 3)}),
            Case("repeated", (In((3, 1), "any", "broadcast"),), {"shape": (3, 2)}),
        ),
        lambda torch, x, shape: torch.broadcast_to(x, shape if isinstance(shape, tuple) else (shape,)) * 1,
    ),
    Op(
        "concat", lambda *xs, **keywords: dl.concat(xs, **keywords), lambda *xs, axis=0: np.concatenate(xs, axis=axis),
        (
            Case("two", (In((2, 3)), In((1, 3)))), Case("last axis", (In((2, 3)), In((2, 1))), {"axis": -1}),
            Case("one", (In((2,)),)), Case("flattened", (In((2, 3)), In(())), {"axis": None}),
            Case("empty part", (In((2, 3)), In((0, 3)), In((1, 3)))), Case("all empty", (In((0, 2)), In((0, 2)))),
            Case("strided", (In((2, 3), "any", "transposed"), In((3, 3), "any", "negative"))),
            Case("flattened empty", (In((0, 2)), In((2,))), {"axis": None}),
            Case("repeated", (In((2, 3), "any", "broadcast"), In((2, 3))), {"axis": 1}),
        ),
        lambda torch, *xs, axis=0: torch.cat([x.reshape(-1) for x in xs] if axis is None else xs, axis or 0),
    ),
    # --- matrix products ---
    Op(
        "matmul", dl.matmul, wide(np.matmul),
        (
            Case("matrices", (In((2, 3)), In((3, 4)))), Case("row", (In((3,)), In((3, 4)))),
            Case("column", (In((2, 3)), In((3,)))), Case("inner", (In((3,)), In((3,)))),
            Case("batch", (In((2, 2, 3)), In((2, 3, 2)))), Case("broadcast", (In((2, 1, 2, 3)), In((4, 3, 1)))),
            Case("batch and matrix", (In((2, 2, 3)), In((3, 2)))), Case("row and batch", (In((3,)), In((2, 3, 2)))),
            Case("batch and column", (In((2, 2, 3)), In((3,)))), Case("no rows", (In((0, 3)), In((3, 2)))),
            Case("no inner", (In((2, 0)), In((0, 3)))), Case("no batch", (In((0, 2, 3)), In((3, 2)))),
            Case("transposed", (In((2, 3), "any", "transposed"), In((3, 4), "any", "negative"))),
            Case("strided", (In((2, 4), "any", "strided"), In((4, 2), "any", "transposed"))),
            Case("repeated", (In((2, 3), "any", "broadcast"), In((2, 3, 2), "any", "broadcast"))),
        ),
        plain("matmul"), NUMERIC,
    ),
    # --- indexing ---
    Op("getitem", getitem, getitem, tuple(indexing_cases()), torch_getitem),
    Op(
        "index_update",
        lambda x, value, *arrays, index, here=None: dl.index_update(x, filled(index, here, arrays), value), updated,
        (
            Case("row", (In((4, 3)), In((3,))), {"index": (1,)}),
            Case("number", (In((4, 3)), 1), {"index": (slice(1, 3),)}),
            Case("slice, broadcast", (In((4, 3)), In((1, 3))), {"index": (slice(1, 3),)}),
            Case("element", (In((4, 3)), In(())), {"index": (1, 2)}),
            Case("everything", (In((2, 2)), In((2, 2))), {"index": (Ellipsis,)}),
            Case("0-d", (In(()), In(())), {"index": ()}),
            Case("nothing", (In((4,)), In((0,))), {"index": (slice(2, 2),)}),
            Case("rows", (In((4, 3)), In((1, 3)), In((1,), "index4", dtype="int64")), {"index": (HERE,), "here": HERE}),
            Case("column", (In((4, 3)), In((4, 1)), In((1,), "index3", dtype="int64")),
                 {"index": (slice(None), HERE), "here": HERE}),
            Case("zero batch", (In((0, 3)), In((1, 3))), {"index": (slice(None),)}),
            Case("transposed", (In((4, 3), "any", "transposed"), In((2, 3), "any", "negative")),
                 {"index": (slice(None, None, 2),)}),
            Case("repeated", (In((4, 3), "any", "broadcast"), In((2, 3), "any", "broadcast")),
                 {"index": (slice(1, 3),)}),
        ),
        torch_updated,
    ),
    Op(
        "one_hot", dl.one_hot, lambda x, num_classes: (x[..., None] == np.arange(num_classes)).astype(np.int64),
        (
            Case("vector", (In((5,), "label3"),), {"num_classes": 3}),
            Case("0-d", (In((), "label3"),), {"num_classes": 3}),
            Case("matrix", (In((2, 3), "label3"),), {"num_classes": 4}),
            Case("empty", (In((0, 2), "label3"),), {"num_classes": 3}),
            Case("many classes", (In((3,), "label3"),), {"num_classes": 300}),
            Case("strided", (In((3,), "label3", "strided"),), {"num_classes": 3}),
            Case("negative steps", (In((2, 3), "label3", "negative"),), {"num_classes": 3}),
            Case("repeated", (In((2, 3), "label3", "broadcast"),), {"num_classes": 3}),
        ),
        None, INTEGERS, lambda dtype: "int64", differentiable=False,
    ),
    # --- creation and conversion ---
    Op("zeros_like", dl.zeros_like, lambda x: np.zeros(x.shape, x.dtype), unary(), differentiable=False),
    Op("ones_like", dl.ones_like, lambda x: np.ones(x.shape, x.dtype), unary(), differentiable=False),
    Op("full_like", lambda x: dl.full_like(x, 1), lambda x: np.ones(x.shape, x.dtype), unary(), differentiable=False),
    Op("zeros", lambda x: dl.zeros(x.shape, dtype=x.dtype), lambda x: np.zeros(x.shape, x.dtype), unary(),
       differentiable=False),
    Op("ones", lambda x: dl.ones(x.shape, dtype=x.dtype), lambda x: np.ones(x.shape, x.dtype), unary(),
       differentiable=False),
    Op("full", lambda x: dl.full(x.shape, True, dtype=x.dtype), lambda x: np.ones(x.shape, x.dtype), unary(),
       differentiable=False),
    Op("arange", lambda x: dl.arange(x.size, dtype=x.dtype), lambda x: np.arange(x.size, dtype=x.dtype), unary(),
       dtypes=ORDERED, differentiable=False),
    Op("astype", lambda x: dl.astype(x, "complex128"), lambda x: x.astype("complex128"), unary(),
       lambda torch, x: x.to(torch.complex128) * 1, result=lambda dtype: "complex128"),
    Op("to", lambda x: ops.to(x, "complex128"), lambda x: x.astype("complex128"), unary(),
       lambda torch, x: x.to(torch.complex128) * 1, result=lambda dtype: "complex128"),
]  # fmt: skip

from .cases_elementwise import TABLE as _ELEMENTWISE  # noqa: E402 - it is written in terms of what stands above
from .cases_linalg import TABLE as _LINALG  # noqa: E402
from .cases_reduction import TABLE as _REDUCTION  # noqa: E402
from .cases_shape import TABLE as _SHAPE  # noqa: E402 - it is written in terms of what stands above

OPS = {op.name: op for op in (*_TABLE, *_LINALG, *_ELEMENTWISE, *_REDUCTION, *_SHAPE)}


def parameters(only: Callable[[Op], bool] = lambda op: True) -> list[Any]:
    """Every operation with every one of its cases, as pytest parameters."""
    return [
        pytest.param(op, case, id=f"{op.name}-{case.name}".replace(" ", "_"))
        for op in OPS.values()
        if only(op)
        for case in op.cases
    ]


def tensors(arrays: list[Any]) -> list[Any]:
    """The arrays as tensors that share their memory and so their layout; numbers as they are."""
    return [dl.asarray(a) if isinstance(a, np.ndarray) else a for a in arrays]
