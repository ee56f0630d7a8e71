"""CUDA and C text for custom operations, with the functions that run it, and what such a text finds defined."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from dlcore._errors import DTypeError

Macros = Mapping[str, str | int | float]


class CudaSource(NamedTuple):
    """CUDA C++ for a custom operation, and the Python function that launches its kernels.

    Args:
        source: the text; each kernel is `extern "C" __global__ void name(...)`. It is compiled for the first input's
            dtype, at first use: SCALAR is that type (`float`, `double`, `half_t`, `long long` ...); for floats REAL is
            the type to compute in, SCALAR_BYTES the size of SCALAR and VECTOR how many of them 16 bytes hold. After
            `#include "common.cuh"` the helpers of dlcore's own kernels are there, `half_t` among them.
        launch: `launch(kernels, out, *inputs, **parameters)` starts the work that fills the array `out`; with
            `kernels["name"](grid, block, arguments, shared_memory=0)`, as CuPy launches a RawKernel. Arrays are
            C-contiguous; arguments are arrays, Python numbers, or None for a null pointer.
        macros: further names and values that the source finds defined.

    >>> source = '''
    ... extern "C" __global__ void twice(const SCALAR* x, SCALAR* out, long long n) {
    ...     long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    ...     if (i < n) out[i] = x[i] + x[i];
    ... }'''
    >>> def launch(kernels, out, x):
    ...     kernels["twice"]((-(-x.size // 256),), (256,), (x, out, x.size))
    >>> twice = dl.custom_op("twice", lambda x: (x.shape, x.dtype), cuda=dl.CudaSource(source, launch))
    """

    source: str
    launch: Callable[..., Any]
    macros: Macros | None = None


class CSource(NamedTuple):
    """C for a custom operation, and the Python function that calls it; for devices whose arrays the host can read.

    Args:
        source: the text; each function that is to be called is `void name(...)`, and not static. SCALAR is the type of
            the first input's dtype. It is compiled at first use, with the system's compiler, and kept on the disk.
        call: `call(functions, out, *inputs, **parameters)` fills the array `out` by `functions["name"](*arguments)`.
            Arrays are C-contiguous; arguments are arrays, Python numbers, or None for a null pointer.
        macros: further names and values that the source finds defined.
        flags, link_flags: options of the compiler and of the linker.

    >>> source = '''
    ... void twice(const SCALAR* x, SCALAR* out, long n) {
    ...     for (long i = 0; i < n; i++) out[i] = x[i] + x[i];
    ... }'''
    >>> def call(functions, out, x):
    ...     functions["twice"](x, out, x.size)
    >>> twice = dl.custom_op("twice", lambda x: (x.shape, x.dtype), c=dl.CSource(source, call))
    >>> with dl.device("numpy"):
    ...     twice(dl.tensor([1.0, 2.0]))
    tensor([2., 4.])
    """

    source: str
    call: Callable[..., Any]
    macros: Macros | None = None
    flags: tuple[str, ...] = ("-O3",)
    link_flags: tuple[str, ...] = ("-lm",)


#: What SCALAR stands for in CUDA, by dtype.
CUDA_TYPES = {
    "bool": "bool", "int8": "signed char", "uint8": "unsigned char", "int16": "short", "uint16": "unsigned short",
    "int32": "int", "uint32": "unsigned int", "int64": "long long", "uint64": "unsigned long long",
    "float16": "half_t", "float32": "float", "float64": "double",
}  # fmt: skip
#: And in C.
C_TYPES = {name: kind for name, kind in CUDA_TYPES.items() if name != "float16"} | {"bool": "_Bool"}


def macros_for(op: str, source: str, dtype: np.dtype[Any], names: Mapping[str, str]) -> dict[str, str | int | float]:
    """What is defined for a source by the dtype of the first input."""
    if dtype.name not in names:
        if re.search(r"\bSCALAR\b", source):
            kinds = ", ".join(names)
            raise DTypeError(f"{op}: SCALAR in its source has no meaning for {dtype}; expected one of {kinds}")
        return {}
    macros: dict[str, str | int | float] = {"SCALAR": names[dtype.name]}
    if dtype.kind == "f":
        macros |= {"REAL": "double" if dtype.itemsize == 8 else "float"}
        macros |= {"SCALAR_BYTES": dtype.itemsize, "VECTOR": 16 // dtype.itemsize}
    return macros
