"""The one place that compiles and launches CUDA kernels: every kernel call of this backend goes through here.

A kernel source in `kernels/cuda` is specialised by macros that are put in front of its text, so that the compiled
module is cached on the disk by CuPy whatever its version. The launcher reads a kernel's parameters from the source
and converts every argument to exactly the type that the kernel declares: CuPy itself sends a Python float as a
double and does not notice a float64 array where the kernel reads floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from dlcore._errors import DeviceError, DTypeError

from . import table

Array = Any
Macros = tuple[tuple[str, str], ...]

WARP = 32
#: What 32-bit indices may count to: a loop over a grid (65535 blocks of 1024 threads) steps beyond the end by one grid.
INDEX_LIMIT = 2**31 - 2**26

#: The types that a kernel's parameters may have, as NumPy packs them.
C_TYPES = {
    "bool": np.dtype(np.bool_),
    "char": np.dtype(np.int8),
    "signed char": np.dtype(np.int8),
    "unsigned char": np.dtype(np.uint8),
    "short": np.dtype(np.int16),
    "unsigned short": np.dtype(np.uint16),
    "int": np.dtype(np.int32),
    "unsigned": np.dtype(np.uint32),
    "unsigned int": np.dtype(np.uint32),
    "long long": np.dtype(np.int64),
    "unsigned long long": np.dtype(np.uint64),
    "half_t": np.dtype(np.float16),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
}
#: What SCALAR, the dtype of the arrays, stands for in a kernel: its name there, and the type to compute in.
SCALARS = {"float16": ("half_t", "float"), "float32": ("float", "float"), "float64": ("double", "double")}
_VECTOR_BYTES = 16


class Parameter(NamedTuple):
    """One parameter of a kernel."""

    name: str
    dtype: np.dtype[Any] | None  # of the scalar or of what the pointer points to; None: any (void)
    pointer: bool


class Signature(NamedTuple):
    parameters: tuple[Parameter, ...]
    max_threads: int | None  # from __launch_bounds__


class Kernel:
    """A compiled kernel: call it with grid, block and the arguments in the order of its parameters."""

    __slots__ = ("_converters", "_function", "name", "signature")

    def __init__(self, name: str, signature: Signature, function: Any, array_type: Any) -> None:
        self.name, self.signature, self._function = name, signature, function
        self._converters = [_converter(name, parameter, array_type) for parameter in signature.parameters]

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], *arguments: Any, shared: int = 0) -> None:
        """Launch on the current stream.

        Args:
            grid, block: numbers of blocks and of threads in a block, up to three each.
            arguments: C-contiguous arrays of the parameters' dtypes (None: a null pointer) and numbers.
            shared: bytes of dynamic shared memory.
        """
        if len(arguments) != len(self._converters):
            raise TypeError(f"{self.name}: {len(arguments)} arguments for {len(self._converters)} parameters")
        packed = tuple([convert(argument) for convert, argument in zip(self._converters, arguments, strict=True)])
        self._function(grid, block, packed, shared_mem=shared)


class Launcher:
    """Kernels of one process, over CuPy or a namespace with the same names."""

    def __init__(self, cp: Any) -> None:
        self.cp = cp
        self.index_limit = INDEX_LIMIT
        self._kernels: dict[tuple[str, str, Macros], Kernel] = {}
        self._modules: dict[tuple[str, Macros], Any] = {}
        self._tickets: dict[tuple[int, int], Array] = {}

    def kernel(self, source: str, name: str, **macros: str) -> Kernel:
        """The kernel `name` of `kernels/cuda/<source>.cu`, specialised by `macros`; compiled once.

        The macros must be a row of `table.TABLE`: what is not written there has not been checked.
        """
        key = (source, name, tuple(macros.items()))
        found = self._kernels.get(key)
        if found is None:
            if not table.contains(source, macros):
                raise LookupError(f"{source}.cu: the table of specialisations has no {macros}")
            found = self._kernels[key] = self._compiled(source, name, expanded(macros))
        return found

    def user_kernel(self, source: str, name: str, macros: Mapping[str, str]) -> Kernel:
        """The kernel `name` of a user's own CUDA text, which may include the headers of `kernels/cuda`."""
        text = specialised(inlined(source, "user kernel"), macros)
        key = (text, name, ())
        if key not in self._kernels:
            self._kernels[key] = self._build(text, name, (text, ()))
        return self._kernels[key]

    def _compiled(self, source: str, name: str, macros: Macros) -> Kernel:
        return self._build(specialised(source_text(source), dict(macros)), name, (source, macros))

    def _build(self, text: str, name: str, key: tuple[str, Macros]) -> Kernel:
        signature = signatures(text).get(name)
        if signature is None:
            raise LookupError(f'there is no kernel {name}: expected extern "C" __global__ void {name}(...)')
        module = self._modules.get(key)
        if module is None:
            module = self._modules[key] = self.cp.RawModule(code=text, options=("--std=c++17",))
        return Kernel(name, signature, module.get_function(name), self.cp.ndarray)

    def index(self, *sizes: int) -> str:
        """The type that counts to each of `sizes`: 32 bits where they do, for indices cost registers."""
        return "int" if max(sizes) <= self.index_limit else "long long"

    def contiguous(self, x: Array) -> Array:
        """`x` itself if it is C-contiguous, else a copy that is."""
        return x if x.flags.c_contiguous else self.cp.ascontiguousarray(x)

    def tickets(self, count: int) -> Array:
        """At least `count` zeros (uint32) for counting finished blocks, which kernels set back to zero.

        Kernels of one stream run one after the other, so each stream has a set that they share.
        """
        stream = (self.cp.cuda.runtime.getDevice(), int(self.cp.cuda.get_current_stream().ptr))
        found = self._tickets.get(stream)
        if found is None or found.size < count:
            found = self._tickets[stream] = self.cp.zeros(max(count, 1024), dtype=np.uint32)
        return found


