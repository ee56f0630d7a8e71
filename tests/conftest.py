"""Fixtures that every test may use."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

import dlcore as dl


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With DLCORE_DEVICE naming a GPU, tests marked `host_memory` (that arrays are NumPy's) have no meaning."""
    if issubclass(dl.current_device().backend.array_type, np.ndarray):
        return
    for item in items:
        if item.get_closest_marker("host_memory"):
            item.add_marker(pytest.mark.skip(reason="for devices whose memory is the host's"))


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh generator for each test. Its seed is printed, so a failure can be replayed with DLCORE_TEST_SEED."""
    seed = int(os.environ.get("DLCORE_TEST_SEED", random.randrange(2**32)))
    print(f"DLCORE_TEST_SEED={seed}")
    return np.random.default_rng(seed)
