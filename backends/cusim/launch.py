"""`RawModule` and `RawKernel`: CUDA text compiled by the engine, and launches checked as CUDA checks them, and more.

CuPy packs an argument by its Python type alone: a float as a double, an int as eight bytes, an array as its address.
If the kernel's parameter is of another type, a GPU computes garbage. Here each argument is compared with the
parameter that it is for, and a launch that does not fit raises before anything runs.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from . import counters
from .device import ATTRIBUTES, current_device
from .dispatch import Stored
from .engine import CompileError, Program
from .errors import INVALID_VALUE, NOT_FOUND, ArgumentError, CompileException, CUDADriverError
from .memory import DEVICE_MEMORY
from .pointer import MemoryPointer
from .settings import check_mode, thread_order

SHARED_LIMIT = ATTRIBUTES["MaxSharedMemoryPerBlock"]
SHARED_LIMIT_RAISED = ATTRIBUTES["MaxSharedMemoryPerBlockOptin"]
_BLOCK_LIMITS = (1024, 1024, 64)
_GRID_LIMITS = (2**31 - 1, 65535, 65535)
_KINDS = {"p": "pointer", "i": "int", "u": "unsigned int", "f": "float", "b": "bool", "s": "struct"}


class RawModule:
    """CUDA source; its kernels are compiled when one is first asked for."""

    def __init__(
        self, *, code: str | None = None, path: str | None = None, options: tuple[str, ...] = (),
        backend: str = "nvrtc", translate_cucomplex: bool = False, enable_cooperative_groups: bool = False,
        name_expressions: Any = None, jitify: Any = None,
    ) -> None:  # fmt: skip
        if (code is None) == (path is None):
            raise TypeError("Exactly one of `code` and `path` keyword arguments must be given.")
        if not isinstance(options, tuple):
            raise TypeError(f"Argument 'options' has incorrect type (expected tuple, got {type(options).__name__})")
        if path is not None or translate_cucomplex or enable_cooperative_groups or name_expressions or jitify:
            raise NotImplementedError('the simulator compiles CUDA text with extern "C" kernels only')
        if backend not in ("nvrtc", "nvcc"):
            raise ValueError(f"Invalid backend {backend!r}")
        assert code is not None
        self.code, self.options, self.backend = code, options, backend
        self._programs: dict[bool, Any] = {}

    def _program(self) -> Any:
        """The program compiled for the mode that is set now."""
        check = check_mode()
        found = self._programs.get(check)
        if found is None:
            try:
                found = Program(self.code, self.options, check)
            except CompileError as error:
                raise CompileException(str(error), self.code, "kernel.cu", self.options, self.backend) from error
            self._programs[check] = found
        return found

    def compile(self, log_stream: Any = None) -> None:
        self._program()

    def get_function(self, name: str) -> RawKernel:
        """The kernel of this name.

        Raises:
            CompileException: the source does not compile.
            CUDADriverError: it has no such kernel.
        """
        made = RawKernel.__new__(RawKernel)
        made._open(self, name)
        made._function()
        return made


class RawKernel:
    """A kernel: call it with grid, block and the tuple of arguments."""

    def __init__(
        self, code: str, name: str, options: tuple[str, ...] = (), backend: str = "nvrtc", *,
        translate_cucomplex: bool = False, enable_cooperative_groups: bool = False, jitify: Any = None,
    ) -> None:  # fmt: skip
        module = RawModule(
            code=code, options=options, backend=backend, translate_cucomplex=translate_cucomplex,
            enable_cooperative_groups=enable_cooperative_groups, jitify=jitify,
        )  # fmt: skip
        self._open(module, name)

    def _open(self, module: RawModule, name: str) -> None:
        self._module = module
        self.name = self.__name__ = name
        self.code, self.options, self.backend = module.code, module.options, module.backend
        self._functions: dict[bool, Any] = {}
        self._dynamic_limit: int | None = None
        self._carveout = -1

    def _function(self) -> Any:
        check = check_mode()
        found = self._functions.get(check)
        if found is None:
            try:
                found = self._functions[check] = self._module._program().function(self.name)
            except KeyError:
                raise CUDADriverError(NOT_FOUND, f'the source has no extern "C" kernel {self.name}') from None
        return found

    def compile(self, log_stream: Any = None) -> None:
        self._function()

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: Any, *, shared_mem: int = 0, stream: Any = None
    ) -> None:
        """Launch on the current device and stream.

        Raises:
            CUDADriverError: the launch is beyond the limits of the device or of the kernel.
            ArgumentError: an argument does not fit its parameter.
            KernelError: in check mode, what the kernel did wrong.
        """
        function = self._function()
        sizes = _three("grid", grid)
        threads = _three("block", block)
        self._check_limits(function, sizes, threads, shared_mem)
        device = current_device()
        packed = self._pack(function, args, device)
        owner = DEVICE_MEMORY[device]
        named = _name_buffers(function, args, owner)
        owner.note_launch(self.name)
        try:
            statistics = function.launch(sizes, threads, packed, int(shared_mem), owner.buffers(), thread_order())
        finally:
            for buffer in named:
                buffer.name = ""
        counters.kernel(device, self.name, sizes, threads, statistics)

    def _check_limits(
        self, function: Any, grid: tuple[int, int, int], block: tuple[int, int, int], shared_mem: int
    ) -> None:
        def refuse(what: str) -> None:
            raise CUDADriverError(INVALID_VALUE, f"kernel {self.name}: {what}")

        for what, sizes, limits in (("block", block, _BLOCK_LIMITS), ("grid", grid, _GRID_LIMITS)):
            if any(size > limit for size, limit in zip(sizes, limits, strict=True)):
                refuse(f"{what} {sizes} is larger than {limits}")
        count = block[0] * block[1] * block[2]
        if count > 1024:
            refuse(f"block {block} has {count} threads, at most 1024 are possible")
        if function.max_threads is not None and count > function.max_threads:
            refuse(f"block {block} has {count} threads, __launch_bounds__ allows {function.max_threads}")
        limit = self.max_dynamic_shared_size_bytes
        if not 0 <= shared_mem <= limit:
            refuse(
                f"{shared_mem} bytes of dynamic shared memory, at most {limit} beside {function.static_shared} static"
                f" ones (max_dynamic_shared_size_bytes raises this to {SHARED_LIMIT_RAISED} in all)"
            )

    def _pack(self, function: Any, args: Any, device: int) -> list[bytes]:
        parameters = function.parameters
        if len(args) != len(parameters):
            names = ", ".join(parameter.name for parameter in parameters)
            raise ArgumentError(f"kernel {self.name}: {len(args)} arguments for {len(parameters)} parameters ({names})")
        return [
            _pack_one(self.name, parameter, value, device) for parameter, value in zip(parameters, args, strict=True)
        ]

    # --- attributes, as far as they exist here ----------------------------------------------------

    @property
    def attributes(self) -> dict[str, int]:
        names = (
            "max_threads_per_block shared_size_bytes const_size_bytes local_size_bytes num_regs ptx_version"
            " binary_version cache_mode_ca max_dynamic_shared_size_bytes preferred_shared_memory_carveout"
        )
        return {name: getattr(self, name) for name in names.split()}

    @property
    def max_threads_per_block(self) -> int:
        return self._function().max_threads or 1024

    @property
    def shared_size_bytes(self) -> int:
        return int(self._function().static_shared)

    # What only the GPU's compiler knows is -1, as CuPy has it for what a toolkit does not know.
    const_size_bytes = local_size_bytes = num_regs = ptx_version = binary_version = cache_mode_ca = -1

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        if self._dynamic_limit is not None:
            return self._dynamic_limit
        return max(0, SHARED_LIMIT - self.shared_size_bytes)

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, nbytes: int) -> None:
        if not 0 <= nbytes <= SHARED_LIMIT_RAISED - self.shared_size_bytes:
            raise CUDADriverError(
                INVALID_VALUE,
                f"kernel {self.name}: {nbytes} bytes of dynamic and {self.shared_size_bytes} of static shared memory"
                f" are more than {SHARED_LIMIT_RAISED}",
            )
        self._dynamic_limit = int(nbytes)

    @property
    def preferred_shared_memory_carveout(self) -> int:
        return self._carveout

    @preferred_shared_memory_carveout.setter
    def preferred_shared_memory_carveout(self, percentage: int) -> None:
        if not -1 <= percentage <= 100:
            raise CUDADriverError(INVALID_VALUE, f"kernel {self.name}: carveout {percentage}, expected -1..100")
        self._carveout = percentage


def _three(what: str, sizes: Any) -> tuple[int, int, int]:
    """Three sizes of at least one: CuPy turns a 0 into a 1."""
    if not isinstance(sizes, tuple):
        raise TypeError(f"Argument '{what}' has incorrect type (expected tuple, got {type(sizes).__name__})")
    x, y, z = (max(1, size.__index__()) for size in (*sizes, 1, 1)[:3])
    return x, y, z


def _name_buffers(function: Any, args: Any, owner: Any) -> list[Any]:
    """Give the buffers of array arguments the parameters' names, for error messages."""
    named = []
    for parameter, value in zip(function.parameters, args, strict=True):
        if isinstance(value, Stored) and value._mem._buffer is not None:
            buffer = value._mem._buffer
            buffer.name = f"{buffer.name}, {parameter.name}" if buffer.name else parameter.name
            buffer.last_use = f"{function.name}'s {buffer.name}"
            named.append(buffer)
    return named