def scalar(dtype: Any) -> str:
    """The value of the macro SCALAR for arrays of a float dtype."""
    return SCALARS[dtype.name][0]


def expanded(macros: Mapping[str, str]) -> Macros:
    """A row of the table with what follows from SCALAR: REAL, the type to compute in, and the width of a vector."""
    full = dict(macros)
    if "SCALAR" in full:
        size = C_TYPES[full["SCALAR"]].itemsize
        full["REAL"] = "double" if full["SCALAR"] == "double" else "float"
        full["SCALAR_BYTES"], full["VECTOR"] = str(size), str(_VECTOR_BYTES // size)
    return tuple(full.items())


def specialised(text: str, macros: Mapping[str, str]) -> str:
    """The source with its macros defined in front."""
    return "".join(f"#define {name} {value}\n" for name, value in macros.items()) + text


@cache
def source_text(source: str) -> str:
    """`kernels/cuda/<source>.cu` with what it includes in its place, so that it compiles without include paths."""
    return inlined(_read(f"{source}.cu"), f"{source}.cu")


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([\w./]+)"[^\n]*$', re.MULTILINE)


def inlined(text: str, name: str, seen: set[str] | None = None) -> str:
    """The text with each quoted include replaced by that header, once; `#line` keeps places in messages right."""
    seen = set() if seen is None else seen
    parts, end = [f'#line 1 "{name}"\n'], 0
    for match in _INCLUDE.finditer(text):
        header = match[1]
        parts.append(text[end : match.start()])
        if header not in seen:
            seen.add(header)
            parts.append(inlined(_read(header), header, seen))
        next_line = text.count("\n", 0, match.start()) + 2
        parts.append(f'\n#line {next_line} "{name}"')
        end = match.end()
    return "".join([*parts, text[end:], "\n"])


@cache
def _read(name: str) -> str:
    try:
        return files("dlcore.kernels").joinpath("cuda", name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LookupError(f"dlcore.kernels has no CUDA source {name}") from None


_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([\w ]+?)[ \t]*$", re.MULTILINE)
_KERNEL = re.compile(
    r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\(\s*(\w+)[^)]*\)\s*)?(\w+)\s*\(([^)]*)\)', re.DOTALL
)


def signatures(text: str) -> dict[str, Signature]:
    """The kernels that a specialised source defines, by name."""
    text = _COMMENT.sub(" ", text)
    words = dict(_DEFINE.findall(text))
    found = {}
    for bound, name, parameters in _KERNEL.findall(text):
        bound = words.get(bound, bound)
        listed = [part for part in parameters.split(",") if part.strip()]
        found[name] = Signature(
            tuple([_parameter(name, part, words) for part in listed]), int(bound) if bound.isdigit() else None
        )
    return found


def _parameter(kernel: str, text: str, words: Mapping[str, str]) -> Parameter:
    pointer = "*" in text
    parts = [word for word in text.replace("*", " ").split() if word not in ("const", "__restrict__", "volatile")]
    kind, name = " ".join(parts[:-1]), parts[-1]
    for _ in range(4):  # a macro may stand for another one
        kind = words.get(kind, kind)
    if kind == "void" and pointer:
        return Parameter(name, None, True)
    if kind not in C_TYPES:
        raise TypeError(f"{kernel}: parameter {name} is of type {kind!r}; expected one of {', '.join(C_TYPES)}")
    return Parameter(name, C_TYPES[kind], pointer)


def _converter(kernel: str, parameter: Parameter, array_type: Any) -> Callable[[Any], Any]:
    """A function that checks an argument and gives it the type of its parameter."""
    dtype = parameter.dtype

    def pointer(value: Any) -> Any:
        if value is None:
            return np.uintp(0)
        if not isinstance(value, array_type):
            raise TypeError(
                f"{kernel}: {parameter.name} must be an array of the device, got {type(value).__name__}; "
                "move it there with x.to(device)"
            )
        if dtype is not None and value.dtype != dtype:
            raise DTypeError(f"{kernel}: {parameter.name} must be {dtype}, got {value.dtype}")
        if not value.flags.c_contiguous:
            raise ValueError(f"{kernel}: {parameter.name} must be C-contiguous, got strides {value.strides}")
        if value.data.ptr % value.itemsize:  # a GPU would stop the whole program there
            raise DeviceError(f"{kernel}: {parameter.name}, of {value.dtype}, is misaligned at {value.data.ptr:#x}")
        return value

    def integer(value: Any) -> Any:
        number = value.__index__()
        if not low <= number <= high:
            raise OverflowError(f"{kernel}: {parameter.name}={number} does not fit into {dtype}")
        return make(number)

    def number(value: Any) -> Any:
        if isinstance(value, array_type):
            raise TypeError(f"{kernel}: {parameter.name} must be a number, got an array")
        return make(value)

    if parameter.pointer:
        return pointer
    assert dtype is not None
    make = dtype.type
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        return integer
    return number
