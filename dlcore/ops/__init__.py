"""Differentiable operations under their array-API names, one family a file."""

from dlcore.ops.arithmetic import (
    add,
    divide,
    floor_divide,
    multiply,
    negative,
    positive,
    pow,
    remainder,
    square,
    subtract,
)
from dlcore.ops.creation import arange, astype, full, full_like, ones, ones_like, to, zeros, zeros_like
from dlcore.ops.elementary import abs, conj, exp, imag, log, log1p, real, sqrt, tanh
from dlcore.ops.indexing import index_update, one_hot
from dlcore.ops.matrix import matmul
from dlcore.ops.reduction import max, mean, min, sum
from dlcore.ops.selection import clip, equal, greater, greater_equal, less, less_equal, not_equal, where
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
