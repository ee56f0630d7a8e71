"""The device `cuda`: CuPy arrays and the CUDA kernels of `kernels/cuda`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dlcore._errors import DeviceError
from dlcore.backend import Backend

__all__ = ["create"]


def create(index: int) -> Backend:
    """The backend for GPU number `index`; that it is there has been checked by the device's probe."""
    import cupy

    from .backend import CupyBackend

    _keep_compiled_kernels()
    backend = CupyBackend(cupy, index, "cuda")
    try:
        backend.launcher.kernel("index_range", "check_index_range", VALUE="long long")
    except Exception as error:  # whatever CuPy raises: a toolkit that is missing or does not fit the driver
        raise DeviceError(
            f"device 'cuda:{index}': CuPy cannot compile and load a kernel here ({type(error).__name__}: {error}). "
            "CuPy's wheel must fit the driver (cupy-cuda12x for CUDA 12, cupy-cuda13x for CUDA 13) and finds NVRTC "
            "in a CUDA toolkit or in the extra of its wheel: pip install 'cupy-cuda13x[ctk]'"
        ) from error
    return backend


def _keep_compiled_kernels() -> None:
    """Give CuPy another folder for compiled kernels if it cannot write its own, where it would fail instead."""
    folder = Path(os.environ.get("CUPY_CACHE_DIR") or Path.home() / ".cupy" / "kernel_cache")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError:
        private = Path(tempfile.gettempdir()) / f"dlcore-cupy-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
        private.mkdir(mode=0o700, exist_ok=True)
        os.environ["CUPY_CACHE_DIR"] = str(private)
