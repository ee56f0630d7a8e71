"""Random arguments, as in `test_fuzz`, for the operations on shape, indices and order."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import dlcore as dl

from .test_fuzz import arrays, axes, check, common, tensor

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

#: Every name that is tried here.
THROWN = {
    "argsort", "broadcast_arrays", "chunk", "diag", "diag_embed", "diagonal", "flip", "gather", "mask", "moveaxis",
    "nonzero", "repeat", "roll", "scatter", "scatter_add", "searchsorted", "sort", "split", "stack", "swapaxes", "take",
    "take_along_axis", "tile", "topk", "tril", "triu", "unique_all", "unique_counts", "unique_inverse",
    "unique_values", "unstack",
}  # fmt: skip
#: Of these the cases of the table are enough.
BY_THE_TABLE_ALONE = {"empty", "empty_like", "eye", "linspace", "meshgrid"}

numbers = st.integers(-4, 4)
lists = st.one_of(numbers, st.lists(numbers, max_size=3).map(tuple))


def flat(parts: Any) -> Any:
    """Several results as one; of NumPy's and of ours."""
    if not len(parts):
        return np.zeros(0) if not isinstance(parts, tuple) else dl.zeros(0, dtype="float64")
    xp: Any = dl if isinstance(parts[0], dl.Tensor) else np
    return xp.concat([xp.reshape(part, (part.size,)) for part in parts])


def has_axes(x: np.ndarray) -> np.ndarray:
    if x.ndim == 0:
        raise ValueError  # NumPy takes axis 0 of what has none, in some functions
    return x


@given(x=arrays(), shift=lists, axis=axes)
@SETTINGS
def test_roll(x: np.ndarray, shift: Any, axis: Any) -> None:
    def expect() -> Any:
        if isinstance(shift, tuple) and len(shift) != (1 if axis is None or isinstance(axis, int) else len(axis)):
            raise ValueError  # NumPy broadcasts the two, and sums shifts of the flat array
        if axis == ():
            return x  # NumPy stumbles
        return np.roll(x, shift, axis)

    check("roll", lambda: dl.roll(tensor(x), shift, axis=axis), expect, [x], False)


@given(x=arrays(), axis=axes, source=lists, destination=lists)
@SETTINGS
def test_axes(x: np.ndarray, axis: Any, source: Any, destination: Any) -> None:
    check("flip", lambda: dl.flip(tensor(x), axis=axis), lambda: np.flip(x, axis), [x], x.ndim > 0)
    check(
        "moveaxis",
        lambda: dl.moveaxis(tensor(x), source, destination),
        lambda: np.moveaxis(x, source, destination),
        [x],
    )
    if isinstance(source, int) and isinstance(destination, int):
        check("swapaxes", lambda: dl.swapaxes(tensor(x), source, destination),
              lambda: np.swapaxes(x, source, destination), [x])  # fmt: skip


@given(x=arrays(), k=st.one_of(numbers, st.just(2**70)), axis1=numbers, axis2=numbers)
@SETTINGS
def test_triangles_and_diagonals(x: np.ndarray, k: int, axis1: int, axis2: int) -> None:
    near = min(k, 9)
    for name in ("tril", "triu"):

        def triangle(name: str = name) -> Any:
            if x.ndim < 2:
                raise ValueError  # NumPy makes a matrix of a vector
            return getattr(np, name)(x, near)

        check(name, lambda n=name: getattr(dl, n)(tensor(x), k=k), triangle, [x])
    check("diagonal", lambda: dl.diagonal(tensor(x), offset=k, axis1=axis1, axis2=axis2),
          lambda: np.diagonal(x, near, axis1, axis2), [x])  # fmt: skip
    if k < 9:
        check("diag", lambda: dl.diag(tensor(x), offset=k), lambda: np.diag(x, k), [x], x.ndim in (1, 2))

        def embedded() -> Any:
            size = has_axes(x).shape[-1] + abs(k)
            out = np.zeros((*x.shape[:-1], size, size), x.dtype)
            for i in range(x.shape[-1]):
                out[..., i + max(-k, 0), i + max(k, 0)] = x[..., i]
            return out

        check("diag_embed", lambda: dl.diag_embed(tensor(x), offset=k), embedded, [x])


