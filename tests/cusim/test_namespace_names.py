"""The simulator offers what CuPy offers: `tools/cupy_names.py` on a made-up CuPy and, where there is one, on a real."""

from __future__ import annotations

import doctest
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cusim import counters, functions, namespace

TOOL = Path(__file__).parents[2] / "tools" / "cupy_names.py"
spec = importlib.util.spec_from_file_location("cupy_names", TOOL)
assert spec is not None
assert spec.loader is not None
cupy_names: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cupy_names)


def made_up(**changes: Any) -> Any:
    class ufunc:  # noqa: N801
        nin, nout = 2, 1

    functions = {
        "argsort": lambda a, axis=-1, kind=None: None,
        "zeros": lambda shape, dtype=float, order="C": None,
        "add": ufunc(),
    }
    return SimpleNamespace(__version__="0", ufunc=ufunc, **(functions | changes))


OURS = {name: cupy_names.dump()[name] for name in ("argsort", "zeros", "add")}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"zeros": lambda shape, dtype=float, order="C", *, device=None: None}, ""),  # CuPy may know more
        ({"zeros": SimpleNamespace()}, ""),  # no signature to compare
        ({"argsort": lambda a, axis=-1: None}, "argsort: CuPy has no parameter kind"),
        ({"argsort": lambda a, kind=None, axis=-1: None}, "argsort: CuPy has axis elsewhere"),
        ({"argsort": lambda a, axis=0, kind=None: None}, "argsort: axis=-1, in CuPy 0"),
        ({"argsort": lambda a, axis, kind=None: None}, "argsort: axis=-1, in CuPy required"),
        ({"argsort": lambda a, axis=-1, *, kind=None: None}, "argsort: CuPy has kind elsewhere"),
        ({"zeros": lambda shape, dtype=float, order="C", *, n: None}, r"zeros: CuPy requires \['n'\]"),
        ({"add": type("ufunc", (), {"nin": 1, "nout": 1})}, ""),
    ],
)
def test_differences(changes: dict[str, Any], text: str) -> None:
    found = [d for name, ours in OURS.items() if (d := cupy_names.difference(name, ours, made_up(**changes)))]
    if text:
        with pytest.raises(AssertionError, match=text):
            raise AssertionError(found[0])
    else:
        assert found == []


def test_a_name_that_is_missing() -> None:
    cupy = made_up()
    del cupy.zeros
    assert cupy_names.difference("zeros", OURS["zeros"], cupy) == "zeros: CuPy 0 has no such name"
    assert cupy_names.difference("zeros.at", {"kind": "attribute"}, made_up()) == "zeros.at: CuPy 0 has no such name"


def test_ufuncs_have_the_same_operands() -> None:
    cupy = made_up()
    cupy.add.nin = 1
    assert cupy_names.difference("add", OURS["add"], cupy) == "add: (2, 1) operands in and out, in CuPy (1, 1)"


def test_the_list_is_complete(tmp_path: Path) -> None:
    subprocess.run([sys.executable, TOOL, "dump", tmp_path / "names.json"], check=True)
    names = json.loads((tmp_path / "names.json").read_text())
    assert names == json.loads(json.dumps(cupy_names.dump()))
    for name in [
        "ndarray.get", "ndarray.argmax", "RawKernel.max_dynamic_shared_size_bytes", "cuda.Device.use", "sqrt",
        "cuda.runtime.memcpyAsync", "cuda.memory.OutOfMemoryError", "cuda.Stream.wait_event", "linspace", "float16",
    ]:  # fmt: skip
        assert name in names
    assert names["sum"]["signature"][0][0] == "a"
    assert names["ndarray.sum"]["signature"][0][0] == "axis"
    assert len(names) > 500


def test_cupy_has_all_of_it() -> None:
    pytest.importorskip("cupy", reason="CuPy is not installed; tools/cupy_names.py compares with one elsewhere")
    assert cupy_names.compare(cupy_names.dump()) == []


@pytest.mark.parametrize("module", [counters, namespace], ids=["counters", "namespace"])
def test_examples(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_parameter_in_the_table_has_a_place() -> None:
    """What CuPy calls differently, the method or NumPy's function behind it is given under its own name."""
    unknown = []
    for name, signature in namespace._SIGNATURES.items():
        if name in namespace._METADATA or hasattr(functions, name):
            continue
        method = namespace._METHODS.get(name)
        target = getattr(np, name) if method is None else getattr(namespace.ndarray, method)
        theirs = namespace._parameters(target, signature)
        for place, (key, parameter) in enumerate(signature.parameters.items()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or (method and place == 0):
                continue
            renamed = namespace._RENAMED.get((name, key), key)
            known = renamed in theirs or (name, key) == ("reshape", "newshape")
            if not known and method is None and place < len(theirs):
                known = namespace._same(theirs[place], key, signature)
            if not known:
                unknown.append(f"{name}({key})")
    assert unknown == ["nanargmax(dtype)", "nanargmin(dtype)"]  # CuPy's own, and refused


def test_what_the_simulator_does_not_know_is_refused() -> None:
    for name in ("nanargmax", "nanargmin", "argmax", "argmin"):
        with pytest.raises(NotImplementedError, match="dtype="):
            getattr(namespace, name)(namespace.zeros(3), dtype="int32")
