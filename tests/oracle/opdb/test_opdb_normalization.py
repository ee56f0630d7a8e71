"""Normalisation and embedding on PyTorch's own samples: see harness.py."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from oracle.opdb.harness import Entry, Skip, check_error_inputs, check_samples, comparisons

import dlcore.nn.functional as F

NO_CHANNELS = Skip("an input without an axis of channels", lambda sample: sample.input.ndim == 1)
ONE_ELEMENT = Skip(
    "rows of one element: their gradient is 0, in PyTorch the rounding error of 0",
    lambda sample: prod(sample.args[0]) == 1,
    raises=False,
)
TABLE = {
    "nn.functional.batch_norm": Entry(F.batch_norm, skips=(NO_CHANNELS,)),
    "nn.functional.batch_norm.without_cudnn": Entry(F.batch_norm, skips=(NO_CHANNELS,)),
    "nn.functional.layer_norm": Entry(F.layer_norm, skips=(ONE_ELEMENT,)),
    "nn.functional.group_norm": Entry(F.group_norm),
    "nn.functional.instance_norm": Entry(F.instance_norm),
    "nn.functional.rms_norm": Entry(F.rms_norm, dtypes=("float64",)),  # of complex numbers, too, in PyTorch
    "nn.functional.embedding": Entry(lambda weight, index, **options: F.embedding(index, weight, **options)),
}


@pytest.mark.every_device
@pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
def test_samples(name: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples(name, TABLE[name], dtype, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_error_inputs(name, TABLE[name], rng)
