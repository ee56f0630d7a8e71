"""Every specialisation of every kernel that this backend can launch: one table, written out and bounded.

A row is a kernel source and the values that its macros take; the product of the values of one row is what exists.
The launcher refuses what is not here, and the checks that need no GPU (compilation for every architecture, the
simulator) go through this table from its first row to the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

FLOATS = ("float", "double", "half_t")
INDICES = ("int", "long long")
ROW_INDICES = ("long long",)  # where a thread finds its row once and counts in 32 bits from there, they cost nothing
INTEGERS = (
    "signed char", "short", "int", "long long",
    "unsigned char", "unsigned short", "unsigned", "unsigned long long",
)  # fmt: skip
ACTIVATIONS = ("identity", "relu", "sigmoid", "tanh", "leaky_relu", "elu")


class Row(NamedTuple):
    """`kernels/cuda/<source>.cu` with each of its macros taking each of its values."""

    source: str
    macros: Mapping[str, tuple[str, ...]]


def _tiled(source: str) -> tuple[Row, ...]:
    """A source that multiplies by tiles, see `tiles`: float32 has all of them, 64-bit indices one."""
    float32, others = ("float",), ("double", "half_t")
    rows = (
        (("Tile128x128", "Tile64x64"), "256", float32, "int"),
        (("Tile64x128", "Tile16x64"), "128", float32, "int"),
        (("Tile64x64",), "256", others, "int"),
        (("Tile16x64",), "128", others, "int"),
        (("Tile64x64",), "256", FLOATS, "long long"),
    )
    return tuple(
        Row(source, {"TILE": names, "TILE_THREADS": (threads,), "SCALAR": scalars, "INDEX": (index,)})
        for names, threads, scalars, index in rows
    )


TABLE: tuple[Row, ...] = (
    # one row or a few for each source; kept in the order of the sources' names
    Row("adadelta", {"SCALAR": FLOATS}),
    Row("adagrad", {"SCALAR": FLOATS}),
    Row("adam", {"SCALAR": FLOATS}),
    Row("adaptive_pool2d", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("avg_pool2d", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("batch_norm", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("batch_norm_held", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("bce", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("bias_activation", {"ACTIVATION": ACTIVATIONS, "SCALAR": FLOATS, "INDEX": INDICES}),
    Row("cast", {"SOURCE": ("double", "half_t", "unsigned char"), "SCALAR": ("float",), "INDEX": ("long long",)}),
    Row("cast", {"SOURCE": ("float", "half_t", "unsigned char"), "SCALAR": ("double",), "INDEX": ("long long",)}),
    Row("cast", {"SOURCE": ("float", "double", "unsigned char"), "SCALAR": ("half_t",), "INDEX": ("long long",)}),
    *_tiled("conv2d_backward_input"),
    *_tiled("conv2d_backward_weight"),
    *_tiled("conv2d_forward"),
    Row("conv2d_pack_weights", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("cross_entropy", {"SCALAR": FLOATS, "INDEX": ROW_INDICES}),
    Row("depthwise", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("dropout", {"SCALAR": FLOATS}),
    Row("gemm_linear", {"TILE": ("Tile32x32",), "TILE_THREADS": ("256",), "SCALAR": FLOATS, "INDEX": ("int",)}),
    Row(
        "gemm_pointwise",
        {"TILE": ("Tile128x128", "Tile64x64"), "TILE_THREADS": ("256",), "SCALAR": ("float",), "INDEX": ("int",)},
    ),
    Row("gemm_pointwise", {"TILE": ("Tile64x128",), "TILE_THREADS": ("128",), "SCALAR": ("float",), "INDEX": ("int",)}),
    Row("group_norm", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("im2col", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("index_range", {"VALUE": INTEGERS}),
    Row("lion", {"SCALAR": FLOATS}),
    Row("nadam", {"SCALAR": FLOATS}),
    Row("pointwise", {"SCALAR": FLOATS, "INDEX": ROW_INDICES}),
    Row("pool2d", {"SCALAR": FLOATS, "PLACE": ("unsigned char",), "INDEX": INDICES}),
    Row("pool2d", {"SCALAR": FLOATS, "PLACE": ("int",), "INDEX": ("long long",)}),
    Row("random", {"SCALAR": FLOATS}),
    Row("random_integers", {}),
    Row("reductions", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("rmsprop", {"SCALAR": FLOATS}),
    Row("scale", {"SCALAR": FLOATS, "INDEX": INDICES}),
    Row("scatter_add", {"SCALAR": FLOATS}),
    Row("sgd", {"SCALAR": FLOATS}),
    Row("soft_cross_entropy", {"SCALAR": FLOATS, "INDEX": ROW_INDICES}),
    Row("softmax", {"SCALAR": FLOATS, "INDEX": ROW_INDICES}),
    Row("value_range", {"SCALAR": FLOATS}),
    Row("special", {"SCALAR": FLOATS, "INDEX": INDICES}),
)


def specialisations() -> Iterator[tuple[str, dict[str, str]]]:
    """(source, macros) of everything that can be launched."""
    for row in TABLE:
        for values in product(*row.macros.values()):
            yield row.source, dict(zip(row.macros, values, strict=True))


def contains(source: str, macros: Mapping[str, str]) -> bool:
    """Whether this is one of the `specialisations()`."""
    return any(
        row.source == source
        and row.macros.keys() == macros.keys()
        and all(value in row.macros[name] for name, value in macros.items())
        for row in TABLE
    )
