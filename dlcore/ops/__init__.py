"""Differentiable operations under their array-API names, one family a file."""

from dlcore.ops.creation import arange, astype, full, full_like, ones, ones_like, to, zeros, zeros_like
from dlcore.ops.elementwise import (
    abs,
    add,
    clip,
    conj,
    divide,
    equal,
    exp,
    floor_divide,
    greater,
    greater_equal,
    imag,
    less,
    less_equal,
    log,
    log1p,
    multiply,
    negative,
    not_equal,
    positive,
    pow,
    real,
    remainder,
    sqrt,
    square,
    subtract,
    tanh,
    where,
)
from dlcore.ops.indexing import index_update, one_hot
from dlcore.ops.matrix import matmul
from dlcore.ops.reduction import max, mean, min, sum
from dlcore.ops.shape import (
    broadcast_to,
    concat,
    expand_dims,
    matrix_transpose,
    permute_dims,
    reshape,
    squeeze,
)

__all__ = [
    "abs", "add", "arange", "astype", "broadcast_to", "clip", "concat", "conj", "divide", "equal", "exp",
    "expand_dims", "floor_divide", "full", "full_like", "greater", "greater_equal", "imag", "index_update", "less",
    "less_equal", "log", "log1p", "matmul", "matrix_transpose", "max", "mean", "min", "multiply", "negative",
    "not_equal", "one_hot", "ones", "ones_like", "permute_dims", "positive", "pow", "real", "remainder", "reshape",
    "sqrt", "square", "squeeze", "subtract", "sum", "tanh", "to", "where", "zeros", "zeros_like",
]  # fmt: skip
