"""Fixtures that every test may use."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh generator for each test. Its seed is printed, so a failure can be replayed with DLCORE_TEST_SEED."""
    seed = int(os.environ.get("DLCORE_TEST_SEED", random.randrange(2**32)))
    print(f"DLCORE_TEST_SEED={seed}")
    return np.random.default_rng(seed)
