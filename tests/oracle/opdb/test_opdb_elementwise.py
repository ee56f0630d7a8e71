"""Elementwise functions and reductions over PyTorch's own sample inputs."""

from __future__ import annotations

import numpy as np
import pytest
from oracle.opdb.harness import AXIS_OF_SCALAR, Entry, check_error_inputs, check_samples, comparisons, named

import dlcore as dl

TABLE: dict[str, Entry] = {
    **{name: Entry(getattr(dl, name)) for name in ("exp", "log", "log1p", "sqrt", "tanh", "abs", "square")},
    **{
        name: Entry(named(getattr(dl, name), dim="axis", keepdim="keepdims"), skips=(AXIS_OF_SCALAR,))
        for name in ("sum", "mean")
    },
}


@pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
def test_samples(name: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples(name, TABLE[name], dtype, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_error_inputs(name, TABLE[name], rng)
