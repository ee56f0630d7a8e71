"""Convolution, pooling, upsampling and dropout on PyTorch's own samples: see harness.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import (
    Entry,
    Skip,
    check_error_inputs,
    check_samples,
    comparisons,
    op_infos,
    refuse,
    samples,
    torch,
)

from dlcore import nn
from dlcore.nn import functional as F


def _drops(sample: Any) -> bool:
    return bool(sample.kwargs.get("training", True)) and 0 < sample.kwargs.get("p", 0.5) < 1


def unflatten(x: Any, dim: int, sizes: Any) -> Any:
    return nn.Unflatten(dim, sizes)(x)


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    return nn.Flatten(start_dim, end_dim)(x)


OTHER_MODE = Skip("a mode that is not there", lambda sample: True)
REAL = ("float64",)
RANDOM = Skip("other random numbers, the same on every device", _drops, raises=False)
TABLE = {
    "nn.functional.conv1d": Entry(F.conv1d, dtypes=REAL),
    "nn.functional.conv2d": Entry(F.conv2d, dtypes=REAL),
    "nn.functional.conv_transpose1d": Entry(F.conv_transpose1d, dtypes=REAL),
    "nn.functional.conv_transpose2d": Entry(F.conv_transpose2d, dtypes=REAL),
    "nn.functional.max_pool1d": Entry(F.max_pool1d, dtypes=REAL),
    "nn.functional.max_pool2d": Entry(F.max_pool2d, dtypes=REAL),
    "nn.functional.avg_pool1d": Entry(F.avg_pool1d, dtypes=REAL),
    "nn.functional.avg_pool2d": Entry(F.avg_pool2d, dtypes=REAL),
    "nn.functional.adaptive_avg_pool1d": Entry(F.adaptive_avg_pool1d, dtypes=REAL),
    "nn.functional.adaptive_avg_pool2d": Entry(F.adaptive_avg_pool2d, dtypes=REAL),
    "nn.functional.adaptive_max_pool1d": Entry(F.adaptive_max_pool1d, dtypes=REAL),
    "nn.functional.adaptive_max_pool2d": Entry(F.adaptive_max_pool2d, dtypes=REAL),
    "nn.functional.interpolate.nearest": Entry(F.interpolate, dtypes=REAL),
    "nn.functional.dropout": Entry(F.dropout, dtypes=REAL, skips=(RANDOM,)),
    "nn.functional.dropout2d": Entry(F.dropout2d, dtypes=REAL, skips=(RANDOM,)),
    "nn.functional.interpolate.nearest-exact": Entry(F.interpolate, dtypes=REAL, skips=(OTHER_MODE,)),
    "nn.functional.interpolate.linear": Entry(F.interpolate, dtypes=REAL, skips=(OTHER_MODE,)),
    "nn.functional.interpolate.bilinear": Entry(F.interpolate, dtypes=REAL, skips=(OTHER_MODE,)),
    "nn.functional.interpolate.bicubic": Entry(F.interpolate, dtypes=REAL, skips=(OTHER_MODE,)),
    "nn.functional.interpolate.area": Entry(F.interpolate, dtypes=REAL, skips=(OTHER_MODE,)),
    "unflatten": Entry(unflatten),
    "flatten": Entry(flatten),
}


OTHER_DTYPES = [
    (name, dtype)
    for name in TABLE
    if name.startswith("nn.") and TABLE[name].dtypes == REAL
    for dtype in ("complex128", "int64")
    if getattr(torch, dtype) in op_infos()[name].supported_dtypes("cpu")
]


@pytest.mark.parametrize(("name", "dtype"), OTHER_DTYPES)
def test_other_dtypes_are_refused(name: str, dtype: str, rng: np.random.Generator) -> None:
    """PyTorch convolves complex numbers, and pools integers."""
    for sample in samples(name, dtype, rng)[:20]:
        refuse(TABLE[name], sample)


def _negated(function: Any) -> Any:
    """Minima as maxima: PyTorch has no function for them."""

    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(-x, *args, **kwargs)
        return (-result[0], result[1]) if isinstance(result, tuple) else -result

    return call


MINIMA = {
    "nn.functional.max_pool1d": Entry(_negated(F.min_pool1d)),
    "nn.functional.max_pool2d": Entry(_negated(F.min_pool2d)),
}


@pytest.mark.parametrize("name", MINIMA)
def test_minima(name: str, rng: np.random.Generator) -> None:
    check_samples(name, MINIMA[name], "float64", rng)
    check_error_inputs(name, MINIMA[name], rng)


@pytest.mark.every_device
@pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
def test_samples(name: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples(name, TABLE[name], dtype, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_error_inputs(name, TABLE[name], rng)
