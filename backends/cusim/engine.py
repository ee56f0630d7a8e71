"""CUDA source compiled with the C++ compiler, and launches of its kernels on the CPU.

A Program is one source with its options, in fast mode or in check mode; a Function is one of its kernels. One launch
runs at a time, all its blocks and threads on the calling thread; Python's other threads go on meanwhile.
"""

from __future__ import annotations

import bisect
import ctypes
import functools
import json
import math
import os
import platform
import re
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dlcore import _build

from . import object_file
from .library import LOCK, BufferInfo, Failure, KernelInfo, ModuleInfo, Request, SiteTraffic, runtime
from .lines import RUNTIME, LineTable
from .rewrite import RewriteError, rewrite
from .statistics import LineStatistics, Statistics

STEPS = 1 << 27  # basic blocks and accesses that a thread may execute in check mode
MAX_THREADS = 1024  # in a block
MAX_SHARED = 227 * 1024  # bytes of dynamic shared memory in a block


class CompileError(RuntimeError):
    """The source does not compile. The message is the compiler's, with the file and line of the original source."""


class KernelError(RuntimeError):
    """A kernel did what it must not.

    Attributes:
        kind: what: "out of bounds", "race", "divergent barrier" ...
        kernel: its name.
        file, line: where in the source; "" and 0 where it is not known.
        block, thread: the indices of the thread that was caught.
        address: of the access to memory that was wrong; None if it was something else.
    """

    def __init__(
        self,
        message: str,
        kind: str = "",
        kernel: str = "",
        line: tuple[str, int] = ("", 0),
        block: Sequence[int] = (),
        thread: Sequence[int] = (),
        address: int | None = None,
    ) -> None:
        self.kind, self.kernel = kind, kernel
        self.file, self.line = line
        self.block, self.thread = tuple(block), tuple(thread)
        self.address = address
        super().__init__(message)


