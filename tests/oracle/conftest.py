"""PyTorch with one thread: the samples are small, and two threads that wait for each other are slower than one."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", exc_type=ImportError)
torch.set_num_threads(1)