def _pack_one(kernel: str, parameter: Any, value: Any, device: int) -> bytes:
    """The bytes that CuPy would send for `value`, if they are what the parameter wants."""

    def refuse(got: str) -> ArgumentError:
        return ArgumentError(f"kernel {kernel}, parameter {parameter.name}: expected {_wanted(parameter)}, got {got}")

    if isinstance(value, Stored):
        if parameter.kind != "p":
            raise refuse(f"an array of {value._a.dtype}")
        if value._mem.device_id != device:
            raise ValueError(
                f"kernel {kernel}, parameter {parameter.name}: Array device must be same as the current device:"
                f" array device = {value._mem.device_id} while current = {device}"
            )
        if not _points_to(parameter, value._a.dtype):
            raise refuse(f"an array of {value._a.dtype}")
        return struct.pack("P", value.data.ptr)  # type: ignore[attr-defined]
    if value is None or isinstance(value, MemoryPointer):
        if parameter.kind != "p":
            raise refuse("None" if value is None else "a MemoryPointer")
        return struct.pack("P", 0 if value is None else value.ptr)
    if isinstance(value, np.ndarray):
        raise TypeError(
            f"kernel {kernel}, parameter {parameter.name}: You are trying to pass a numpy.ndarray of shape"
            f" {value.shape} as a kernel parameter. If you meant to pass a pointer to __global__ memory, you need to"
            " pass a cupy.ndarray instead."
        )
    if isinstance(value, np.generic):
        return _pack_scalar(parameter, value, f"{value.dtype} {value}", refuse)
    if type(value) is int and value < 2**63 and parameter.kind == "u" and parameter.size == 8 and value >= 0:
        return struct.pack("q", value)  # eight bytes that read the same either way
    sent: Any = {bool: np.bool_, float: np.float64, complex: np.complex128}.get(type(value))
    if type(value) is int:
        sent = np.uint64 if value >= 2**63 else np.int64
    if sent is None:
        raise TypeError(f"kernel {kernel}, parameter {parameter.name}: Unsupported type {type(value)}")
    scalar = sent(value)
    return _pack_scalar(
        parameter, scalar, f"the Python {type(value).__name__} {value}, which CuPy sends as {scalar.dtype}", refuse
    )


