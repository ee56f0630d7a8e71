"""The device `cusim`: the CUDA backend and the CUDA kernels, run and checked on the CPU.

`namespace` stands in for the module `cupy`, `engine` compiles and runs CUDA text, `counters` says what happened.
"""

from __future__ import annotations

from dlcore._errors import DeviceError
from dlcore.backend import Backend

from .settings import DEVICES

__all__ = ["create"]


def create(index: int) -> Backend:
    """The backend of simulated device number `index`; there are two."""
    from ..cupy.backend import CupyBackend
    from . import namespace

    if not 0 <= index < DEVICES:
        raise DeviceError(f"device 'cusim:{index}': there are {DEVICES} simulated devices, 'cusim:0' and 'cusim:1'")
    return CupyBackend(namespace, index, "cusim")
