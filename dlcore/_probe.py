"""What each built-in device needs from the machine, and how to get it.

A probe answers a `Lack` (what is missing, and the remedy) or None. It imports nothing that is not
installed and never raises.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import NamedTuple


class Lack(NamedTuple):
    """Why a device cannot be used, and what to do about it."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}. {self.remedy}"


Probe = Callable[[int], "Lack | None"]


def nothing(index: int) -> Lack | None:
    """The probe of a device that needs only the installed package."""
    return None


def c_compiler(index: int) -> Lack | None:
    return _compiler("CC", ("cc", "gcc", "clang"), "C")


def cpp_compiler(index: int) -> Lack | None:
    return _compiler("CXX", ("c++", "g++", "clang++"), "C++")


def _compiler(variable: str, names: tuple[str, ...], language: str) -> Lack | None:
    import shutil

    chosen = os.environ.get(variable)
    candidates = (chosen,) if chosen else names
    if any(shutil.which(candidate) for candidate in candidates):
        return None
    looked_for = f"{variable}={chosen}" if chosen else f"{', '.join(names)} on PATH"
    return Lack(
        f"no {language} compiler was found (looked for {looked_for})",
        f"Install one (Debian: 'apt install build-essential'; macOS: 'xcode-select --install') or set {variable}",
    )


def cuda_count() -> int:
    """The number of GPUs that answer, 0 if CuPy or the driver is missing."""
    if cuda(0) is not None:
        return 0
    return int(importlib.import_module("cupy").cuda.runtime.getDeviceCount())


def cuda(index: int) -> Lack | None:
    """CuPy, then the driver, then the device number: the first that is missing is named."""
    install = "Install it with 'pip install cupy-cuda13x' (or cupy-cuda12x for a CUDA 12 driver)"
    if importlib.util.find_spec("cupy") is None:
        return Lack("CuPy is not installed", install)
    try:
        runtime = importlib.import_module("cupy").cuda.runtime
    except Exception as error:  # any failure of a foreign import is a reason to report, not to crash
        return Lack(f"CuPy is installed but cannot be imported ({type(error).__name__}: {error})", install)
    try:
        count = runtime.getDeviceCount()
    except Exception as error:  # CUDARuntimeError, whose class cannot be named without CuPy
        return Lack(
            f"CuPy finds no usable NVIDIA driver ({error})",
            "Install the NVIDIA driver for your GPU, or use DLCORE_DEVICE=cpu; 'nvidia-smi' shows what the driver sees",
        )
    if count == 0:
        return Lack("CuPy finds no NVIDIA GPU", "Use DLCORE_DEVICE=cpu; 'nvidia-smi' shows what the driver sees")
    if index >= count:
        numbers = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        return Lack(f"there is no device number {index}: this machine has {count} CUDA device(s)", f"Use {numbers}")
    return None
