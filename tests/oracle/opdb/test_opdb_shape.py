"""Operations on shape, indices and order over PyTorch's own sample inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import (
    AXIS_OF_SCALAR,
    Entry,
    NoError,
    Skip,
    check_error_inputs,
    check_samples,
    comparisons,
    named,
)

import dlcore as dl
from dlcore.nn import functional as F

EVERY = ("float64", "complex128", "int64")


def of_scalar(sample: Any) -> bool:
    return sample.input.ndim == 0


SCALAR = Skip("PyTorch takes axis 0 or -1 of a tensor that has no axes; the array API and NumPy refuse it", of_scalar)


def over(function: Callable[..., Any], *positional: str, **names: str) -> Callable[..., Any]:
    return named(function, *(positional or ("axis",)), dim="axis", **names)


def searchsorted(x1: Any, x2: Any, *, out_int32: bool, right: bool = False, **keywords: Any) -> dl.Tensor:
    if out_int32:
        raise NotImplementedError("out_int32")
    return dl.searchsorted(x1, x2, **({"side": "right"} if right else {}) | keywords)


def unique(x: Any, *, return_inverse: bool, return_counts: bool, sorted: bool, dim: Any = None) -> Any:
    if dim is not None:
        raise NotImplementedError("dim")
    found = dl.unique_all(x)
    if not return_inverse and not return_counts:
        return dl.unique_values(x)
    return tuple(
        [found.values, *([found.inverse_indices] if return_inverse else []), *([found.counts] if return_counts else [])]
    )


def index_put(x: Any, index: Any, value: Any, accumulate: bool = False) -> dl.Tensor:
    return dl.index_update(x, tuple(index), value, accumulate=accumulate)


def getitem(x: Any, index: Any) -> dl.Tensor:
    """A list of slices, lists and the like is taken for a tuple by PyTorch."""
    if isinstance(index, list) and not all(isinstance(part, int) for part in index):
        index = tuple(index)
    return x[index]


def repeat(x: Any, repeats: Any, dim: int | None = None, output_size: int | None = None) -> dl.Tensor:
    return dl.repeat(x, repeats, axis=dim)  # the size of the output is a hint


def sort(x: Any, *arguments: Any, **keywords: Any) -> Any:
    return tuple(over(function, "axis", "descending")(x, *arguments, **keywords) for function in (dl.sort, dl.argsort))


TABLE: dict[str, Entry] = {
    # --- joining and cutting ---
    "cat": Entry(
        over(dl.concat), dtypes=EVERY,
        skips=(Skip("PyTorch joins an empty vector to anything", lambda s: any(x.ndim == 1 for x in s.input)
                    and any(x.ndim > 1 for x in s.input)),),
        no_errors=(NoError("a matrix is a sequence of rows", "must be tuple of Tensors"),),
    ),
    "stack": Entry(over(dl.stack), dtypes=EVERY),
    **{name: Entry(named(dl.split, "split_size_or_sections", "axis"), dtypes=EVERY)
       for name in ("split", "split.list_args", "split_with_sizes")},
    "chunk": Entry(named(dl.chunk, "chunks", "axis"), dtypes=EVERY),
    "unbind": Entry(over(dl.unstack), dtypes=EVERY),
    "tile": Entry(named(dl.tile, "repetitions"), dtypes=EVERY),
    "repeat": Entry(named(dl.tile, "repetitions"), dtypes=EVERY),
    "repeat_interleave": Entry(repeat, dtypes=EVERY),
    "broadcast_tensors": Entry(dl.broadcast_arrays, dtypes=EVERY),
    "broadcast_to": Entry(dl.broadcast_to, dtypes=EVERY),
    "meshgrid.variadic_tensors": Entry(dl.meshgrid, dtypes=EVERY),
    "meshgrid.list_of_tensors": Entry(lambda xs, **keywords: dl.meshgrid(*xs, **keywords), dtypes=EVERY),
    # --- rearranging ---
    "roll": Entry(over(dl.roll, "shift", "axis"), dtypes=EVERY),
    "flip": Entry(named(dl.flip, dims="axis"), dtypes=EVERY),
    "movedim": Entry(dl.moveaxis, dtypes=EVERY),
    "transpose": Entry(dl.swapaxes, dtypes=EVERY, skips=(SCALAR,)),
    "permute": Entry(named(dl.permute_dims, "axes", dims="axes"), dtypes=EVERY),
    "reshape": Entry(named(dl.reshape, "shape"), dtypes=EVERY),
    "unsqueeze": Entry(over(dl.expand_dims), dtypes=EVERY),
    **{name: Entry(over(dl.squeeze), dtypes=EVERY, skips=(
        AXIS_OF_SCALAR,
        Skip("an axis of another size than 1 is an error in the array API", lambda s: any(
            s.input.shape[axis] != 1 for axis in (s.args[0] if isinstance(s.args[0], (tuple, list)) else s.args)
        ) if s.args and s.input.ndim else False),
    )) for name in ("squeeze", "squeeze.multiple")},
    "T": Entry(lambda x: x.T, dtypes=EVERY),
    "mT": Entry(dl.matrix_transpose, dtypes=EVERY),
    **{name: Entry(named(getattr(dl, name), "k", diagonal="k"), dtypes=EVERY) for name in ("tril", "triu")},
    **{name: Entry(lambda x, offset=0, dim1=0, dim2=1: dl.diagonal(x, offset=offset, axis1=dim1, axis2=dim2),
                   dtypes=EVERY) for name in ("diagonal", "diagonal_copy")},
    "linalg.diagonal": Entry(named(dl.diagonal, dim1="axis1", dim2="axis2"), dtypes=EVERY),
    "diag_embed": Entry(named(dl.diag_embed, dim1="axis1", dim2="axis2"), dtypes=EVERY),
    "diag": Entry(named(dl.diag, "offset"), dtypes=EVERY),
    # --- indices ---
    "take": Entry(lambda x, index: dl.take(dl.reshape(x, (x.size,)), index), dtypes=EVERY),
    "take_along_dim": Entry(
        over(dl.take_along_axis, "indices", "axis"), dtypes=EVERY,
        skips=(Skip("PyTorch flattens both without an axis", lambda s: len(s.args) == 1, raises=False),),
    ),
    "gather": Entry(
        lambda x, dim, index: x.gather(dim, index), dtypes=EVERY,
        skips=(SCALAR, Skip("PyTorch takes an empty index of any shape", lambda s: s.args[1].ndim != s.input.ndim)),
    ),
    "index_select": Entry(lambda x, dim, index: x.index_select(dim, index), dtypes=EVERY, skips=(SCALAR,)),
    **{
        name: Entry(
            lambda x, dim, index, src, name=name: getattr(x, name)(dim, index, src), dtypes=dtypes, skips=(SCALAR,),
            no_errors=(NoError("values are converted to the dtype of x", "self.dtype to be equal to src.dtype"),),
        )
        for name, dtypes in (("scatter", EVERY[:2]), ("scatter_add", EVERY[:3]))
    },
    "index_put": Entry(index_put, dtypes=EVERY[:3]),
    "__getitem__": Entry(getitem, dtypes=EVERY),
    "where": Entry(lambda x, condition, y: dl.where(condition, x, y), dtypes=EVERY),
    "masked_fill": Entry(lambda x, mask, value: x.masked_fill(mask, value), dtypes=EVERY[:3]),
    "masked_select": Entry(lambda x, mask: x.masked_select(mask), dtypes=EVERY),
    "nonzero": Entry(
        lambda x, as_tuple=False: dl.nonzero(x) if as_tuple else dl.stack(dl.nonzero(x), axis=1), dtypes=EVERY,
        skips=(Skip("PyTorch takes a tensor without axes for a vector, or for a matrix without columns", of_scalar),),
    ),
    # --- order; floats alone, as PyTorch promises no order of equal elements ---
    "sort": Entry(sort, skips=(SCALAR,), dtypes=EVERY[:1]),
    "argsort": Entry(over(dl.argsort, "axis", "descending"), skips=(SCALAR,), dtypes=EVERY[:1]),
    "msort": Entry(lambda x: dl.sort(x, axis=0), dtypes=EVERY),
    "topk": Entry(named(dl.topk, "k", "axis", "largest", "sorted"), skips=(SCALAR,), dtypes=EVERY[:1]),
    "searchsorted": Entry(
        searchsorted, dtypes=EVERY,
        skips=(
            Skip("results are int64", lambda s: s.kwargs["out_int32"]),
            Skip("the array API looks up in a vector", lambda s: s.input.ndim != 1),
            Skip("numbers are no tensors", lambda s: not hasattr(s.args[0], "ndim")),
        ),
    ),
    "unique": Entry(
        unique, dtypes=EVERY,
        skips=(
            Skip("the array API has no axis here", lambda s: s.kwargs["dim"] is not None),
            Skip("values always come in order", lambda s: not s.kwargs["sorted"], raises=False),
        ),
    ),
    # --- creation ---
    "eye": Entry(dl.eye, dtypes=EVERY),
    "linspace": Entry(dl.linspace, dtypes=("float64",)),
    **{name: Entry(getattr(dl, name), dtypes=EVERY)
       for name in ("zeros", "ones", "zeros_like", "ones_like", "full_like")},
    "full": Entry(dl.full, dtypes=EVERY),
    "nn.functional.one_hot": Entry(dl.one_hot, dtypes=("int64",)),
    # --- padding ---
    **{
        f"nn.functional.pad.{mode}": Entry(F.pad, dtypes=EVERY)
        for mode in ("constant", "reflect", "replicate", "replicate_negative", "circular")
    },
    "constant_pad_nd": Entry(lambda x, pads, value=0: F.pad(x, pads, "constant", value), dtypes=EVERY),
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
def test_samples(name: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples(name, TABLE[name], dtype, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_error_inputs(name, TABLE[name], rng)
