"""Cases of what joins, cuts, repeats, moves, gathers, scatters, sorts and finds elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import dlcore as dl

from .cases import ALL, FLOATS, NUMERIC, REAL, Array, Case, In, Op, unary


def kinds(domain: str = "any", **keywords: Any) -> tuple[Case, ...]:
    """Matrices of every kind: with or without elements, and however they lie in memory."""
    return (
        Case("matrix", (In((3, 4), domain),), keywords),
        Case("no columns", (In((2, 0), domain),), keywords),
        Case("zero batch", (In((0, 3), domain),), keywords),
        Case("transposed", (In((3, 4), domain, "transposed"),), keywords),
        Case("negative steps", (In((3, 4), domain, "negative"),), keywords),
        Case("strided", (In((3, 4), domain, "strided"),), keywords),
        Case("repeated", (In((3, 4), domain, "broadcast"),), keywords),
    )


def with_index(domain: str = "any", low: str = "index", **keywords: Any) -> tuple[Case, ...]:
    """Matrices and an index for their last axis, as long as the first axis allows."""
    rest = {
        "matrix": ((3, 4), (3, 2), f"{low}4", "plain"),
        "no columns asked for": ((3, 4), (3, 0), f"{low}4", "plain"),
        "zero batch": ((0, 3), (0, 2), f"{low}3", "plain"),
        "transposed": ((3, 4), (3, 5), f"{low}4", "transposed"),
        "negative steps": ((3, 4), (3, 3), f"{low}4", "negative"),
        "strided": ((3, 4), (3, 2), f"{low}4", "strided"),
        "repeated": ((3, 4), (3, 2), f"{low}4", "broadcast"),
    }
    return tuple(
        Case(name, (In(shape, domain, layout), In(index, values, dtype="int64")), keywords)
        for name, (shape, index, values, layout) in rest.items()
    )


def flat(parts: Any) -> Any:
    """Several results as one, with what tells them apart."""
    xp: Any = dl if isinstance(parts[0], dl.Tensor) else np
    return xp.concat([xp.reshape(part, (-1,) if part.size else (0,)) for part in parts])


def flat_torch(torch: Any, parts: Any) -> Any:
    return torch.cat([part.reshape(-1) for part in parts])


def np_split(x: Array, sizes: Any, axis: int = 0) -> Any:
    if isinstance(sizes, int):
        return np.split(x, range(sizes, x.shape[axis], sizes), axis)
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def np_chunk(x: Array, chunks: int, axis: int = 0) -> Any:
    return np_split(x, max(1, -(-x.shape[axis] // chunks)), axis)


def np_put(x: Array, index: Array, values: Any, axis: int, add: bool) -> Array:
    out = x.astype("float32") if x.dtype == np.float16 else x.copy()
    for place in np.ndindex(index.shape):
        target = (*place[:axis], index[place], *place[axis + 1 :])
        value = values[place] if isinstance(values, np.ndarray) else values
        out[target] = out[target] + value if add else value
    return out.astype(x.dtype)


def np_diag_embed(x: Array, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Array:
    size = x.shape[-1] + abs(offset)
    out = np.zeros((*x.shape[:-1], size, size), x.dtype)
    i = np.arange(x.shape[-1])
    out[..., i + max(-offset, 0), i + max(offset, 0)] = x
    return np.moveaxis(out, (-2, -1), (axis1, axis2))


def np_topk(x: Array, k: int, axis: int = -1, largest: bool = True) -> Array:
    y = np.sort(x, axis=axis)
    y = np.flip(y, axis) if largest else y
    return y[(slice(None),) * (axis % x.ndim) + (slice(k),)]


def stable_order(x: Array, axis: int = -1, descending: bool = False) -> Array:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)


def placed(method: str) -> Callable[..., Any]:
    """PyTorch's method; its backward wants values of the very shape of the index, and the sum wants a tensor."""

    def call(torch: Any, x: Any, index: Any, values: Any, axis: int) -> Any:
        if isinstance(values, torch.Tensor):
            values = values[tuple(slice(size) for size in index.shape)]
        else:
            values = torch.full(index.shape, values, dtype=x.dtype)
        return getattr(torch, method)(x, axis, index.long(), values)

    return call


def filled(x: dl.Tensor) -> dl.Tensor:
    x[...] = True
    return x


def ones(x: Array) -> Array:
    return np.ones(x.shape, x.dtype)


