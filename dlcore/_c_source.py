"""Functions of a C source, compiled at first use; each argument of a call is checked against the source."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dlcore import _build
from dlcore._errors import DTypeError

#: The types that arguments may have.
C_TYPES: dict[str, Any] = {
    "_Bool": ctypes.c_bool, "bool": ctypes.c_bool, "signed char": ctypes.c_int8,
    "unsigned char": ctypes.c_uint8, "short": ctypes.c_short, "unsigned short": ctypes.c_ushort, "int": ctypes.c_int,
    "unsigned": ctypes.c_uint, "unsigned int": ctypes.c_uint, "long": ctypes.c_long, "unsigned long": ctypes.c_ulong,
    "long long": ctypes.c_longlong, "unsigned long long": ctypes.c_ulonglong, "size_t": ctypes.c_size_t,
    "ptrdiff_t": ctypes.c_ssize_t, "int8_t": ctypes.c_int8, "uint8_t": ctypes.c_uint8, "int16_t": ctypes.c_int16,
    "uint16_t": ctypes.c_uint16, "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32, "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64, "float": ctypes.c_float, "double": ctypes.c_double,
}  # fmt: skip


class Functions:
    """The functions of a C source by name.

    Args:
        title: what errors call the source.
        source: C; every function that is to be called is `void name(...)`.
        macros: names and values that it finds defined.
        flags, link_flags: options of the compiler and of the linker.

    Raises (when a function is first asked for):
        BuildError: no C compiler, or it refused the source.
        LookupError: there is no such function.
        TypeError: an argument in the source is of a type that is not known here.

    >>> source = "void fill(double* x, long n, double value) { for (long i = 0; i < n; i++) x[i] = value; }"
    >>> functions = Functions("example", source, {}, (), ())
    >>> x = np.zeros(3)
    >>> functions["fill"](x, 2, 5)
    >>> x
    array([5., 5., 0.])
    """

    def __init__(
        self,
        title: str,
        source: str,
        macros: Mapping[str, str | int | float],
        flags: Sequence[str],
        link_flags: Sequence[str],
    ) -> None:
        self._title = title
        defined = "".join([f"#define {name} {value}\n" for name, value in macros.items()])
        self._text = f'{defined}#line 1 "{title}"\n{source}'
        self._options = tuple(flags), tuple(link_flags)
        self._found: dict[str, Callable[..., None]] = {}

    def __getitem__(self, name: str) -> Callable[..., None]:
        function = self._found.get(name)
        if function is None:
            function = self._found[name] = self._load(name)
        return function

    def _load(self, name: str) -> Callable[..., None]:
        readable = _COMMENT.sub(" ", self._text)
        listed = _functions_of(readable)
        if name not in listed:
            there = ", ".join(listed) or "none"
            raise LookupError(
                f"{self._title}: its C source has no function {name!r}: void {name}(...); there is: {there}"
            )
        words = dict(_DEFINE.findall(readable))
        arguments = [_argument(f"{self._title}: {name}", text, words) for text in listed[name]]
        flags, link_flags = self._options
        library = _build.load(self._text, language="c", flags=flags, link_flags=link_flags).library
        function = getattr(library, name)
        function.restype = None
        function.argtypes = [ctypes.c_void_p if argument.pointer else argument.kind for argument in arguments]

        def call(*values: Any) -> None:
            if len(values) != len(arguments):
                raise TypeError(f"{self._title}: {name} takes {len(arguments)} argument(s), got {len(values)}")
            converted = [argument.convert(value) for argument, value in zip(arguments, values, strict=True)]
            function(*converted)  # `values` keeps the arrays alive meanwhile

        return call


class _Argument(NamedTuple):
    what: str  # for errors: source, function and argument
    kind: Any  # a type of ctypes; None: what a void* points to
    pointer: bool
    constant: bool

    def convert(self, value: Any) -> Any:
        return self._pointer(value) if self.pointer else self._number(value)

    def _pointer(self, x: Any) -> int | None:
        if x is None:
            return None
        if not isinstance(x, np.ndarray):
            raise TypeError(f"{self.what} must be an array or None, got {type(x).__name__}")
        if self.kind is not None and x.dtype != np.dtype(self.kind):
            raise DTypeError(f"{self.what} must be {np.dtype(self.kind)}, got {x.dtype}")
        if not x.flags.c_contiguous:
            raise ValueError(f"{self.what} must be C-contiguous, got strides {x.strides}")
        if not (self.constant or x.flags.writeable):
            raise ValueError(f"{self.what} is written to (it is not const), but its memory is read-only")
        return int(x.ctypes.data)

    def _number(self, value: Any) -> Any:
        dtype = np.dtype(self.kind)
        if isinstance(value, np.ndarray):
            raise TypeError(f"{self.what} must be a number, got an array")
        if dtype.kind in "iu":
            if not hasattr(value, "__index__"):
                raise TypeError(f"{self.what} must be an int, got {value!r}")
            number, limits = value.__index__(), np.iinfo(dtype)
            if not limits.min <= number <= limits.max:
                raise OverflowError(f"{self.what}={number} does not fit into {dtype}")
            return number
        if not hasattr(value, "__float__"):
            raise TypeError(f"{self.what} must be a number, got {value!r}")
        return bool(value) if dtype.kind == "b" else float(value)


_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([\w ]+?)[ \t]*$", re.MULTILINE)
_FUNCTION = re.compile(r"((?:\b\w+\s+)*)\bvoid\s+(\w+)\s*\(([^()]*)\)\s*\{")


def _functions_of(text: str) -> dict[str, list[str]]:
    """The texts of the arguments of every function that can be called from outside, by its name."""
    found = {}
    for before, name, arguments in _FUNCTION.findall(text):
        if "static" not in before.split():
            found[name] = [part for part in arguments.split(",") if part.strip() not in ("", "void")]
    return found


def _argument(function: str, text: str, words: Mapping[str, str]) -> _Argument:
    parts = [word for word in text.replace("*", " * ").split() if word not in ("restrict", "__restrict__", "volatile")]
    name, pointers = parts[-1], parts.count("*")
    kind = " ".join([word for word in parts[:-1] if word not in ("const", "*")])
    for _ in range(4):  # a macro may stand for another one
        kind = words.get(kind, kind)
    known = kind in C_TYPES or (kind == "void" and pointers == 1)
    if not known or pointers > 1 or name == "*" or "[" in text:
        raise TypeError(
            f"{function}: argument {text.strip()!r} must be a number or a pointer to numbers, "
            f"of one of the types {', '.join(C_TYPES)}"
        )
    return _Argument(f"{function}: {name}", C_TYPES.get(kind), pointers == 1, "const" in parts)
