"""Every CuPy name and argument that the project uses, collected without running it, and looked up in real CuPy.

What is collected:

- from `backends/cupy`, everything that hangs on the injected module (`cp`, `self.cp`, `launcher.cp` ...) and on
  what it returns, as far as that is plain to see (`cp.cuda.Event(...)`, `event.record()`);
- from `dlcore` and `backends/cupy`, everything that hangs on an array namespace (`xp`, `backend.xp` ...), which on a
  GPU is `Namespace(cupy)`;
- all names and parameters of the simulator's stand-in for CuPy: what the simulator offers and CuPy does not have
  would work in every test and fail on a GPU.

`resolve.py` looks them up, in an environment for each version of CuPy; it needs no GPU.
"""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from .compiling import ROOT

#: Where each name for the module or the namespace is looked for.
FOLDERS = {"dlcore": ("xp",), "backends/cupy": ("cp", "xp")}
_ROOTS = {"cp": "cp", "_cp": "cp", "xp": "xp", "_xp": "xp"}
Use = dict[str, Any]  # where, root ("cp", "xp"), chain ("cuda.Event().record"), call (None or its arguments)


def used(root: Path = ROOT) -> list[Use]:
    """The uses in the checkout's sources."""
    found = []
    for folder, roots in FOLDERS.items():
        for path in sorted((root / folder).rglob("*.py")):
            place = str(path.relative_to(root))
            found += [use for use in uses(path.read_text(encoding="utf-8"), place) if use["root"] in roots]
    return found


def uses(text: str, place: str) -> list[Use]:
    """The uses in one source."""
    tree = ast.parse(text)
    collector = _Collector(place)
    collector.visit(tree)
    return collector.found


class _Collector(ast.NodeVisitor):
    """Finds chains of attributes and calls that begin at the module or the namespace, also through local names."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.found: list[Use] = []
        self._aliases: dict[str, str] = {}  # local name -> "cp:cuda.runtime"

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self._aliases = self._aliases, dict(self._aliases)
        for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            self._aliases.pop(argument.arg, None)
        self.generic_visit(node)
        self._aliases = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for name, value in pairs:
                if isinstance(name, ast.Name) and name.id not in _ROOTS:
                    chain = self._chain(value)
                    if chain is None:
                        self._aliases.pop(name.id, None)
                    else:
                        self._aliases[name.id] = chain

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note(node, None)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if _is_getattr(node):  # getattr(xp, "name")
            self._note(node, None)
        elif isinstance(function, ast.Attribute):
            self._note(function, node)
        for child in ast.iter_child_nodes(node):
            # the function itself has been noted with its arguments
            self.visit(child.value if child is function and isinstance(child, ast.Attribute) else child)

    def _note(self, node: ast.expr, call: ast.Call | None) -> None:
        root, _, chain = (self._chain(node) or "").partition(":")
        if chain:
            arguments = None if call is None else {
                "positional": sum(not isinstance(argument, ast.Starred) for argument in call.args),
                "starred": any(isinstance(argument, ast.Starred) for argument in call.args),
                "keywords": [keyword.arg for keyword in call.keywords if keyword.arg],
            }  # fmt: skip
            where = f"{self.place}:{node.lineno}"
            self.found.append({"where": where, "root": root, "chain": chain, "call": arguments})

    def _chain(self, node: ast.expr) -> str | None:
        """ "cp:cuda.runtime.getDevice" for what hangs on the module, "cp:" for itself, None for anything else."""
        if isinstance(node, ast.Name):
            return f"{_ROOTS[node.id]}:" if node.id in _ROOTS else self._aliases.get(node.id)
        if isinstance(node, ast.Call) and _is_getattr(node):
            name = node.args[1]
            return self._extended(node.args[0], str(name.value)) if isinstance(name, ast.Constant) else None
        if isinstance(node, ast.Call):
            inner = self._chain(node.func)
            return f"{inner}()" if inner and not inner.endswith(":") else None
        if isinstance(node, ast.Attribute):
            if node.attr in _ROOTS:
                return f"{_ROOTS[node.attr]}:"
            return self._extended(node.value, node.attr)
        return None

    def _extended(self, inner: ast.expr, name: str) -> str | None:
        chain = self._chain(inner)
        if chain is None:
            return None
        return chain + name if chain.endswith(":") else f"{chain}.{name}"


def _is_getattr(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) == 2


# --- the simulator's stand-in ---------------------------------------------------------------------


def surface() -> list[dict[str, Any]]:
    """The public names of the simulator's module, of its `cuda`, and of its classes; parameters where there are any."""
    from dlcore.backends.cusim import namespace

    return list(_public(namespace, "", 0))


def _public(owner: Any, prefix: str, depth: int) -> Iterator[dict[str, Any]]:
    internal = getattr(owner, "INTERNAL", ())
    listed = getattr(owner, "__all__", None) or dir(owner)
    for name in listed:
        if name.startswith("_") or name in internal:
            continue
        value = inspect.getattr_static(owner, name) if isinstance(owner, type) else getattr(owner, name)
        if isinstance(value, ModuleType) and not value.__name__.startswith("dlcore."):
            continue
        path = f"{prefix}{name}"
        yield {"path": path, "parameters": _parameters(value)}
        if (isinstance(value, ModuleType | SimpleNamespace) and depth < 2) or _is_own_class(value):
            yield from _public(value, f"{path}.", depth + 1)


def _is_own_class(value: Any) -> bool:
    """Whether it is a class of the simulator's; its array calls itself one of CuPy's."""
    own = isinstance(value, type) and value.__module__.startswith(("dlcore.", "cupy"))
    return own and not issubclass(value, Exception)


def _parameters(value: Any) -> list[list[str]] | None:
    """[name, kind] of each parameter, without `self`."""
    value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    if not callable(value) or isinstance(value, type):
        return None
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    return [[p.name, p.kind.name] for p in signature.parameters.values() if p.name not in ("self", "cls")]


# --- looking up -----------------------------------------------------------------------------------


def check(python: str | Path, wanted: list[Use], offered: list[dict[str, Any]]) -> dict[str, Any]:
    """What `resolve.py` finds with the CuPy of another environment: version, problems, checked, uninspected."""
    script = Path(__file__).with_name("resolve.py")
    done = subprocess.run(
        [str(python), str(script)], input=json.dumps({"uses": wanted, "surface": offered}), capture_output=True,
        text=True, cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{python} {script}: {done.stderr}")
    return json.loads(done.stdout)
