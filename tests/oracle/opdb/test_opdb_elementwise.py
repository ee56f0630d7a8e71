"""Elementwise functions and reductions over PyTorch's own sample inputs."""

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
    has,
    named,
)

import dlcore as dl
from dlcore.ops.norms import vector_norm

NUMBERS = ("float64", "complex128", "float32")
WHOLE = ("int64", "bool")


NUMBER = NoError(
    "a Python number may stand for one of the tensors", "", lambda sample: hasattr(sample.input, "numel")
    or any(hasattr(x, "numel") for x in sample.args),
)  # fmt: skip


def over(function: Callable[..., Any], *positional: str, **names: str) -> Callable[..., Any]:
    """A function of an axis, which PyTorch calls dim."""
    return named(function, *(positional or ("axis", "keepdims")), dim="axis", keepdim="keepdims", **names)


def one_argument(names: str, dtypes: tuple[str, ...] = NUMBERS) -> dict[str, Entry]:
    return {name: Entry(getattr(dl, name), dtypes=dtypes) for name in names.split()}


def two_arguments(names: str, dtypes: tuple[str, ...] = NUMBERS, *skips: Skip) -> dict[str, Entry]:
    """Names of PyTorch, followed by ":name" where ours is another."""
    pairs = [name.partition(":") for name in names.split()]
    return {name: Entry(getattr(dl, ours or name), skips, (NUMBER,), dtypes) for name, _, ours in pairs}


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """var or std: PyTorch divides by n - 1 unless told otherwise, and has an older argument for that."""

    def call(x: Any, *unbiased: bool, **keywords: Any) -> Any:
        biased = keywords.pop("unbiased", unbiased[0] if unbiased else True)
        correction = keywords.pop("correction", None)
        return over(function)(x, correction=int(biased) if correction is None else correction, **keywords)

    return call


TABLE: dict[str, Entry] = {
    **one_argument("exp expm1 log log1p log2 log10 sqrt rsqrt reciprocal square sigmoid abs sin cos tan"),
    **one_argument("asin acos atan sinh cosh tanh asinh acosh atanh erf erfc erfinv floor ceil round trunc sign"),
    **one_argument("isnan isinf isfinite logical_not signbit", (*NUMBERS, *WHOLE)),
    **{
        f"round.decimals_{digits}": Entry(dl.round, (Skip("the standard rounds to whole numbers", has("decimals")),))
        for digits in ("0", "3", "neg_3")
    },
    "sgn": Entry(dl.sign, dtypes=NUMBERS),
    "bitwise_not": Entry(dl.bitwise_invert, dtypes=WHOLE),
    **two_arguments("add sub:subtract", NUMBERS, Skip("no factor on the second operand", has("alpha"))),
    **two_arguments("mul:multiply div.no_rounding_mode:divide pow remainder"),
    **two_arguments("atan2 hypot copysign logaddexp maximum minimum"),
    **two_arguments("logical_and logical_or logical_xor", (*NUMBERS, *WHOLE)),
    **two_arguments("bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift", WHOLE),
    **{name: Entry(over(getattr(dl, name)), (AXIS_OF_SCALAR,), dtypes=NUMBERS)
       for name in ("sum", "prod", "logsumexp")},
    "mean": Entry(
        over(dl.mean), (AXIS_OF_SCALAR,),
        (NoError("integers give float32", "could not infer output dtype"),), NUMBERS,
    ),
    "amax": Entry(over(dl.max), (AXIS_OF_SCALAR,), dtypes=NUMBERS),
    "amin": Entry(over(dl.min), (AXIS_OF_SCALAR,), dtypes=NUMBERS),
    **{
        name: Entry(over(getattr(dl, name)), (AXIS_OF_SCALAR,), dtypes=("float64", "complex128", *WHOLE))
        for name in ("argmax", "argmin", "any", "all", "count_nonzero")
    },
    **{name: Entry(spread(getattr(dl, name.partition(".")[0])), dtypes=NUMBERS)
       for name in ("var", "std", "var.unbiased", "std.unbiased")},
    "cumsum": Entry(over(dl.cumulative_sum), (AXIS_OF_SCALAR,), dtypes=NUMBERS),
    "cumprod": Entry(over(dl.cumulative_prod), (AXIS_OF_SCALAR,), dtypes=NUMBERS),
    "linalg.vector_norm": Entry(over(vector_norm), (AXIS_OF_SCALAR,), dtypes=NUMBERS),
}  # fmt: skip


@pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
def test_samples(name: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples(name, TABLE[name], dtype, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_error_inputs(name, TABLE[name], rng)
