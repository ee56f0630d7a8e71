"""Compare the simulator's stand-in for CuPy with a real CuPy, which needs no GPU for this.

    python tools/cupy_names.py dump names.json      where dlcore is installed
    python tools/cupy_names.py compare names.json   where CuPy is installed; exits 1 on a difference
    python tools/cupy_names.py                      where both are

Every public name that the simulator offers must exist in CuPy, and every call that the simulator accepts must be one
that CuPy accepts: the same parameters in the same places with the same defaults, as far as CuPy shows its signatures.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


def members(thing: Any) -> dict[str, Any]:
    names = getattr(thing, "__all__", None) or [name for name in dir(thing) if not name.startswith("_")]
    return {name: getattr(thing, name) for name in names}


def signature_of(thing: Any) -> list[list[str]] | None:
    """(name, kind, default) of each parameter but `self`, or None where there is no signature."""
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return None
    if parameters and parameters[0].name == "self":
        parameters = parameters[1:]
    return [[p.name, p.kind.name, _default(p.default)] for p in parameters]


def _default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return ""
    return value.__name__ if isinstance(value, type) else repr(value)


def describe(thing: Any, path: str, found: dict[str, Any]) -> None:
    """Write down everything public below `thing`."""
    for name, value in members(thing).items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, (ModuleType, SimpleNamespace)):
            if not isinstance(value, ModuleType) or value.__name__.startswith("dlcore."):
                found[here] = {"kind": "module"}
                describe(value, here, found)
        elif isinstance(value, type):
            found[here] = {"kind": "class"}
            if value.__module__.startswith(("dlcore.", "cupy")):
                for attribute in members(value):
                    found[f"{here}.{attribute}"] = {"kind": "attribute"}
                    method = inspect.getattr_static(value, attribute)
                    if inspect.isfunction(method):
                        found[f"{here}.{attribute}"]["signature"] = signature_of(method)
        elif type(value).__name__ == "ufunc":
            found[here] = {"kind": "ufunc", "nin": value.nin, "nout": value.nout}
        elif callable(value) and hasattr(value, "__name__"):
            found[here] = {"kind": "function", "signature": signature_of(value)}
        else:
            found[here] = {"kind": "value"}


def dump() -> dict[str, Any]:
    from dlcore.backends.cusim import namespace

    found: dict[str, Any] = {}
    offered = SimpleNamespace(**{n: getattr(namespace, n) for n in dir(namespace) if n not in namespace.INTERNAL})
    describe(offered, "", found)
    return found


def difference(path: str, ours: dict[str, Any], cupy: Any) -> str | None:
    theirs = cupy
    for part in path.split("."):
        if not hasattr(theirs, part):
            return f"{path}: CuPy {cupy.__version__} has no such name"
        theirs = getattr(theirs, part)
    if ours["kind"] == "ufunc" and isinstance(theirs, cupy.ufunc):
        mine, real = (ours["nin"], ours["nout"]), (theirs.nin, theirs.nout)
        return None if mine == real else f"{path}: {mine} operands in and out, in CuPy {real}"
    mine, real = ours.get("signature"), signature_of(theirs)
    if mine is None or real is None:
        return None
    return mismatch(path, mine, real)


def mismatch(path: str, ours: list[list[str]], theirs: list[list[str]]) -> str | None:
    if any(kind in ("VAR_POSITIONAL", "VAR_KEYWORD") for _, kind, _ in ours + theirs):
        return None
    real = {name: (place, kind, default) for place, (name, kind, default) in enumerate(theirs)}
    for place, (name, kind, default) in enumerate(ours):
        if name not in real:
            return f"{path}: CuPy has no parameter {name}: {shown(theirs)}"
        where, real_kind, real_default = real[name]
        if kind == "POSITIONAL_OR_KEYWORD" and (where != place or real_kind == "KEYWORD_ONLY"):
            return f"{path}: CuPy has {name} elsewhere: {shown(theirs)}"
        if default != real_default and re.sub("[\"']", "", default) != re.sub("[\"']", "", real_default):
            return f"{path}: {name}={default}, in CuPy {real_default or 'required'}"
    missing = [name for name, _, default in theirs if not default and name not in {part[0] for part in ours}]
    return f"{path}: CuPy requires {missing}" if missing else None


def shown(signature: list[list[str]]) -> str:
    return "(" + ", ".join(f"{name}={default}" if default else name for name, _, default in signature) + ")"


def compare(names: dict[str, Any]) -> list[str]:
    import cupy

    return [text for path, ours in names.items() if (text := difference(path, ours, cupy))]


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["dump"]:
        Path(arguments[1]).write_text(json.dumps(dump(), indent=1))
        return 0
    names = json.loads(Path(arguments[1]).read_text()) if arguments[:1] == ["compare"] else dump()
    found = compare(names)
    print("\n".join([*found, f"{len(names)} names compared, {len(found)} differ"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
