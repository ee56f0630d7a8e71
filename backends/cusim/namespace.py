"""The simulator's stand-in for the module `cupy`: the same names, with the same arguments, over simulated devices.

Only what CuPy 13 and 14 both have is here; a name or an argument that only NumPy knows fails as it would there.

>>> from dlcore.backends.cusim import namespace as cp
>>> x = cp.arange(3, dtype=cp.float32)
>>> (2 * x).get()
array([0., 2., 4.], dtype=float32)
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy import (  # noqa: F401 - CuPy's are NumPy's own
    bool_,
    complex64,
    complex128,
    complexfloating,
    dtype,
    e,
    euler_gamma,
    finfo,
    float16,
    float32,
    float64,
    floating,
    generic,
    iinfo,
    inexact,
    inf,
    int8,
    int16,
    int32,
    int64,
    int_,
    integer,
    intp,
    nan,
    newaxis,
    number,
    pi,
    signedinteger,
    uint,
    uint8,
    uint16,
    uint32,
    uint64,
    uintp,
    unsignedinteger,
)  # fmt: skip

from . import cuda, linalg, signatures  # noqa: F401
from .array import ndarray  # noqa: F401
from .dispatch import Stored, call
from .functions import (  # noqa: F401
    arange,
    argsort,
    array,
    asanyarray,
    asarray,
    ascontiguousarray,
    asfortranarray,
    asnumpy,
    broadcast_to,
    copy,
    copyto,
    empty,
    empty_like,
    full,
    full_like,
    get_array_module,
    ones,
    ones_like,
    sort,
    take_along_axis,
    where,
    zeros,
    zeros_like,
)  # fmt: skip
from .launch import RawKernel, RawModule  # noqa: F401
from .pinned import get_default_pinned_memory_pool  # noqa: F401
from .pool import get_default_memory_pool  # noqa: F401
from .ufunc import ufunc

__version__ = "14.2.0"  # what it stands in for

#: What this module has beside CuPy's names.
INTERNAL = {"INTERNAL", "Any", "Stored", "annotations", "call", "inspect", "np", "signatures"}

# Functions that are a method of their first argument, by the name of the method.
_METHODS = {name: name for name in signatures.METHODS.split()} | {"amax": "max", "amin": "min", "around": "round"}
_RENAMED = {("clip", "a_min"): "min", ("clip", "a_max"): "max", ("put", "ind"): "indices", ("put", "v"): "values"}
_METADATA = frozenset(signatures.METADATA.split())
_SYNCHRONISING = frozenset(signatures.SYNCHRONISING.split())
_ANY_FIRST = frozenset(signatures.ANY_FIRST.split())


def is_available() -> bool:
    return True


def transpose(a: Any, axes: Any = None) -> Any:
    return a.transpose() if axes is None else a.transpose(axes)


def min_scalar_type(a: Any) -> Any:
    return np.min_scalar_type(a._a if isinstance(a, Stored) else a)


def size(a: Any, axis: int | None = None) -> int:
    return int(np.size(a._a if isinstance(a, Stored) else a, axis))


def _signature(text: str) -> tuple[str, inspect.Signature]:
    name, _, parameters = text.partition("(")
    made = eval(f"lambda {parameters.removesuffix(')')}: None", {"float": float, "int": int})  # our own table
    return name, inspect.signature(made)


_SIGNATURES = dict(map(_signature, signatures.FUNCTIONS.split("\n")[1:-1]))


def _function(name: str, signature: inspect.Signature) -> Any:
    """The function of this name, which takes CuPy's arguments."""
    method = _METHODS.get(name)
    numpy_function = getattr(np, name)
    first = next(iter(signature.parameters))
    theirs = [] if name in _METADATA or method else _parameters(numpy_function, signature)

    def function(*args: Any, **options: Any) -> Any:
        try:
            bound = signature.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        if name in _METADATA:
            return numpy_function(*map(_numpy, args), **options)
        given = dict(bound.arguments)
        if name not in _ANY_FIRST and not isinstance(given[first], Stored):
            raise TypeError(f"{name}(): Unsupported type {type(given[first])}")
        if method is not None:
            x = given.pop(first)
            if name == "reshape":
                return x.reshape(given["newshape"], order=given.get("order", "C"))
            return getattr(x, method)(**{_RENAMED.get((name, key), key): value for key, value in given.items()})
        return call(name, numpy_function, *_for_numpy(name, bound, theirs), name in _SYNCHRONISING)

    function.__name__ = function.__qualname__ = name
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _parameters(numpy_function: Any, ours: inspect.Signature) -> list[str]:
    """The names of a NumPy function's parameters; older NumPys do not tell those of functions written in C."""
    try:
        return list(inspect.signature(numpy_function).parameters)
    except ValueError:
        return list(ours.parameters)


def _numpy(x: Any) -> Any:
    return x._a if isinstance(x, Stored) else x


def _for_numpy(name: str, bound: inspect.BoundArguments, theirs: list[str]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as NumPy's function wants them: it calls some differently, and has them in another order."""
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for place, (key, value) in enumerate(bound.arguments.items()):
        kind = bound.signature.parameters[key].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            positional += value
        elif kind is inspect.Parameter.VAR_KEYWORD:
            keywords |= value
        elif place == len(positional) and place < len(theirs) and _same(theirs[place], key, bound.signature):
            positional.append(value)
        elif key in theirs:
            keywords[key] = value
        else:
            raise NotImplementedError(f"the simulator's {name}() knows no {key}=")
    return positional, keywords


def _same(theirs: str, ours: str, signature: inspect.Signature) -> bool:
    return theirs == ours or (theirs not in signature.parameters and ours not in ("dtype", "out", "axis", "keepdims"))


def __getattr__(name: str) -> Any:
    if name in _UFUNCS:
        made: Any = ufunc(_UFUNCS[name])
    elif name in _SIGNATURES:
        made = _function(name, _SIGNATURES[name])
    else:
        raise AttributeError(f"module 'cupy' has no attribute {name!r}")
    globals()[name] = made
    return made


_UFUNCS = {name: name for name in signatures.UFUNCS.split()} | {
    "abs": "absolute", "bitwise_not": "invert", "conj": "conjugate", "mod": "remainder", "matmul": "matmul",
}  # fmt: skip


def __dir__() -> list[str]:
    public = {name for name in globals() if not name.startswith("_")} - INTERNAL
    return sorted(public | set(_UFUNCS) | set(_SIGNATURES))