@given(x=arrays(), size=st.one_of(numbers, st.lists(st.integers(-1, 4), max_size=4)), axis=st.integers(-3, 2))
@SETTINGS
def test_cutting(x: np.ndarray, size: Any, axis: int) -> None:
    def cut(size: Any) -> Any:
        n = has_axes(x).shape[axis]
        if isinstance(size, list):
            if min(size, default=0) < 0 or sum(size) != n:
                raise ValueError
            return flat(np.split(x, np.cumsum(size)[:-1], axis)) if size else np.zeros(0, x.dtype)
        if size < 0 or (size == 0 and n):
            raise ValueError
        return flat(np.split(x, range(size, n, size), axis)) if n else np.zeros(0, x.dtype)

    def chunks() -> Any:
        if size < 1:
            raise ValueError
        return cut(max(1, -(-has_axes(x).shape[axis] // size)))

    def joined(parts: Any) -> Any:
        return flat(parts) if parts else dl.zeros(0, dtype=x.dtype)

    check("split", lambda: joined(dl.split(tensor(x), size, axis)), lambda: cut(size), [x])
    if isinstance(size, int):
        check("chunk", lambda: joined(dl.chunk(tensor(x), size, axis)), chunks, [x])
    check("unstack", lambda: joined(dl.unstack(tensor(x), axis=axis)),
          lambda: np.moveaxis(has_axes(x), axis, 0).reshape(-1), [x])  # fmt: skip


@given(xs=st.lists(arrays(), min_size=1, max_size=3), same=st.booleans(), axis=st.integers(-3, 3))
@SETTINGS
def test_joining(xs: list[np.ndarray], same: bool, axis: int) -> None:
    parts = [xs[0] for _ in xs] if same else xs

    def expect() -> Any:
        dtype = parts[0].dtype
        for x in parts[1:]:
            dtype = common(np.empty(0, dtype), x)
        return np.stack([x.astype(dtype) for x in parts], axis)

    check("stack", lambda: dl.stack([tensor(x) for x in parts], axis=axis), expect, parts)
    kinds = {x.dtype for x in parts}
    if len(kinds) == 1:
        check("broadcast_arrays", lambda: flat(dl.broadcast_arrays(*map(tensor, parts))),
              lambda: flat(np.broadcast_arrays(*parts)), parts)  # fmt: skip


@given(x=arrays(), counts=lists, repeats=st.integers(-1, 3), axis=st.one_of(st.none(), st.integers(-3, 2)))
@SETTINGS
def test_repeating(x: np.ndarray, counts: Any, repeats: int, axis: int | None) -> None:
    def tiled() -> Any:
        if np.min(counts, initial=0) < 0:
            raise ValueError  # NumPy takes any number for an empty array
        return np.tile(x, counts)

    check("tile", lambda: dl.tile(tensor(x), counts), tiled, [x])

    def expect() -> Any:
        if repeats < 0:
            raise ValueError
        return np.repeat(x if axis is None else has_axes(x), repeats, axis)

    check("repeat", lambda: dl.repeat(tensor(x), repeats, axis=axis), expect, [x])


@given(
    x=arrays(), index=arrays(st.lists(st.integers(0, 3), max_size=3).map(tuple), st.sampled_from(["int64", "uint8"])),
    low=st.integers(-4, 0), axis=st.integers(-3, 2),
)  # fmt: skip
@SETTINGS
def test_gathering(x: np.ndarray, index: np.ndarray, low: int, axis: int) -> None:
    n = x.shape[axis] if -x.ndim <= axis < x.ndim else 0
    index = np.asarray(index.astype(np.int64) % max(n - low, 1) + low)  # of which some may be out of range
    good = bool(x.ndim and n and index.size and low >= -n)
    check("take", lambda: dl.take(tensor(x), tensor(index), axis=axis), lambda: np.take(has_axes(x), index, axis),
          [x, index], good)  # fmt: skip
    fits = index.reshape((1,) * (x.ndim - 1) + (-1,)).swapaxes(-1, axis) if x.ndim and n else index
    for places in (index, fits):
        check("take_along_axis", lambda i=places: dl.take_along_axis(tensor(x), tensor(i), axis=axis),
              lambda i=places: np.take_along_axis(has_axes(x), i, axis), [x, places],
              good and places.ndim == x.ndim)  # fmt: skip

    def gathered() -> Any:
        if index.ndim != has_axes(x).ndim or (index.size and (index.min() < 0 or index.max() >= n)):
            raise IndexError
        sizes = [slice(None if i == axis % x.ndim else size) for i, size in enumerate(index.shape)]
        if any(a > b for i, (a, b) in enumerate(zip(index.shape, x.shape, strict=True)) if i != axis % x.ndim):
            raise IndexError
        return np.take_along_axis(x[tuple(sizes)], index, axis)

    check("gather", lambda: tensor(x).gather(axis, tensor(index)), gathered, [x, index])
    values = (np.arange(index.size).reshape(index.shape) % 5).astype(x.dtype)
    for name in ("scatter", "scatter_add"):

        def put(name: str = name) -> Any:
            gathered()
            out, places = x.copy(), [np.indices(index.shape, sparse=False)[i] for i in range(x.ndim)]
            places[axis] = index
            numbers = np.arange(x.size).reshape(x.shape)[tuple(places)]
            if name == "scatter":
                if np.unique(numbers).size != numbers.size:
                    raise IndexError
                out[tuple(places)] = values
            elif x.dtype.kind == "b":
                raise TypeError
            else:
                sums = np.zeros_like(x)
                np.add.at(sums, tuple(places), values)
                out = out + sums
            return out

        check(name, lambda n=name: getattr(dl, n)(tensor(x), tensor(index), tensor(values), axis), put, [x, index])


@given(x=arrays(), axis=st.integers(-3, 2), descending=st.booleans(), k=st.integers(-1, 4))
@SETTINGS
def test_order(x: np.ndarray, axis: int, descending: bool, k: int) -> None:
    def order() -> Any:
        if x.dtype.kind == "c":
            raise TypeError
        if descending:
            places = np.argsort(np.flip(has_axes(x), axis), axis, kind="stable")
            return x.shape[axis] - 1 - np.flip(places, axis)
        return np.argsort(has_axes(x), axis, kind="stable")

    def head() -> Any:
        places = order()
        if not 0 <= k <= x.shape[axis]:
            raise ValueError
        return np.moveaxis(np.moveaxis(places, axis, 0)[:k], 0, axis)

    options: dict[str, Any] = {"axis": axis, "descending": descending}
    check("argsort", lambda: dl.argsort(tensor(x), **options), order, [x])
    check("sort", lambda: dl.sort(tensor(x), **options), lambda: np.take_along_axis(x, order(), axis), [x])
    check("topk", lambda: dl.topk(tensor(x), k, axis, descending).indices, head, [x])


@given(x=arrays(), y=arrays(), right=st.booleans())
@SETTINGS
def test_searching(x: np.ndarray, y: np.ndarray, right: bool) -> None:
    side = "right" if right else "left"

    def expect() -> Any:
        if x.ndim != 1 or "c" in x.dtype.kind + y.dtype.kind:
            raise ValueError
        dtype = common(x, y)
        return np.searchsorted(np.sort(x).astype(dtype), y.astype(dtype), side)

    ordered = x if x.dtype.kind == "c" else np.sort(x.reshape(-1)).reshape(x.shape)
    check("searchsorted", lambda: dl.searchsorted(tensor(ordered), tensor(y), side=side), expect, [x, y])
    check("nonzero", lambda: flat(dl.nonzero(tensor(x))), lambda: flat(np.nonzero(has_axes(x))), [x])
    values, indices, inverse, counts = np.unique(x, True, True, True, equal_nan=False)
    found = dl.unique_all(tensor(x))
    for mine, theirs in zip(found, (values, indices, inverse.reshape(x.shape), counts), strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs)
    pairs = (dl.unique_values(tensor(x)), *dl.unique_counts(tensor(x)), *dl.unique_inverse(tensor(x)))
    for mine, theirs in zip(pairs, (values, values, counts, values, found.inverse_indices.numpy()), strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs)
