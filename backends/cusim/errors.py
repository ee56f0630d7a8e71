"""CUDA's errors, with CuPy's classes and CUDA's names for them."""

from __future__ import annotations

from .engine import KernelError

_DRIVER = {
    1: ("CUDA_ERROR_INVALID_VALUE", "invalid argument"),
    2: ("CUDA_ERROR_OUT_OF_MEMORY", "out of memory"),
    500: ("CUDA_ERROR_NOT_FOUND", "named symbol not found"),
}
_RUNTIME = {
    1: ("cudaErrorInvalidValue", "invalid argument"),
    2: ("cudaErrorMemoryAllocation", "out of memory"),
    101: ("cudaErrorInvalidDevice", "invalid device ordinal"),
    400: ("cudaErrorInvalidResourceHandle", "invalid resource handle"),
    600: ("cudaErrorNotReady", "device not ready"),
}

INVALID_VALUE, OUT_OF_MEMORY, INVALID_DEVICE, INVALID_HANDLE, NOT_FOUND = 1, 2, 101, 400, 500


class CUDADriverError(RuntimeError):
    """What the driver refuses. `detail` is the simulator's addition: CUDA itself does not say what was wrong."""

    def __init__(self, status: int, detail: str = "") -> None:
        self.status = status
        self.detail = detail
        name, text = _DRIVER.get(status, ("CUDA_ERROR_UNKNOWN", "unknown error"))
        super().__init__(f"{name}: {text}" + (f" ({detail})" if detail else ""))

    def __reduce__(self) -> tuple[type, tuple[int, str]]:
        return type(self), (self.status, self.detail)


class CUDARuntimeError(RuntimeError):
    """What the runtime refuses; see `CUDADriverError`."""

    def __init__(self, status: int, detail: str = "") -> None:
        self.status = status
        self.detail = detail
        name, text = _RUNTIME.get(status, ("cudaErrorUnknown", "unknown error"))
        super().__init__(f"{name}: {text}" + (f" ({detail})" if detail else ""))

    def __reduce__(self) -> tuple[type, tuple[int, str]]:
        return type(self), (self.status, self.detail)


class OutOfMemoryError(MemoryError):
    """As `cupy.cuda.memory.OutOfMemoryError`, with its message."""

    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        self._size, self._total, self._limit = size, total, limit
        message = f"Out of memory allocating {size:,} bytes"
        if limit:
            message += f" (allocated so far: {total:,} bytes, limit set to: {limit:,} bytes)."
        elif total != -1:
            message += f" (allocated so far: {total:,} bytes)."
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[int, int, int]]:
        return type(self), (self._size, self._total, self._limit)


class CompileException(Exception):  # noqa: N818 - CuPy's name
    """As `cupy.cuda.compiler.CompileException`: the source does not compile."""

    def __init__(self, msg: str, source: str, name: str, options: tuple[str, ...], backend: str = "nvrtc") -> None:
        self._msg, self.source, self.name, self.options, self.backend = msg, source, name, options, backend
        super().__init__()

    def __reduce__(self) -> tuple[type, tuple[str, str, str, tuple[str, ...], str]]:
        return type(self), (self._msg, self.source, self.name, self.options, self.backend)

    def __str__(self) -> str:
        return self._msg

    __repr__ = __str__

    def get_message(self) -> str:
        return self._msg


class GuardError(KernelError):
    """A kernel wrote beside an allocation. Found later, so the place in the source is not known."""

    def __init__(self, text: str) -> None:
        RuntimeError.__init__(self, text)
        self.kind, self.kernel, self.file, self.line = "guard zone", "", "", 0
        self.block, self.thread = (), ()


class TransferError(RuntimeError):
    """The host changed memory that was still being copied to a device."""


class ArgumentError(TypeError):
    """An argument of a launch does not have the bytes that the kernel's parameter wants. CuPy would not notice."""
