"""The variables that steer the simulator, read whenever they matter."""

from __future__ import annotations

import os

DEVICES = 2  # cusim:0 and cusim:1


def check_mode() -> bool:
    """`DLCORE_CUSIM_CHECK=1`: kernels are compiled and run with every access checked."""
    return os.environ.get("DLCORE_CUSIM_CHECK", "0") not in ("", "0")


def thread_order() -> int:
    """`DLCORE_CUSIM_ORDER`: 0 forward, 1 reverse, 2 shuffled."""
    value = os.environ.get("DLCORE_CUSIM_ORDER", "").strip() or "0"
    if value not in ("0", "1", "2"):
        raise ValueError(f"DLCORE_CUSIM_ORDER={value}: expected 0 (forward), 1 (reverse) or 2 (shuffled)")
    return int(value)