def _pack_scalar(parameter: Any, scalar: Any, described: str, refuse: Any) -> bytes:
    kind, size = scalar.dtype.kind, scalar.dtype.itemsize
    if parameter.kind == "p":
        fits = kind == "u" and size == 8  # an address
    elif parameter.kind == "s":
        fits = size == parameter.size and scalar.dtype.char in "eFD"  # half and complex types are structs in C++
    else:
        fits = kind == parameter.kind and size == parameter.size
    if not fits:
        raise refuse(described)
    return scalar.tobytes()  # type: ignore[no-any-return]


def _points_to(parameter: Any, dtype: Any) -> bool:
    """Whether a pointer of this type reads elements of `dtype`."""
    kind, size = parameter.pointee_kind, parameter.pointee_size
    if not size:
        return True  # void
    if kind == "s":  # a struct: half_t, a complex number, or a vector of several elements
        return bool(size % dtype.itemsize == 0 and (dtype.itemsize == size or dtype.kind != "c"))
    if dtype.kind == "b":
        return size == 1 and kind in "bu"
    return bool(kind == dtype.kind and size == dtype.itemsize)


def _wanted(parameter: Any) -> str:
    if parameter.kind != "p":
        return f"{_KINDS[parameter.kind]} of {parameter.size} bytes"
    if not parameter.pointee_size:
        return "a pointer"
    return f"a pointer to {_KINDS.get(parameter.pointee_kind, 'values')} of {parameter.pointee_size} bytes"
