"""Looks up CuPy names and arguments in the CuPy of the environment that runs this: JSON in, JSON out. See names.py."""

from __future__ import annotations

import inspect
import json
import re
import sys
from functools import cache
from typing import Any

import cupy

from dlcore.backends.cupy.namespace import Namespace

Parameters = list[tuple[str, str]]  # (name, kind), kinds as inspect names them

ARRAY_MAKERS = (
    "arange argsort array asanyarray asarray ascontiguousarray astype concat concatenate copy empty empty_like full"
    " full_like matmul max mean min ones ones_like reshape sum take take_along_axis where zeros zeros_like"
)
#: What functions return, as far as it is used further.
RETURNS = {
    "get_default_memory_pool": "cuda.MemoryPool",
    "get_default_pinned_memory_pool": "cuda.PinnedMemoryPool",
    "cuda.get_current_stream": "cuda.Stream",
    "cuda.alloc_pinned_memory": "cuda.PinnedMemoryPointer",
    "RawModule().get_function": "RawKernel",
} | dict.fromkeys(ARRAY_MAKERS.split(), "ndarray")

#: Objects that are there without a GPU, for attributes that Cython's __init__ sets.
EXAMPLES = {cupy.cuda.Stream: cupy.cuda.Stream.null}


class UnknownError(Exception):
    """What a chain goes through is not known here, so that nothing can be said."""


def resolved(root: Any, chain: str) -> Any:
    """The object that a chain such as "cuda.Event().record" ends at; an instance stands for its class.

    Raises:
        AttributeError: CuPy has no such name.
        UnknownError: it leads through the result of a function that is not in RETURNS.
    """
    value, so_far = root, ""
    for part in re.findall(r"\(\)|[^.()]+", chain):
        if part != "()":
            value = lookup(value, part)
            so_far += f".{part}" if so_far else part
        elif isinstance(value, type):
            so_far += "()"
        elif so_far in RETURNS:
            value = resolved(cupy, RETURNS[so_far])
            so_far = f"{RETURNS[so_far]}()"
        else:
            raise UnknownError(f"what {so_far}() returns")
    return value


def lookup(value: Any, name: str) -> Any:
    if isinstance(value, type):  # of an instance: attributes that __init__ sets cannot be seen
        try:
            return inspect.getattr_static(value, name)
        except AttributeError:
            if hasattr(EXAMPLES.get(value), name):
                return getattr(EXAMPLES[value], name)
            if _sets(value, name):
                raise UnknownError(f"{name} of an instance of {value.__name__}") from None
            raise AttributeError(f"{value.__name__} has no {name}") from None
    if isinstance(value, property) or inspect.isdatadescriptor(value):
        raise UnknownError(f"the type of {value}")
    return getattr(value, name)


@cache
def _sets(cls: type, name: str) -> bool:
    """Whether a Python class, or one that it is derived from, sets self.name somewhere."""
    for each in cls.__mro__:
        try:
            if re.search(rf"\bself\.{name}\b[^=\n]*=", inspect.getsource(each)):
                return True
        except (OSError, TypeError):
            continue
    return False


def parameters(value: Any) -> Parameters | None:
    """Of a function or class, without `self`; None where nothing tells."""
    value = inspect.unwrap(value)  # what Namespace puts around CuPy's functions
    if isinstance(value, cupy.ufunc):
        inputs = [(f"x{i + 1}", "POSITIONAL_ONLY") for i in range(value.nin)]
        return [*inputs, ("out", "POSITIONAL_OR_KEYWORD"), ("casting", "KEYWORD_ONLY"), ("dtype", "KEYWORD_ONLY")]
    found = _from_text(value)  # of Cython's functions, whose signature is the first line of the documentation
    if found is None:
        try:
            signature = inspect.signature(value)
        except (TypeError, ValueError):
            return None
        found = [(p.name, p.kind.name) for p in signature.parameters.values()]
    return [(name, kind) for name, kind in found if name not in ("self", "cls")]