def masked(x: Any, mask: Any, before: Any = (), after: Any = ()) -> Any:
    return x[(*before, mask, *after)]


def as_int64(dtype: np.dtype[Any]) -> str:
    return "int64"


TABLE = [
    # --- joining and cutting ---
    Op(
        "stack", lambda *xs, axis=0: dl.stack(xs, axis=axis), lambda *xs, axis=0: np.stack(xs, axis),
        (
            Case("two", (In((2, 3)), In((2, 3)))), Case("last axis", (In((2, 3)), In((2, 3))), {"axis": -1}),
            Case("middle", (In((2, 3)), In((2, 3)), In((2, 3))), {"axis": 1}), Case("one", (In((2,)),)),
            Case("scalars", (In(()), In(()))), Case("empty", (In((0, 2)), In((0, 2))), {"axis": 1}),
            Case("strided", (In((2, 3), "any", "transposed"), In((2, 3), "any", "negative"))),
            Case("repeated", (In((2, 3), "any", "broadcast"), In((2, 3))), {"axis": 1}),
        ),
        lambda torch, *xs, axis=0: torch.stack(xs, axis),
    ),
    Op(
        "unstack", lambda x, axis=0: flat(dl.unstack(x, axis=axis)[::-1]),
        lambda x, axis=0: flat(list(np.moveaxis(x, axis, 0))[::-1]),
        (
            Case("rows", (In((2, 3)),)), Case("columns", (In((2, 3)),), {"axis": 1}), Case("one", (In((1, 2)),)),
            Case("vector", (In((3,)),)), Case("empty parts", (In((2, 0)),)),
            Case("zero batch", (In((0, 2)),), {"axis": 1}), Case("strided", (In((2, 4), "any", "strided"),)),
            Case("negative steps", (In((2, 3, 2), "any", "negative"),), {"axis": -2}),
            Case("repeated", (In((3, 2), "any", "broadcast"),)),
        ),
        lambda torch, x, axis=0: flat_torch(torch, torch.unbind(x, axis)[::-1]),
    ),
    Op(
        "split", lambda x, sizes, axis=0: flat(dl.split(x, sizes, axis)[::-1]),
        lambda x, sizes, axis=0: flat(np_split(x, sizes, axis)[::-1]),
        (
            Case("equal", (In((4, 3)), 2)), Case("rest", (In((5, 3)), 2)), Case("larger", (In((2, 3)), 5)),
            Case("sections", (In((2, 4)), (1, 0, 3), 1)), Case("last axis", (In((2, 3, 4)), [3, 1], -1)),
            Case("empty", (In((0, 3)), 2)), Case("empty parts", (In((4, 0)), 2)),
            Case("strided", (In((4, 3), "any", "transposed"), 3)),
            Case("negative steps", (In((4, 3), "any", "negative"), 3)),
            Case("repeated", (In((4, 3), "any", "broadcast"), 2, 1)),
        ),
        lambda torch, x, sizes, axis=0: flat_torch(torch, torch.split(x, sizes, axis)[::-1]),
    ),
    Op(
        "chunk", lambda x, chunks, axis=0: flat(dl.chunk(x, chunks, axis)[::-1]),
        lambda x, chunks, axis=0: flat(np_chunk(x, chunks, axis)[::-1]),
        (
            Case("equal", (In((4, 3)), 2)), Case("rest", (In((5, 2)), 3)), Case("fewer", (In((2, 3)), 5)),
            Case("last axis", (In((2, 3, 4)), 3, -1)), Case("empty", (In((0, 3)), 2)),
            Case("strided", (In((4, 3), "any", "transposed"), 3)),
            Case("negative steps", (In((4, 3), "any", "negative"), 3)),
            Case("repeated", (In((4, 3), "any", "broadcast"), 2, 1)),
        ),
        lambda torch, x, chunks, axis=0: flat_torch(torch, torch.chunk(x, chunks, axis)[::-1]),
    ),
    Op(
        "tile", dl.tile, lambda x, repetitions: np.tile(x, repetitions),
        (
            *kinds(repetitions=(2, 3)), Case("0-d", (In(()), (2,))), Case("int", (In((2, 3)), 2)),
            Case("fewer", (In((2, 3)), (2,))), Case("more", (In((2,)), (2, 1, 3))), Case("none", (In((2, 3)), (1, 1))),
            Case("nothing left", (In((2, 3)), (0, 2))), Case("no repetitions", (In((2,)), ())),
        ),
        lambda torch, x, repetitions: torch.tile(x, repetitions if isinstance(repetitions, tuple) else (repetitions,)),
    ),
    Op(
        "repeat", lambda x, repeats, axis=None: dl.repeat(x, repeats, axis=axis), np.repeat,
        (
            *[Case(c.name, (*c.arguments, 2), {"axis": 1}) for c in kinds()], Case("0-d", (In(()), 3)),
            Case("flat", (In((2, 3)), 2)), Case("not at all", (In((2, 3)), 0, 1)),
            Case("numbers", (In((3, 2)), In((3,), "label3", dtype="int64")), {"axis": 0}),
            Case("numbers of the flat one", (In((2, 2)), In((4,), "label3", dtype="int32"))),
            Case("one number", (In((2, 3)), In((1,), "label3", dtype="uint8")), {"axis": -1}),
        ),
        lambda torch, x, repeats, axis=None: torch.repeat_interleave(
            x, repeats.long() if isinstance(repeats, torch.Tensor) else repeats, axis
        ),
    ),
    Op(
        "broadcast_arrays", lambda *xs: flat(dl.broadcast_arrays(*xs)[::-1]),
        lambda *xs: flat(np.broadcast_arrays(*xs)[::-1]),
        (
            Case("row and column", (In((3,)), In((2, 1)))), Case("three", (In((3,)), In((2, 1)), In(()))),
            Case("same", (In((2, 3)), In((2, 3)))), Case("0-d", (In(()), In((2,)))),
            Case("with nothing", (In((1, 3)), In((0, 1)))), Case("strided", (In((2, 4), "any", "strided"), In(()))),
            Case("negative steps", (In((2, 1), "any", "negative"), In((3,)))),
            Case("repeated", (In((3, 1), "any", "broadcast"), In((3, 2)))), Case("one", (In((2,)),)),
        ),
        lambda torch, *xs: flat_torch(torch, torch.broadcast_tensors(*xs)[::-1]),
    ),
    Op(
        "meshgrid", lambda *xs, indexing="xy": flat(dl.meshgrid(*xs, indexing=indexing)[::-1]),
        lambda *xs, indexing="xy": flat(np.meshgrid(*xs, indexing=indexing)[::-1]),
        (
            Case("two", (In((3,)), In((2,)))),
            Case("ij", (In((3,)), In((2,))), {"indexing": "ij"}), Case("one", (In((3,)),)),
            Case("three", (In((3,)), In((2,)), In((4,)))), Case("0-d", (In(()), In((2,)))),
            Case("empty", (In((3,)), In((0,)))), Case("strided", (In((3,), "any", "strided"), In((2,)))),
            Case("negative steps", (In((3,), "any", "negative"), In((2,)))),
            Case("repeated", (In((3,), "any", "broadcast"), In((2,)))),
            Case("three, ij", (In((3,)), In((2,)), In((1,))), {"indexing": "ij"}),
        ),
        lambda torch, *xs, indexing="xy": flat_torch(torch, torch.meshgrid(*xs, indexing=indexing)[::-1]),
    ),
    # --- rearranging ---
    Op(
        "roll", dl.roll, np.roll,
        (
            *kinds(shift=1, axis=1), Case("0-d", (In(()),), {"shift": 2}), Case("flat", (In((2, 3)),), {"shift": -1}),
            Case("two axes", (In((2, 3)),), {"shift": (1, -1), "axis": (0, -1)}),
            Case("one shift for both", (In((2, 3)),), {"shift": 1, "axis": (0, 1)}),
            Case("far", (In((2, 3)),), {"shift": 10**20, "axis": 1}),
            Case("not at all", (In((2, 3)),), {"shift": 0, "axis": 0}),
            Case("list", (In((3,)),), {"shift": [2], "axis": [0]}),
        ),
        lambda torch, x, shift, axis=None: torch.roll(
            x.reshape(-1) if axis is None else x,
            *((shift % max(x.numel(), 1), 0) if axis is None else (shift % 3, axis) if isinstance(shift, int)
              and isinstance(axis, int) and shift > 9 else ((shift,) * len(axis), axis)
              if isinstance(shift, int) and isinstance(axis, tuple) else (shift, axis)),
        ).reshape(x.shape),
    ),
    Op(
        "flip", dl.flip, np.flip,
        (*kinds(axis=1), *kinds(axis=(0, 1))[:1], Case("all", (In((2, 3)),)), Case("0-d", (In(()),)),
         Case("none", (In((2, 3)),), {"axis": ()}), Case("middle", (In((2, 3, 2)),), {"axis": -2})),
        lambda torch, x, axis=None: torch.flip(
            x, tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        ),
    ),
    Op(
        "moveaxis", dl.moveaxis, np.moveaxis,
        (
            *kinds(source=0, destination=1), Case("0-d", (In(()), (), ())),
            Case("to the front", (In((2, 3, 4)), -1, 0)), Case("two", (In((2, 3, 4)), (0, 1), (-1, 0))),
            Case("stays", (In((2, 3)), 1, -1)),
        ),
        lambda torch, x, source, destination: torch.moveaxis(x, source, destination),
    ),
    Op(
        "swapaxes", dl.swapaxes, np.swapaxes,
        (*kinds(axis1=0, axis2=1), Case("outer", (In((2, 3, 4)), 0, -1)), Case("same", (In((2, 3)), 1, 1))),
        lambda torch, x, axis1, axis2: torch.swapaxes(x, axis1, axis2),
    ),
    *[
        Op(
            name, getattr(dl, name), lambda x, k=0, name=name: getattr(np, name)(x, max(-9, min(k, 9))),
            (*kinds(), *kinds(k=1)[:2], *kinds(k=-2)[:1], Case("batch", (In((2, 2, 3)),), {"k": -1}),
             Case("all of it", (In((2, 3)),), {"k": 10**20}), Case("nothing of it", (In((2, 3)),), {"k": -(10**20)})),
            lambda torch, x, k=0, name=name: getattr(torch, name)(x, max(-9, min(k, 9))),
        )
        for name in ("tril", "triu")
    ],
    Op(
        "diagonal", dl.diagonal,
        lambda x, offset=0, axis1=-2, axis2=-1: np.diagonal(x, int(np.clip(offset, -9, 9)), axis1, axis2),
        (
            *kinds(), *kinds(offset=1)[:2], *kinds(offset=-2)[:1], Case("batch", (In((2, 3, 2)),), {"offset": -1}),
            Case("first axes", (In((2, 3, 4)),), {"axis1": 0, "axis2": 1}),
            Case("turned", (In((2, 3, 4)),), {"axis1": 2, "axis2": 0, "offset": 1}),
            Case("outside", (In((2, 3)),), {"offset": 10**20}), Case("edge", (In((2, 3)),), {"offset": -2}),
        ),
        lambda torch, x, offset=0, axis1=-2, axis2=-1: torch.diagonal(x, max(-9, min(offset, 9)), axis1, axis2) * 1,
    ),
    Op(
        "diag_embed", dl.diag_embed, np_diag_embed,
        (
            *kinds(), *kinds(offset=2)[:2], *kinds(offset=-1)[:1], Case("vector", (In((3,)),), {"offset": 1}),
            Case("other axes", (In((2, 3)),), {"axis1": 0, "axis2": 2}),
            Case("turned", (In((2, 3)),), {"axis1": 2, "axis2": 0, "offset": 1}),
        ),
        lambda torch, x, offset=0, axis1=-2, axis2=-1: torch.diag_embed(x, offset, axis1, axis2),
    ),
    Op(
        "diag", dl.diag, lambda x, offset=0: np.diag(x, offset),
        (
            *kinds(), *kinds(offset=1)[:1], Case("vector", (In((3,)),)), Case("above", (In((3,)),), {"offset": 1}),
            Case("below", (In((2,)),), {"offset": -2}), Case("empty vector", (In((0,)),)),
        ),
        lambda torch, x, offset=0: torch.diag(x, offset) * 1,
    ),
    # --- gathering ---
    Op(
        "take", dl.take, lambda x, indices, axis=None: np.take(x, indices.astype(np.int64), axis),
        (
            *with_index(axis=1), Case("vector", (In((4,)), In((6,), "index4", dtype="int32"))),
            Case("rows", (In((4, 3)), In((2,), "index4", dtype="int8")), {"axis": 0}),
            Case("one", (In((2, 3, 4)), In((), "index3", dtype="int64")), {"axis": -2}),
            Case("unsigned", (In((4,)), In((2, 2), "label4", dtype="uint64"))),
        ),
        lambda torch, x, indices, axis=0: x[(slice(None),) * (axis % x.ndim) + (indices.long(),)],
    ),
    Op(
        "take_along_axis", dl.take_along_axis,
        lambda x, indices, axis=-1: np.take_along_axis(x, indices.astype(np.int64), axis),
        (
            *with_index(), Case("first axis", (In((4, 3)), In((2, 3), "index4", dtype="int32")), {"axis": 0}),
            Case("index broadcast", (In((2, 3, 4)), In((1, 2, 4), "index3", dtype="int64")), {"axis": 1}),
            Case("x broadcast", (In((1, 3)), In((4, 2), "label3", dtype="uint8"))),
            Case("vector", (In((3,)), In((5,), "index3", dtype="int64"))),
            Case("both broadcast", (In((1, 3, 2)), In((2, 3, 1), "index3", dtype="int64")), {"axis": 1}),
        ),
        lambda torch, x, indices, axis=-1: torch.take_along_dim(x, indices.long() % max(x.shape[axis], 1), axis),
    ),
    Op(
        "gather", lambda x, index, dim: x.gather(dim, index),
        lambda x, index, dim: np.take_along_axis(
            x[tuple(slice(None if i == dim % x.ndim else n) for i, n in enumerate(index.shape))],
            index.astype(np.int64), dim,
        ),
        (
            *with_index(low="label", dim=1),
            Case("smaller", (In((4, 3)), In((6, 2), "label4", dtype="int64")), {"dim": 0}),
            Case("smaller on both sides", (In((3, 4, 3)), In((2, 2, 2), "label4", dtype="int16")), {"dim": 1}),
            Case("vector", (In((3,)), In((5,), "label3", dtype="int64")), {"dim": -1}),
        ),
        lambda torch, x, index, dim: torch.gather(x, dim, index.long()),
    ),
    *[
        Op(
            name, getattr(dl, name),
            lambda x, index, values, axis, add=name == "scatter_add": np_put(x, index, values, axis % x.ndim, add),
            (
                Case("matrix", (In((3, 4)), In((3, 1), "label4", dtype="int64"), In((3, 1)), 1)),
                Case("first axis", (In((3, 4)), In((1, 4), "label3", dtype="int64"), In((1, 4)), 0)),
                Case("smaller", (In((3, 4)), In((2, 1), "label4", dtype="int32"), In((3, 2)), -1)),
                Case("deep", (In((2, 3, 2)), In((1, 1, 2), "label3", dtype="int64"), In((2, 1, 2)), 1)),
                Case("number", (In((3, 4)), In((3, 1), "label4", dtype="uint8"), 1, 1)),
                Case("nothing", (In((3, 4)), In((3, 0), "label4", dtype="int64"), In((3, 0)), 1)),
                Case("zero batch", (In((0, 4)), In((0, 2), "label4", dtype="int64"), In((0, 2)), 1)),
                Case("transposed", (In((3, 4), "any", "transposed"), In((3, 1), "label4", "strided", "int64"),
                                    In((3, 1), "any", "strided"), 1)),
                Case("negative steps", (In((3, 4), "any", "negative"), In((3, 1), "label4", "negative", "int64"),
                                        In((3, 1), "any", "negative"), 1)),
                Case("repeated", (In((3, 4), "any", "broadcast"), In((3, 1), "label4", dtype="int64"),
                                  In((3, 1), "any", "broadcast"), 1)),
                *more,
            ),
            placed(name), dtypes,
        )
        for name, dtypes, more in (
            ("scatter", ALL, ()),
            ("scatter_add", NUMERIC, (
                Case("again and again", (In((3, 2)), In((3, 5), "label2", dtype="int64"), In((3, 5)), 1)),
                Case("rows", (In((2, 3)), In((4, 2), "label2", dtype="int64"), In((4, 3)), 0)),
            )),
        )
    ],
    # --- masks ---
    Op(
        "mask", masked, masked,
        (
            *[Case(c.name, (*c.arguments, In(c.arguments[0].shape, "bool"))) for c in kinds()],
            Case("rows", (In((3, 4)), In((3,), "bool"))),
            Case("columns", (In((3, 4)), In((4,), "bool"), (slice(None),))),
            Case("with a slice behind", (In((3, 4)), In((3,), "bool"), (), (slice(1, 3),))),
            Case("matrix of three", (In((2, 3, 2)), In((2, 3), "bool"))),
            Case("last axes", (In((2, 3, 2)), In((3, 2), "bool"), (Ellipsis,))),
            Case("with an int", (In((3, 4)), In((3,), "bool"), (), (1,))),
            Case("vector", (In((5,)), In((5,), "bool", "negative"))),
        ),
        lambda torch, x, mask, before=(), after=(): x[(*before, mask, *after)],
    ),
    # --- sorting and searching ---
    Op(
        "sort", dl.sort, lambda x, axis=-1, descending=False, stable=True: (
            np.flip(np.sort(x, axis), axis) if descending else np.sort(x, axis)
        ),
        (
            *kinds("distinct"), *kinds("distinct", axis=0, descending=True)[:3],
            *kinds("distinct", stable=False)[:1], Case("vector", (In((5,), "distinct"),)),
            Case("middle", (In((2, 4, 2), "distinct"),), {"axis": 1}),
        ),
        lambda torch, x, axis=-1, descending=False, stable=True: torch.sort(
            x, dim=axis, descending=descending, stable=stable
        ).values,
        REAL,
    ),
    Op(
        "argsort", dl.argsort, stable_order,
        (*kinds(), *kinds(axis=0)[:3], *kinds(descending=True), Case("vector", (In((5,)),))),
        None, REAL, as_int64, differentiable=False,
    ),
    Op(
        "topk", lambda *arguments, **keywords: dl.topk(*arguments, **keywords).values, np_topk,
        (
            *kinds("distinct", k=0)[:3], *kinds("distinct", k=2)[3:], Case("vector", (In((5,), "distinct"), 3)),
            Case("all", (In((2, 3), "distinct"), 3)), Case("first axis", (In((3, 2), "distinct"), 2, 0)),
            Case("smallest", (In((2, 4), "distinct"), 3, -1, False)),
        ),
        lambda torch, x, k, axis=-1, largest=True: torch.topk(x, k, axis, largest).values, REAL,
    ),
    Op(
        "searchsorted",
        lambda x, v, side="left": dl.searchsorted(x if x.dtype.kind == "c" else dl.sort(x), v, side=side),
        lambda x, v, side="left": np.searchsorted(np.sort(x), v, side),
        (
            Case("matrix", (In((5,)), In((2, 3)))), Case("right", (In((5,)), In((2, 3))), {"side": "right"}),
            Case("one", (In((5,)), In(()))), Case("in nothing", (In((0,)), In((2,)))),
            Case("nothing", (In((5,)), In((0, 3)))), Case("transposed", (In((5,)), In((2, 3), "any", "transposed"))),
            Case("strided", (In((5,), "any", "strided"), In((2, 3), "any", "negative"))),
            Case("repeated", (In((5,)), In((2, 3), "any", "broadcast"))),
        ),
        None, REAL, as_int64, differentiable=False,
    ),
    Op("nonzero", lambda x: flat(dl.nonzero(x)), lambda x: flat(np.nonzero(x)), kinds(), None, ALL, as_int64,
       differentiable=False),
    Op("unique_all", lambda x: dl.unique_all(x).indices, lambda x: np.unique(x, return_index=True)[1], unary(), None,
       ALL, as_int64, differentiable=False),
    Op("unique_counts", lambda x: dl.unique_counts(x).counts, lambda x: np.unique(x, return_counts=True)[1], unary(),
       None, ALL, as_int64, differentiable=False),
    Op("unique_inverse", lambda x: dl.unique_inverse(x).inverse_indices,
       lambda x: np.unique(x, return_inverse=True)[1].reshape(x.shape), unary(), None, ALL, as_int64,
       differentiable=False),
    Op("unique_values", dl.unique_values, np.unique, unary(), None, differentiable=False),
    # --- creation ---
    Op("empty", lambda x: filled(dl.empty(x.shape, dtype=x.dtype)), ones, unary(), differentiable=False),
    Op("empty_like", lambda x: filled(dl.empty_like(x)), ones, unary(), differentiable=False),
    Op("eye", lambda x: dl.eye(x.size, x.ndim, k=-1, dtype=x.dtype), lambda x: np.eye(x.size, x.ndim, -1, x.dtype),
       unary(), differentiable=False),
    Op("linspace", lambda x: dl.linspace(-1, x.size, x.size, dtype=x.dtype),
       lambda x: np.linspace(-1, x.size, x.size, dtype=x.dtype), unary(), dtypes=FLOATS, differentiable=False),
]  # fmt: skip
