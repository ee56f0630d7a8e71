"""The device that the tests of single kernels run on: the simulator, or the GPU that DLCORE_DEVICE names."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import pytest

from dlcore.backends.cusim import counters

DEVICE = "cuda" if os.environ.get("DLCORE_DEVICE", "").startswith("cuda") else "cusim"
#: For tests of what only the simulator counts or checks.
simulated = pytest.mark.skipif(DEVICE != "cusim", reason="the simulator counts this")


def new_backend() -> Any:
    return import_module(f"dlcore.backends.{DEVICE}").create(0)


def moved(record: counters.Record, kernel: str) -> int:
    """The bytes that one kernel read and wrote, each counted once a launch; in check mode."""
    return int(record.bytes_read[kernel] + record.bytes_written[kernel])
