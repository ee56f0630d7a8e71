"""Layers of convolution, pooling, dropout and their like on PyTorch's own samples: see module_harness.py."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from oracle.opdb.module_harness import Module, check_module, check_module_errors

from dlcore import nn

TABLE = {
    name: Module(getattr(nn, name))
    for name in (
        "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d",
        "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    )
}  # fmt: skip


@pytest.mark.every_device
@pytest.mark.parametrize(("name", "training"), list(product(TABLE, (True, False))))
def test_samples(name: str, training: bool, rng: np.random.Generator) -> None:
    check_module(name, TABLE[name], training, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_module_errors(name, TABLE[name], rng)
