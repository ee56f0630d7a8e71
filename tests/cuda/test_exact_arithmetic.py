"""The compiled code of what must have the same bits everywhere: no operation joined with the next, no library calls.

Looked at is PTX, which is what the compiler has decided on: an instruction that says `.rn` is rounded by itself, and
ptxas must not contract it. Needs NVRTC (through CuPy's binding, as `make cuda-check` sets it up) or nvcc, but no GPU.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dlcore.backends.cupy import launcher

FLOATS = ("float", "double", "half_t")
SOURCES = [(source, scalar) for source in ("random", "dropout", "scatter_add") for scalar in FLOATS]


def text_of(source: str, scalar: str) -> str:
    return launcher.specialised(launcher.source_text(source), dict(launcher.expanded({"SCALAR": scalar})))


def ptx(text: str, folder: Path) -> str:
    """The text compiled as CuPy does, for a virtual architecture."""
    options = ("-std=c++17", "-ftz=true", "-arch=compute_80")
    if nvcc := shutil.which("nvcc"):
        source, target = folder / "kernel.cu", folder / "kernel.ptx"
        source.write_text(text)
        subprocess.run([nvcc, *options, "-ptx", "-o", target, source], check=True, capture_output=True)
        return target.read_text()
    nvrtc: Any = pytest.importorskip("cupy.cuda", reason="there is neither nvcc nor CuPy's NVRTC").nvrtc
    try:
        nvrtc.getVersion()
    except RuntimeError as error:
        pytest.skip(f"CuPy's NVRTC cannot be used here: {error}")
    program = nvrtc.createProgram(text, "kernel.cu", (), ())
    nvrtc.compileProgram(program, (*options, "--device-as-default-execution-space"))
    return str(nvrtc.getPTX(program).decode())


def arithmetic(code: str) -> Counter[str]:
    """How often each instruction on floats occurs that computes something, and each call."""
    found = re.findall(r"^\s*(?:@!?%p\d+\s+)?((?:[a-z]\w*\.)+f(?:16|32|64)\S*|call\S*)\s", code, re.MULTILINE)
    moves = ("mov.", "ld.", "st.", "selp.", "setp.", "cvt.", "neg.", "abs.")
    return Counter(name for name in found if not name.startswith(moves))


def wrong(found: Counter[str]) -> set[str]:
    """The instructions that are not one IEEE operation, rounded to nearest, with subnormal numbers kept."""
    return {name for name in found if not re.fullmatch(r"(add|sub|mul|div|sqrt)\.rn\.f(32|64)", name)}


@pytest.mark.parametrize(("source", "scalar"), SOURCES)
def test_operations_are_rounded_one_by_one(source: str, scalar: str, tmp_path: Path) -> None:
    found = arithmetic(ptx(text_of(source, scalar), tmp_path))
    assert not wrong(found)
    width = "f64" if scalar == "double" else "f32"
    expected = {"random": ("add", "sub", "mul", "div", "sqrt"), "dropout": ("mul",), "scatter_add": ("add",)}[source]
    assert set(found) == {f"{operation}.rn.{width}" for operation in expected}


@pytest.mark.parametrize(
    ("source", "scalar", "text", "replacement", "instruction"),
    [
        ("random", "float", "add_rn(t, mul_rn(t, sine_series(z)))", "t + t * sine_series(z)", "fma.rn.ftz.f32"),
        ("random", "double", "add_rn(t, mul_rn(t, sine_series(z)))", "t + t * sine_series(z)", "fma.rn.f64"),
        ("random", "float", "div_rn(f, add_rn(T(2), f))", "__fdividef(f, add_rn(T(2), f))", "div.approx.ftz.f32"),
        ("dropout", "float", "mul_rn(to_real(x), scale)", "__fmul_rn(to_real(x), scale)", "mul.rn.ftz.f32"),
    ],
)
def test_what_is_not_would_be_seen(
    source: str, scalar: str, text: str, replacement: str, instruction: str, tmp_path: Path
) -> None:
    whole = text_of(source, scalar)
    assert whole.count(text) == 1
    assert instruction in wrong(arithmetic(ptx(whole.replace(text, replacement), tmp_path)))