class Buffer(Protocol):
    """A piece of device memory. `shadow` belongs to the engine: None at first."""

    address: int
    nbytes: int
    name: str
    shadow: Any


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kernel.

    Attributes:
        kind: "p" pointer, "i" and "u" integer, "f" floating point, "b" bool, "s" struct.
        size: in bytes.
        pointee_kind: of what a pointer points to, likewise, and "v" for void; " " if it is no pointer.
        pointee_size: in bytes.
        pointee_const: whether it may only be read.
    """

    name: str
    kind: str
    size: int
    pointee_kind: str
    pointee_size: int
    pointee_const: bool


class Program:
    """A compiled source.

    Args:
        source: CUDA C++. Lines are counted from 1 in "kernel.cu" unless #line directives say otherwise.
        options: as for NVRTC; -D, -U, -I and -std count, others are ignored.
        check: compile for check mode.
        instantiate: template kernels to compile, such as "scale<float>".

    Raises:
        CompileError: the compiler, or the rewriting of shared memory before it, refuses the source.
        dlcore._build.BuildError: there is no C++ compiler, or the simulator does not run on this machine.
    """

    def __init__(
        self, source: str, options: Sequence[str] = (), check: bool = False, instantiate: Sequence[str] = ()
    ) -> None:
        self.check = check
        system, machine = platform.system(), platform.machine()
        if system != "Linux" or machine not in ("x86_64", "aarch64"):
            raise _build.BuildError(f"the simulator runs on Linux on x86-64 and aarch64; this is {system} on {machine}")
        compiler = _build.find_compiler("c++")
        if not source.lstrip().startswith("#line"):
            source = f'#line 1 "kernel.cu"\n{source}'
        try:
            text, kernels = rewrite(source, instantiate)
            built = _build.load(
                f'#include "device.h"\n{text}',
                flags=[*_flags(check, compiler), *_options(options)],
                link_flags=["-lm"],
                include=[RUNTIME],
                inspect=functools.partial(_inspect, check),
            )
        except (RewriteError, _build.BuildError) as error:
            raise CompileError(str(error)) from None
        self._library = built
        native = runtime()
        info = ModuleInfo.in_dll(built.library, "cusim_module")
        with LOCK:
            self._module = native.cusim_attach(ctypes.byref(info))
        if not self._module:
            raise MemoryError("no room for the stacks of 1024 simulated threads")
        weakref.finalize(self, native.cusim_detach, self._module)
        self._table = LineTable(built.path, native.cusim_base(self._module), source)
        shared = json.loads(built.notes)
        self._functions = {}
        for row in range(info.kernel_count):
            kernel = info.kernels[row]
            function = Function(self, kernel, kernels[kernel.number].parameters, shared[row])
            self._functions[function.name] = function

    @property
    def names(self) -> tuple[str, ...]:
        """The kernels that can be launched."""
        return tuple(self._functions)

    def function(self, name: str) -> Function:
        """The kernel `name`.

        Raises:
            KeyError: there is none.
        """
        try:
            return self._functions[name]
        except KeyError:
            raise KeyError(f"there is no kernel {name!r}; there are {', '.join(self._functions) or 'none'}") from None


class Function:
    """A kernel.

    Attributes:
        name: as in the source.
        parameters: a list of Parameter.
        max_threads: in a block, by `__launch_bounds__`; None without.
        static_shared: bytes of shared memory that the kernel and what it calls declare with a fixed size.
    """

    def __init__(self, program: Program, info: KernelInfo, names: Sequence[str], static_shared: int) -> None:
        self._program, self._info = program, info
        self.name: str = info.name.decode()
        self.static_shared = static_shared
        self.max_threads: int | None = info.max_threads or None
        self.parameters = []
        for i in range(info.parameter_count):
            row = info.parameters[i]
            name = names[i] if len(names) == info.parameter_count else f"argument{i}"
            self.parameters.append(
                Parameter(
                    name,
                    row.kind.decode(),
                    row.bytes,
                    row.pointee_kind.decode(),
                    row.pointee_bytes,
                    row.pointee_is_const,
                )
            )

    def launch(
        self,
        grid: Sequence[int],
        block: Sequence[int],
        arguments: Sequence[bytes],
        shared_mem: int,
        buffers: Sequence[Buffer],
        order: int = 0,
        *,
        must_be_initialised: bool | None = None,
    ) -> Statistics:
        """Run the kernel to its end.

        Args:
            grid, block: three numbers each.
            arguments: the bytes of each.
            shared_mem: bytes of dynamic shared memory.
            buffers: all device memory that there is. In check mode, accesses elsewhere are errors.
            order: in which blocks and threads run: 0 forward, 1 reverse, more: shuffled, each number another way.
            must_be_initialised: in check mode, also global memory that nobody has written (see `Shadow`) must not be
                read; by default what the variable DLCORE_CUSIM_INITIALISED says.

        Raises:
            KernelError: in check mode, whatever a check found; in fast mode a fault, a failed assertion, a deadlock.
                What the kernel had written by then stays written.
        """
        program = self._program
        if len(arguments) != len(self.parameters):
            raise ValueError(f"{self.name}: {len(arguments)} arguments for {len(self.parameters)} parameters")
        if min(*grid, *block) < 1 or math.prod(block) > MAX_THREADS or not 0 <= shared_mem <= MAX_SHARED:
            raise ValueError(f"{self.name}: grid {grid}, block {block}, {shared_mem} bytes of shared memory")
        store = [ctypes.create_string_buffer(bytes(value), max(1, len(value))) for value in arguments]
        pointers = (ctypes.c_void_p * max(1, len(store)))(*map(ctypes.addressof, store))
        request = Request(
            module=program._module, kernel=ctypes.pointer(self._info), grid=tuple(grid), block=tuple(block),
            arguments=pointers, dynamic_shared=shared_mem, order=order, check=program.check, steps=STEPS,
        )  # fmt: skip
        if program.check:
            request.steps = int(os.environ.get("DLCORE_CUSIM_STEPS", STEPS))
            if must_be_initialised is None:
                must_be_initialised = os.environ.get("DLCORE_CUSIM_INITIALISED", "0") == "1"
            request.must_be_initialised = must_be_initialised
            buffers = list(buffers)
            request.buffers, request.shadows = self._describe(buffers, arguments)
            request.buffer_count = len(buffers)
        native = runtime()
        with LOCK:
            if native.cusim_launch(ctypes.byref(request)):
                error = self._error(native.cusim_failure()[0])
                if error.kind == "interrupted":
                    ctypes.pythonapi.PyErr_CheckSignals()  # raises KeyboardInterrupt, unless the handler is another
                raise error
            return self._statistics(native) if program.check else Statistics(self.name)

    def _describe(self, buffers: Sequence[Buffer], arguments: Sequence[bytes]) -> tuple[Any, list[Shadow]]:
        """The buffers for the runtime, and their shadows, which must live until the launch is over.

        Buffers to which only pointers to const are passed must not be written, unless there may be other pointers, in
        structs or in memory.
        """
        result = (BufferInfo * max(1, len(buffers)))()
        order = sorted(range(len(buffers)), key=lambda i: buffers[i].address)
        starts = [buffers[i].address for i in order]
        shadows: list[Shadow] = []
        hidden = any(parameter.kind == "s" or parameter.pointee_kind == "p" for parameter in self.parameters)
        mutable: set[int] = set()
        constant: set[int] = set()
        for parameter, value in zip(self.parameters, arguments, strict=True):
            if parameter.kind == "p":
                at = bisect.bisect_right(starts, int.from_bytes(value, "little")) - 1
                (constant if parameter.pointee_const else mutable).add(order[at] if at >= 0 else -1)
        for i, buffer in enumerate(buffers):
            if buffer.shadow is None:
                buffer.shadow = Shadow(buffer.nbytes)
            read_only = i in constant and i not in mutable and not hidden
            shadows.append(buffer.shadow)
            result[i] = BufferInfo(buffer.address, buffer.nbytes, buffer.name.encode(), shadows[-1].handle, read_only)
        return result, shadows

    def _error(self, failure: Failure) -> KernelError:
        table = self._program._table

        def line(match: re.Match[str]) -> str:
            return table.text(int(match[1], 16))

        text = re.sub(r"\x01(0x[0-9a-f]+)\x01", line, failure.text.decode(errors="replace"))
        site = failure.site or 0
        found = table.lines([site])[0] if site else ("", 0)
        block, thread = tuple(failure.block), tuple(failure.thread)
        message = f"{self.name}: {table.text(site)}: block {block}, thread {thread}: {text}"
        return KernelError(message, failure.kind.decode(), self.name, found, block, thread, failure.accessed)

    def _statistics(self, native: ctypes.CDLL) -> Statistics:
        rows, totals = ctypes.POINTER(SiteTraffic)(), (ctypes.c_ulonglong * 3)()
        count = native.cusim_traffic(ctypes.byref(rows), totals)
        places = []
        for row in rows[:count]:
            counted = LineStatistics(
                row.accesses, row.requests, row.sectors, row.least_sectors, row.bytes_read, row.bytes_written,
                row.shared_requests, row.bank_conflicts,
            )  # fmt: skip
            places.append((row.place, counted))
        return Statistics(
            self.name,
            bytes_read=sum(counted.bytes_read for _, counted in places),
            bytes_written=sum(counted.bytes_written for _, counted in places),
            unique_read=totals[1],
            unique_written=totals[2],
            accesses=totals[0],
            _places=places,
            _table=self._program._table,
        )


class Shadow:
    """What check mode knows about a buffer: who read and wrote it last.

    Memory that is used anew for another purpose must get another Shadow, else what is left of the old use counts.
    """

    def __init__(self, nbytes: int) -> None:
        native = runtime()
        self.handle = native.cusim_shadow_new(nbytes)
        if not self.handle:
            raise MemoryError(f"no memory for the checks of a buffer of {nbytes} bytes")
        self._nbytes = nbytes
        weakref.finalize(self, native.cusim_shadow_delete, self.handle)

    def mark_written(self, offset: int = 0, nbytes: int | None = None) -> None:
        """The host has written these bytes, all by default: they count as initialised."""
        nbytes = self._nbytes - offset if nbytes is None else nbytes
        with LOCK:
            runtime().cusim_shadow_written(self.handle, offset, nbytes)


# --- compiling -----------------------------------------------------------------------------------------------


def _flags(check: bool, compiler: _build.Compiler) -> list[str]:
    flags = [
        "-w", "-g1", "-fvisibility=hidden", "-fno-strict-aliasing", "-fno-threadsafe-statics", "-fno-exceptions",
        "-fno-rtti", "-fno-stack-protector", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast",
        "-ffunction-sections", "-fdata-sections",
    ]  # fmt: skip
    # With fma, contraction is done, as it is on the GPU.
    flags += [f"-m{name}" for name in ("avx2", "fma", "f16c") if name in _build.cpu_features()]
    if not check:
        return [*flags, "-O2"]
    if compiler.is_clang:  # else it reports only the write of x += 1
        flags += ["-mllvm", "-tsan-instrument-read-before-write=1"]
    if compiler.version >= (13 if compiler.is_clang else 12):  # older ones cannot leave out a function
        flags += ["-fsanitize-coverage=trace-pc"]
    # Without optimisation, because an access that is optimised away is not checked.
    return [
        *flags, "-O0", "-DCUSIM_CHECK", "-fsanitize=thread",
        "-fsanitize=alignment,bounds,shift,integer-divide-by-zero,signed-integer-overflow,unreachable",
    ]  # fmt: skip


def _options(options: Sequence[str]) -> list[str]:
    """Those of NVRTC's options that a C++ compiler needs."""
    result, standard = [], "-std=c++17"
    waiting = iter(options)
    for option in waiting:
        if option in ("-D", "-I", "-U"):
            result.append(option + next(waiting, ""))
        elif option.startswith(("-D", "-I", "-U")):
            result.append(option)
        elif option.startswith(("--define-macro=", "--include-path=", "--undefine-macro=")):
            result.append({"d": "-D", "i": "-I", "u": "-U"}[option[2]] + option.split("=", 1)[1])
        elif option.startswith(("-std=", "--std=")) and not option.endswith(("11", "14")):  # device.h needs 17
            standard = "-" + option.lstrip("-")
    return [standard, *result]


def _inspect(check: bool, content: bytes) -> str:
    return json.dumps(object_file.shared_bytes(content, ctypes.sizeof(KernelInfo), check))
