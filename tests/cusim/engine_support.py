"""Launches for the engine's tests: buffers made from arrays, arguments packed by the kernel's signature."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlcore.backends.cusim.engine import Function, Program
from dlcore.backends.cusim.statistics import Statistics

HERE = Path(__file__).parent
ORDERS = (0, 1, 2)


class Array:
    """Device memory for the engine, 256-byte aligned as CUDA's is, with unused bytes around it."""

    def __init__(self, values: Any, name: str = "") -> None:
        values = np.ascontiguousarray(values)
        room = np.zeros(values.nbytes + 1024, np.uint8)
        start = -room.ctypes.data % 256 + 256
        self.values = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
        self.values[...] = values
        self.address, self.nbytes, self.name = self.values.ctypes.data, values.nbytes, name
        self.shadow: Any = None


def launch(
    function: Function,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    *arguments: Any,
    shared: int = 0,
    order: int = 0,
    buffers: Sequence[Array] | None = None,
) -> Statistics:
    """Launch with arrays and numbers; the buffers are the arrays, named as the parameters, unless given."""
    packed = []
    for parameter, value in zip(function.parameters, arguments, strict=True):
        if isinstance(value, Array):
            value.name = value.name or parameter.name
            packed.append(value.address.to_bytes(8, "little"))
        elif parameter.kind == "p":
            packed.append(int(value).to_bytes(8, "little"))
        else:
            packed.append(np.dtype(f"{parameter.kind}{parameter.size}").type(value).tobytes())
    if buffers is None:
        buffers = [value for value in arguments if isinstance(value, Array)]
    sizes = [tuple(size) if isinstance(size, Sequence) else (size, 1, 1) for size in (grid, block)]
    return function.launch(sizes[0], sizes[1], packed, shared, buffers, order)


@functools.cache
def program(name: str, check: bool) -> Program:
    """The kernels of a file in this folder."""
    source = (HERE / name).read_text()
    return Program(f'#line 1 "{name}"\n{source}', check=check)


@functools.cache
def lines_of(name: str, mark: str) -> set[int]:
    """The lines that bear the comment `// <- mark`."""
    lines = (HERE / name).read_text().split("\n")
    found = {i for i, line in enumerate(lines, 1) if line.rstrip().endswith(f"// <- {mark}")}
    assert found, mark
    return found
