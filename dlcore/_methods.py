"""Operators and methods of Tensor: the functions of `dlcore.ops`, bound to the class once, at import."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from dlcore import ops
from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor
from dlcore.autograd import backward, is_grad_enabled
from dlcore.autograd.hooks import register_hook
from dlcore.ops import aliases
from dlcore.ops._common import raw
from dlcore.ops.indexing import broadcasts_to, getitem, setitem, value_for


def _reflected(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    def method(x: Tensor, other: Any) -> Tensor:
        return function(other, x)

    return method


def _in_place(symbol: str, function: Callable[[Any, Any], Tensor], write: Callable[[Any, Any], Any]) -> Any:
    """`x += y`. Where it has to be recorded, a new tensor takes the place of x instead."""

    def method(x: Tensor, y: Any) -> Tensor:
        if is_grad_enabled() and (x._requires_grad or (isinstance(y, Tensor) and y._requires_grad)):
            if x._requires_grad and x._node is None:
                raise RuntimeError(
                    f"x {symbol} y: x is a leaf that requires grad; update it under dl.no_grad(), "
                    f"or write x = x {symbol[0]} y for a new tensor"
                )
            return function(x, y)
        name = f"x {symbol} y"
        y = value_for(name, x, y)
        if symbol == "/=" and x.dtype.kind in "iub":
            raise DTypeError(f"{name}: the result is a float and does not fit into x of dtype {x.dtype}")
        if x.dtype.kind == "b" and (symbol == "-=" or (isinstance(y, int) and not isinstance(y, bool))):
            raise DTypeError(f"{name}: not defined for x of dtype bool; convert with astype")
        if isinstance(y, Tensor) and not broadcasts_to(y.shape, x.shape):
            raise ShapeError(f"{name}: y of shape {y.shape} does not broadcast to x of shape {x.shape}")
        if (activate := x._device.backend.activate) is not None:
            activate()
        write(x._array, raw(y))
        x._version[0] += 1
        return x

    return method


def _iterate(x: Tensor) -> Iterator[Tensor]:
    return (x[i] for i in range(len(x)))


def _transpose(x: Tensor) -> Tensor:
    if x.ndim != 2:
        raise ShapeError(f"x.T is for matrices, this tensor has shape {x.shape}; use x.mT or dl.permute_dims")
    return ops.matrix_transpose(x)


def _reshape(x: Tensor, *shape: Any) -> Tensor:
    """`x.reshape(2, -1)` or `x.reshape((2, -1))`."""
    return ops.reshape(x, shape[0] if len(shape) == 1 else shape)


def bind() -> None:
    """Give Tensor its operators and methods."""
    for name, function in {"add": ops.add, "sub": ops.subtract, "mul": ops.multiply, "truediv": ops.divide,
                           "floordiv": ops.floor_divide, "mod": ops.remainder, "pow": ops.pow,
                           "matmul": ops.matmul, "and": ops.bitwise_and, "or": ops.bitwise_or,
                           "xor": ops.bitwise_xor, "lshift": ops.bitwise_left_shift,
                           "rshift": ops.bitwise_right_shift}.items():  # fmt: skip
        setattr(Tensor, f"__{name}__", function)
        setattr(Tensor, f"__r{name}__", _reflected(function))
    for name, symbol, function, write in (
        ("iadd", "+=", ops.add, operator.iadd),
        ("isub", "-=", ops.subtract, operator.isub),
        ("imul", "*=", ops.multiply, operator.imul),
        ("itruediv", "/=", ops.divide, operator.itruediv),
    ):
        setattr(Tensor, f"__{name}__", _in_place(symbol, function, write))
    for name, method in {
        "__eq__": ops.equal, "__ne__": ops.not_equal, "__lt__": ops.less, "__le__": ops.less_equal,
        "__gt__": ops.greater, "__ge__": ops.greater_equal, "__neg__": ops.negative, "__pos__": ops.positive,
        "__abs__": ops.abs, "__invert__": ops.bitwise_invert, "__getitem__": getitem, "__setitem__": setitem,
        "__iter__": _iterate, "T": property(_transpose), "mT": property(ops.matrix_transpose), "backward": backward,
        "register_hook": register_hook,
        "to": ops.to, "astype": ops.astype, "reshape": _reshape,
    }.items():  # fmt: skip
        setattr(Tensor, name, method)
    for name in ("abs", "exp", "log", "sqrt", "tanh", "conj", "pow", "clip", "sum", "mean", "max", "min",
                 "permute_dims", "squeeze", "expand_dims", "broadcast_to"):  # fmt: skip
        setattr(Tensor, name, getattr(ops, name))
    for name in ("acos", "acosh", "all", "any", "argmax", "argmin", "asin", "asinh", "atan", "atan2", "atanh", "ceil",
                 "copysign", "cos", "cosh", "count_nonzero", "cumulative_prod", "cumulative_sum", "erf", "erfc",
                 "erfinv", "expm1", "floor", "hypot", "isfinite", "isinf", "isnan", "log1p", "log2", "log10",
                 "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "logsumexp", "maximum",
                 "minimum", "prod", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "signbit", "sin", "sinh",
                 "square", "std", "tan", "trunc", "var"):  # fmt: skip
        setattr(Tensor, name, getattr(ops, name))
    for name in ("argsort", "chunk", "diag", "diag_embed", "diagonal", "flip", "moveaxis", "nonzero", "roll", "split",
                 "swapaxes", "take", "take_along_axis", "tile", "topk", "tril", "triu", "unstack"):  # fmt: skip
        setattr(Tensor, name, getattr(ops, name))
    for name in aliases.__all__:
        setattr(Tensor, name, getattr(aliases, name))
    Tensor.repeat_interleave = ops.repeat  # type: ignore[attr-defined]