def _from_text(value: Any) -> Parameters | None:
    """From "Name.function(self, int a, *, b=u'C') -> type"."""
    name = getattr(value, "__name__", "")
    first = (getattr(value, "__doc__", None) or "").lstrip().split("\n", 1)[0]
    match = re.match(rf"(?:\w+\.)*{re.escape(name)}\((.*)\)(?:\s*->.*)?$", first)
    if not name or match is None:
        return None
    found: Parameters = []
    kind = "POSITIONAL_OR_KEYWORD"
    for part in re.split(r",\s*(?![^\[(]*[\])])", match[1]):
        word = part.split("=", 1)[0].strip().split(" ")[-1]
        if part.strip() in ("", "/"):
            continue
        if part.strip() == "*":
            kind = "KEYWORD_ONLY"
        elif part.startswith("**"):
            found.append((word.lstrip("*"), "VAR_KEYWORD"))
        elif part.startswith("*"):
            found.append((word.lstrip("*"), "VAR_POSITIONAL"))
            kind = "KEYWORD_ONLY"
        else:
            found.append((word.split(":")[0], kind))
    return found


def call_problem(given: dict[str, Any], known: Parameters) -> str | None:
    """Why a call does not fit the parameters."""
    kinds = [kind for _, kind in known]
    names = {name for name, kind in known if kind in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")}
    unknown = [keyword for keyword in given["keywords"] if keyword not in names]
    if unknown and "VAR_KEYWORD" not in kinds:
        return f"no argument {', '.join(unknown)}; it has {', '.join(name for name, _ in known)}"
    most = sum(kind.startswith("POSITIONAL") for kind in kinds)
    if given["positional"] > most and "VAR_POSITIONAL" not in kinds:
        return f"{given['positional']} positional arguments, it takes {most}"
    return None


def offer_problem(offered: Parameters, known: Parameters) -> str | None:
    """Why a function of the simulator takes what CuPy's does not."""
    kinds = [kind for _, kind in known]
    names = [name for name, _ in known]
    if "VAR_KEYWORD" in kinds or "VAR_POSITIONAL" in kinds:
        return None
    for place, (name, kind) in enumerate(offered):
        if kind in ("VAR_POSITIONAL", "VAR_KEYWORD", "POSITIONAL_ONLY"):
            continue
        if name not in names:
            return f"takes {name}=, CuPy's takes {', '.join(names)}"
        if kind == "POSITIONAL_OR_KEYWORD" and kinds[names.index(name)] == "KEYWORD_ONLY":
            return f"takes {name} by position, CuPy's by name alone"
        if kind == "POSITIONAL_OR_KEYWORD" and names.index(name) != place:
            return f"takes {name} at place {place}, CuPy's at place {names.index(name)}"
    return None


def check(uses: list[dict[str, Any]], surface: list[dict[str, Any]]) -> dict[str, Any]:
    problems, unclear, roots = [], [], {"cp": cupy, "xp": Namespace(cupy, lambda error, name: error)}
    for use in uses:
        what = f"{use['where']}: {use['root']}.{use['chain']}"
        try:
            value = resolved(roots[use["root"]], use["chain"])
        except AttributeError as error:
            problems.append(f"{what}: {error}")
            continue
        except UnknownError as error:
            unclear.append(f"{what}: not known here: {error}")
            continue
        if use["call"] is not None:
            known = parameters(value)
            if known is None:
                unclear.append(f"{what}: no signature to compare with")
            elif problem := call_problem(use["call"], known):
                problems.append(f"{what}: {problem}")
    for item in surface:
        try:
            value = resolved(cupy, item["path"])
        except AttributeError as error:
            problems.append(f"the simulator's {item['path']}: {error}")
            continue
        except UnknownError as error:
            unclear.append(f"the simulator's {item['path']}: not known here: {error}")
            continue
        known = parameters(value) if callable(value) else None
        if item["parameters"] is not None and known is not None:
            if problem := offer_problem([(name, kind) for name, kind in item["parameters"]], known):
                problems.append(f"the simulator's {item['path']}: {problem}")
        elif item["parameters"] is not None:
            unclear.append(f"the simulator's {item['path']}: no signature to compare with")
    return {
        "version": cupy.__version__,
        "checked": len(uses) + len(surface),
        "problems": problems,
        "unclear": unclear,
    }


if __name__ == "__main__":
    json.dump(check(**json.load(sys.stdin)), sys.stdout)
