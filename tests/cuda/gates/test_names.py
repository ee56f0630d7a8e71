"""Names and arguments that CuPy does not have are found, both where they are used and where the simulator has them."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from tools.cuda_check import names

needs_cupy = pytest.mark.skipif(
    "DLCORE_CUDA_CHECK" not in os.environ and find_spec("cupy") is None, reason="needs CuPy; make cuda-check runs this"
)

SOURCE = """
def method(self, x, cp):
    runtime = self.cp.cuda.runtime
    event, other = cp.cuda.Event(disable_timing=True), 3
    event.record()
    runtime.getDevice()
    xp = self.backend.xp
    y = xp.concat([x], axis=0)
    getattr(xp, "sin")(y, out=x)
    other.record()

def another(runtime):
    runtime.not_cupy()
"""


def test_uses_are_collected_through_local_names() -> None:
    found = {(use["root"], use["chain"]): use["call"] for use in names.uses(SOURCE, "x.py")}
    assert {chain for _, chain in found} == {
        "cuda", "cuda.runtime", "cuda.Event", "cuda.Event().record", "cuda.runtime.getDevice", "concat", "sin",
    }  # fmt: skip
    assert found["cp", "cuda.Event"] == {"positional": 0, "starred": False, "keywords": ["disable_timing"]}
    assert found["xp", "concat"] == {"positional": 1, "starred": False, "keywords": ["axis"]}


def test_the_project_is_looked_through() -> None:
    found = names.used()
    chains = {use["chain"] for use in found if use["where"].startswith("backends/cupy")}
    assert {"RawModule", "cuda.get_current_stream().ptr", "cuda.Event().record"} <= chains
    assert any(use["where"].startswith("dlcore/reference") for use in found)
    offered = {item["path"] for item in names.surface()}
    assert {"argsort", "ndarray.astype", "cuda.runtime.getDevice", "RawKernel.compile"} <= offered


def problems(text: str = "", surface: list[dict[str, Any]] | None = None) -> list[str]:
    return names.check(sys.executable, names.uses(text, "x.py"), surface or [])["problems"]


@needs_cupy
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cp.vecdot(x)", "x.py:1: cp.vecdot: .*no attribute 'vecdot'"),
        ("xp.unstack(x)", "x.py:1: xp.unstack: .*no attribute 'unstack'"),
        ("cp.cuda.runtime.getDevices()", "x.py:1: cp.cuda.runtime.getDevices: "),
        ("cp.sum(x, where=y)", "cp.sum: no argument where; it has a, axis, dtype, out, keepdims"),
        ("cp.add(x, y, where=z)", "cp.add: no argument where; it has x1, x2, out, casting, dtype"),
        ("cp.cuda.Event(timing=True)", "cp.cuda.Event: no argument timing"),
        ("cp.empty(3).tolists()", r"cp.empty\(\).tolists: "),
        ("cp.get_default_memory_pool().set_limit(share=1)", "set_limit: no argument share; it has size, fraction"),
        ("cp.argsort(x, 0, None, 4, 5)", "cp.argsort: 5 positional arguments, it takes"),
        ("xp.concat(x, axes=0)", "xp.concat: no argument axes"),
        ("xp.astype(x, y, order=0)", "xp.astype: no argument order; it has x, dtype, copy"),
    ],
)
def test_a_use_of_what_is_not_there_is_found(text: str, problem: str) -> None:
    (found,) = problems(text)
    assert re.search(problem, found), found


@needs_cupy
def test_what_is_there_is_right() -> None:
    assert problems(
        "cp.argsort(x, kind='stable'); cp.cuda.get_current_stream().ptr; cp.empty(2, dtype=x).astype(y, copy=False);"
        "cp.matmul(x, y, out=z); cp.cuda.Device(0).synchronize(); cp.RawModule(code=x, options=()).get_function('k')"
    ) == []  # fmt: skip


@needs_cupy
@pytest.mark.parametrize(
    ("path", "parameters", "problem"),
    [
        ("vecdot", None, "the simulator's vecdot: "),
        ("ndarray.stride", None, "the simulator's ndarray.stride: "),
        ("sum", [["a", "POSITIONAL_OR_KEYWORD"], ["where", "KEYWORD_ONLY"]], "sum: takes where=, CuPy's takes a, axis"),
        (
            "sum", [["a", "POSITIONAL_OR_KEYWORD"], ["dtype", "POSITIONAL_OR_KEYWORD"]],
            "sum: takes dtype at place 1, CuPy's at place 2",
        ),
        (
            "concatenate", [[name, "POSITIONAL_OR_KEYWORD"] for name in ("tup", "axis", "out", "dtype")],
            "concatenate: takes dtype by position, CuPy's by name alone",
        ),
        ("ndarray.get", [["order", "KEYWORD_ONLY"], ["wait", "KEYWORD_ONLY"]], "ndarray.get: takes wait="),
    ],
)  # fmt: skip
def test_the_simulator_must_not_offer_more(path: str, parameters: Any, problem: str) -> None:
    (found,) = problems(surface=[{"path": path, "parameters": parameters}])
    assert problem in found
