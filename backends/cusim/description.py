"""The launch description of `python -m dlcore.backends.cusim check`: a TOML file that says how kernels are launched.

    options = ["-DTILE=16"]          # as for NVRTC; may be left out
    seed = 0                         # of what is random; may be left out

    [[launch]]
    kernel = "scale"
    grid = [4]
    block = [256]
    shared = 0                       # bytes of dynamic shared memory; may be left out
    tolerance = 1e-5                 # of `expected`, relative and absolute; may be left out

    [launch.arguments]               # by the names of the parameters, or in their order: arguments = [...]
    x = { dtype = "float32", shape = [1000], value = "random" }
    out = { dtype = "float32", shape = [1000] }
    n = 1000
    factor = 2.0

    [launch.expected]                # NumPy, in terms of the arguments as they were before the launch
    out = "factor * x"

An array's value is "random" (normal numbers, or integers from 0 to 9), a number, a list, or an expression of NumPy
(`np`) and earlier arguments; an array without a value is uninitialised memory, which must be written before it is read.
"null" is a null pointer. Expressions are executed: run no description that you do not trust.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Function, Parameter


class DescriptionError(ValueError):
    """The description does not fit its form, or the kernels. The message says what is expected."""


@dataclass
class Launch:
    """One launch, as described."""

    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    shared: int
    tolerance: float
    arguments: Any
    expected: Mapping[str, str]


@dataclass
class Description:
    """A whole file."""

    options: tuple[str, ...] = ()
    seed: int = 0
    launches: list[Launch] = field(default_factory=list)


def read(path: Path) -> Description:
    """The description in a file.

    Raises:
        DescriptionError: it is no TOML, or an entry is missing, unknown or of a wrong type.
        OSError: it cannot be read.
    """
    try:
        content = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DescriptionError(f"{path}: {error}") from None
    where = str(path)
    _only(content, {"options", "seed", "launch"}, where)
    options = _get(content, "options", list, [], where)
    rows = _get(content, "launch", list, None, where)
    return Description(
        tuple(map(str, options)), _get(content, "seed", int, 0, where), [_launch(row, where) for row in rows]
    )


def _launch(row: dict[str, Any], where: str) -> Launch:
    _only(row, {"kernel", "grid", "block", "shared", "tolerance", "arguments", "expected"}, f"{where}: [[launch]]")
    where = f"{where}: launch of {row.get('kernel', '?')}"
    return Launch(
        _get(row, "kernel", str, None, where),
        _sizes(row, "grid", where),
        _sizes(row, "block", where),
        _get(row, "shared", int, 0, where),
        float(_get(row, "tolerance", (int, float), 1e-5, where)),
        _get(row, "arguments", (dict, list), {}, where),
        _get(row, "expected", dict, {}, where),
    )


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise DescriptionError(f"{where}: there is no entry {key!r}; there are {', '.join(sorted(known))}")


def _get(table: Mapping[str, Any], key: str, kind: Any, default: Any, where: str) -> Any:
    value = table.get(key, default)
    if value is None:
        raise DescriptionError(f"{where}: {key!r} is missing")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DescriptionError(f"{where}: {key} = {value!r} is of a wrong type")
    return value


def _sizes(row: Mapping[str, Any], key: str, where: str) -> tuple[int, ...]:
    value = row.get(key)
    sizes = [value] if isinstance(value, int) else value
    if not isinstance(sizes, list) or not 1 <= len(sizes) <= 3 or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise DescriptionError(f"{where}: {key} = {value!r}, expected one to three positive integers")
    return tuple((*sizes, 1, 1)[:3])


# --- values --------------------------------------------------------------------------------------------------

_SCALARS = {"i": (int,), "u": (int,), "f": (int, float), "b": (bool,)}


@dataclass
class Value:
    """An argument: an array with its values (None: uninitialised), a number, or a null pointer (None)."""

    parameter: Parameter
    array: np.ndarray[Any, Any] | None
    initialised: bool
    scalar: Any


def values(launch: Launch, function: Function, seed: int) -> list[Value]:
    """The arguments of a launch, checked against the kernel's parameters.

    Raises:
        DescriptionError: an argument is missing, unknown, or does not fit its parameter.
    """
    where, parameters = f"launch of {launch.kernel}", function.parameters
    given = launch.arguments
    if isinstance(given, list):
        given = dict(zip((parameter.name for parameter in parameters), given, strict=False))
        if len(launch.arguments) != len(parameters):
            raise DescriptionError(f"{where}: {len(launch.arguments)} arguments for {len(parameters)} parameters")
    _only(given, {parameter.name for parameter in parameters}, f"{where}: arguments")
    rng = np.random.default_rng(seed)
    known: dict[str, Any] = {}
    result = []
    for parameter in parameters:
        if parameter.name not in given:
            raise DescriptionError(f"{where}: there is no argument for the parameter {parameter.name!r}")
        made = _value(given[parameter.name], parameter, known, rng, f"{where}: {parameter.name}")
        known[parameter.name] = made.scalar if made.array is None else made.array
        result.append(made)
    return result


def _value(given: Any, parameter: Parameter, known: dict[str, Any], rng: np.random.Generator, where: str) -> Value:
    if parameter.kind == "s":
        raise DescriptionError(f"{where} is passed as a struct, which cannot be described")
    if parameter.kind != "p":
        if not isinstance(given, _SCALARS[parameter.kind]) or (isinstance(given, bool) and parameter.kind != "b"):
            raise DescriptionError(
                f"{where} = {given!r}, expected a value of type {_type(parameter.kind, parameter.size)}"
            )
        dtype = np.dtype(f"{parameter.kind}{parameter.size}" if parameter.kind != "b" else "?")
        try:
            scalar = dtype.type(given)
        except OverflowError:
            raise DescriptionError(f"{where} = {given} does not fit into {dtype}") from None
        return Value(parameter, None, True, scalar)
    if given == "null":
        return Value(parameter, None, True, None)
    if not isinstance(given, dict):
        raise DescriptionError(f'{where} = {given!r}, expected an array {{ dtype = ..., shape = [...] }} or "null"')
    _only(given, {"dtype", "shape", "value"}, where)
    return _array(given, parameter, known, rng, where)


def _array(
    given: dict[str, Any], parameter: Parameter, known: dict[str, Any], rng: np.random.Generator, where: str
) -> Value:
    try:
        dtype = np.dtype(_get(given, "dtype", str, None, where))
    except TypeError as error:
        raise DescriptionError(f"{where}: {error}") from None
    wanted = parameter.pointee_kind
    if wanted in "iufb" and (dtype.itemsize != parameter.pointee_size or dtype.kind != wanted):
        expected = _type(wanted, parameter.pointee_size)
        raise DescriptionError(f"{where} is an array of {dtype}, but the kernel takes a pointer to {expected}")
    shape = given.get("shape")
    sizes = [shape] if isinstance(shape, int) else shape
    if not isinstance(sizes, list) or not all(isinstance(n, int) and n >= 0 for n in sizes):
        raise DescriptionError(f"{where}: shape = {shape!r}, expected a list of sizes")
    value = given.get("value")
    if value is None:
        uninitialised = np.frombuffer(b"\xff" * (dtype.itemsize * int(np.prod(sizes))), dtype).reshape(sizes)
        return Value(parameter, uninitialised.copy(), False, None)
    if value == "random":
        made: Any = rng.standard_normal(sizes) if dtype.kind == "f" else rng.integers(0, 10, sizes)
    elif isinstance(value, str):
        made = evaluate(value, known, where)
    else:
        made = value
    try:
        return Value(parameter, np.array(np.broadcast_to(np.asarray(made), sizes)).astype(dtype), True, None)
    except ValueError as error:
        raise DescriptionError(f"{where}: {error}") from None


def evaluate(expression: str, known: Mapping[str, Any], where: str) -> Any:
    """The value of a NumPy expression.

    Raises:
        DescriptionError: it raises.
    """
    try:
        return eval(expression, {"np": np}, dict(known))
    except Exception as error:
        raise DescriptionError(f"{where}: {expression!r}: {type(error).__name__}: {error}") from None


def _type(kind: str, size: int) -> str:
    return "bool" if kind == "b" else {"i": "int", "u": "uint", "f": "float"}[kind] + str(8 * size)
