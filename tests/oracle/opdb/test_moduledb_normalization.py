"""Normalisation layers and the embedding on PyTorch's own samples of modules: see module_harness.py."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from oracle.opdb.harness import NoError
from oracle.opdb.module_harness import Module, check_module, check_module_errors

from dlcore import nn

TABLE = {
    "BatchNorm1d": Module(nn.BatchNorm1d),
    "BatchNorm2d": Module(nn.BatchNorm2d),
    "LayerNorm": Module(nn.LayerNorm),
    "GroupNorm": Module(nn.GroupNorm),
    "RMSNorm": Module(nn.RMSNorm),
    "Embedding": Module(nn.Embedding, no_errors=(NoError("indices may be of any integer dtype", "Long"),)),
}


@pytest.mark.every_device
@pytest.mark.parametrize(("name", "training"), list(product(TABLE, (True, False))))
def test_samples(name: str, training: bool, rng: np.random.Generator) -> None:
    check_module(name, TABLE[name], training, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_module_errors(name, TABLE[name], rng)
