"""Arrays of more than 2**31 elements, which 32-bit indices do not reach: 10 GB of memory, so only in `make full`."""

from __future__ import annotations

import os

import numpy as np
import pytest

import dlcore as dl
import dlcore.nn.functional as F
from dlcore.backends.cusim import memory

LARGE = 2**31 + 24

pytestmark = pytest.mark.skipif(not os.environ.get("DLCORE_LARGE"), reason="needs 10 GB; DLCORE_LARGE=1 runs it")


def test_an_array_of_more_than_2_to_the_31_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.DEVICE_MEMORY[0], "total", 16 << 30)
    with dl.device("cusim"):
        x = dl.zeros(LARGE, dtype="float16")
        x[-3:] = dl.tensor([-2.0, 3.0, float("nan")], dtype="float16")
        x[2**31 - 1 : 2**31 + 1] = dl.tensor([5.0, -6.0], dtype="float16")
        y = F.relu(x)
        assert y.shape == (LARGE,)
        np.testing.assert_array_equal(y[-4:].numpy(), np.array([0, 0, 3, np.nan], np.float16))
        np.testing.assert_array_equal(y[2**31 - 2 : 2**31 + 2].numpy(), np.array([0, 5, 0, 0], np.float16))
        assert y[:100_000].numpy().any() == np.False_
        dl.cuda.synchronize()
        del x, y
        dl.cuda.empty_cache()
