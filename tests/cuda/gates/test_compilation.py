"""The check of compiled kernels goes red on what it is for. It needs CuPy's NVRTC: `make cuda-check` runs this."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cupy import launcher, table
from tools.cuda_check import binary, compiling, demands
from tools.cuda_check.compiling import Job

pytestmark = pytest.mark.skipif(
    "DLCORE_CUDA_CHECK" not in os.environ and compiling.is_ready() is not None,
    reason="needs CuPy's NVRTC; make cuda-check runs this",
)

JOB = Job("planted", (("SCALAR", "float"), ("INDEX", "int")), 80)

SOUND = """
// registers: 40
// vector: 128
extern "C" __global__ void __launch_bounds__(256)
    scale(const SCALAR* __restrict__ x, SCALAR* __restrict__ out, INDEX n, double factor, unsigned char flag) {
    for (INDEX i = blockIdx.x * 256 + threadIdx.x; i < n / 4; i += 256 * gridDim.x) {
        float4 v = reinterpret_cast<const float4*>(x)[i];
        v.x *= factor; v.y *= factor; v.z *= factor; v.w *= factor + flag;
        reinterpret_cast<float4*>(out)[i] = v;
    }
}
"""
NARROW = SOUND.replace("n / 4", "n").replace("float4", "float").replace("v.x *= factor; v.y *= factor; v.z", "v")
NARROW = NARROW.replace("v.w *= factor + flag;", "")
SPILLING = """
// registers: 32
extern "C" __global__ void __launch_bounds__(1024, 2) spilling(const double* x, double* out) {
    double kept[40];
#pragma unroll
    for (int i = 0; i < 40; ++i) kept[i] = x[i * 1024 + threadIdx.x];
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 40; ++i) out[i * 1024 + threadIdx.x] = kept[i] * kept[39 - i];
}
"""
LOCAL = """
// registers: 64
extern "C" __global__ void local(const int* place, float* out) {
    float kept[32];
    for (int i = 0; i < 32; ++i) kept[(place[0] + i) & 31] = i;
    out[0] = kept[place[1] & 31];
}
"""
DOT = """
// registers: 64
// ffma: %d%%
// lds: 128
extern "C" __global__ void __launch_bounds__(32) dot(const float* x, float* out, int n) {
    __shared__ float4 tile[32];
    float sum = 0;
    tile[threadIdx.x] = reinterpret_cast<const float4*>(x)[threadIdx.x];
    __syncthreads();
#pragma unroll 1
    for (int i = 0; i < n; ++i) {
        const float4 v = tile[i & 31];
        sum = sum * v.x + v.y;
        sum = sum * v.z + v.w;
    }
    out[threadIdx.x] = sum;
}
"""


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The problems of a source that is compiled in place of one of kernels/cuda, and those of its parameters."""

    def check(text: str) -> tuple[list[str], list[str]]:
        monkeypatch.setattr(launcher, "source_text", lambda source: text)
        try:
            found: dict[str, Any] = compiling.facts(JOB.text(), JOB.architecture)
        except compiling.CompilationError as error:
            found = {"error": str(error)}
        return binary.problems(JOB, found, demands.read(text)), binary.parameter_problems(JOB, found)

    return check


def test_a_sound_kernel_has_no_problems(planted: Any) -> None:
    assert planted(SOUND) == ([], [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SOUND.replace("// registers: 40\n", ""), "scale: has no budget: write `// registers: N` above it"),
        (SOUND.replace("registers: 40", "registers: 8"), r"scale: \d\d registers, the budget is 8"),
        (SPILLING, r"spilling: spills registers: \d+ bytes of stores, \d+ of loads"),
        (LOCAL, "local: 128 bytes of local memory, 0 are stated"),
        (NARROW, "scale: global loads by width: {'32': .*}, none of 128 bits"),
        (
            SOUND.replace("v.x *= factor;", "v.x *= factor + x[i];"),
            "scale: global loads by width in one block of the machine code: .*, 128 bits are stated",
        ),
        (
            (DOT % 5).replace("// lds", "// ahead: 1\n// lds"),
            "dot: 0 multiply-adds between the last global load of the hot loop and its store, 1 are stated",
        ),
        (
            SOUND.replace("// vector: 128", "// scalar: loads, they are few"),
            "scale: global loads by width: {'128': .*}, `scalar` is stated",
        ),
        (DOT % 95, r"dot: \d\d\.\d% of the hot loop are multiply-adds \(\d+ of \d+\), 95% are stated"),
        (
            (DOT % 5).replace("tile[i & 31];", "make_float4(reinterpret_cast<float*>(tile)[i & 63], 1, 2, 3);"),
            "dot: shared-memory loads of the hot loop by width: {'32': .*}, 128 bits are stated",
        ),
        (SOUND.replace("float4 v", "float5 v"), r"sm_80: does not compile:\n.*float5"),
    ],
)
def test_a_planted_fault_is_found(planted: Any, text: str, problem: str) -> None:
    problems, _ = planted(text)
    assert any(re.search(problem, line) for line in problems), problems


def test_what_is_stated_is_allowed(planted: Any) -> None:
    assert planted(LOCAL.replace("// registers: 64", "// registers: 64\n// local: 128"))[0] == []
    assert planted(DOT % 5)[0] == []
    assert planted(SOUND.replace("v.x *= factor;", "v.x *= factor + x[i];").replace(": 128", ": 128 except 1"))[0] == []


def test_parameters_that_are_packed_wrongly_are_found(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(launcher.C_TYPES, "double", np.dtype(np.float32))
    problems, parameters = planted(SOUND)
    assert problems == []
    assert parameters == [
        f"{JOB}: scale: (offset, size) of the parameters: the launcher packs "
        "[[0, 8], [8, 8], [16, 4], [20, 4], [24, 1]], the binary has [[0, 8], [8, 8], [16, 4], [24, 8], [32, 1]]"
    ]


def test_launch_bounds_that_are_read_wrongly_are_found(planted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = launcher.signatures
    changed = {"max_threads": 512}
    monkeypatch.setattr(
        launcher, "signatures", lambda text: {name: found._replace(**changed) for name, found in real(text).items()}
    )
    assert planted(SOUND)[1] == [f"{JOB}: scale: __launch_bounds__: the launcher reads 512, the binary has 256"]


def test_the_options_are_those_that_cupy_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CuPy hands to NVRTC for the launcher's RawModule, on a GPU of each architecture."""
    from cupy.cuda import compiler

    class SeenError(Exception):
        pass

    def compile_program(program: Any, options: tuple[str, ...]) -> None:
        raise SeenError(options)

    monkeypatch.setattr(compiler.nvrtc, "compileProgram", compile_program)
    monkeypatch.setattr(compiler, "_preprocess", lambda *arguments: "")
    monkeypatch.setattr(compiler.function, "Module", lambda: None)
    for architecture in compiling.ARCHITECTURES:
        chosen = (f"-arch=sm_{architecture}", "cubin")
        monkeypatch.setattr(compiler, "_get_arch_for_options_for_nvrtc", lambda arch=None, chosen=chosen: chosen)
        with pytest.raises(SeenError) as seen:
            compiler._compile_module_with_cache("// of no cache", ("--std=c++17",), arch=str(architecture))
        assert tuple(option for option in seen.value.args[0] if option) == compiling.options(architecture)


def test_results_are_kept_until_the_text_changes(planted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = []
    real = compiling.compiled
    monkeypatch.setattr(compiling, "CACHE", tmp_path)
    monkeypatch.setattr(compiling, "compiled", lambda *arguments: made.append(arguments) or real(*arguments))

    def facts(text: str) -> Any:
        monkeypatch.setattr(launcher, "source_text", lambda source: text)
        return compiling.kept_facts(JOB)

    first = facts(SOUND)
    assert facts(SOUND) == first
    assert facts(SOUND.replace("registers: 40", "registers: 41")) == first  # a comment compiles to nothing
    assert len(made) == 1
    next(tmp_path.iterdir()).write_text("{ broken")
    assert facts(SOUND) == first
    assert len(made) == 2
    facts(SOUND.replace("+ flag", "- flag"))
    assert len(made) == 3


def test_everything_in_the_table_is_compiled() -> None:
    listed = list(table.specialisations())
    jobs = compiling.jobs((75, 90))
    assert {(job.source, job.macros) for job in jobs} == {(s, tuple(macros.items())) for s, macros in listed}
    assert len(jobs) == 2 * len(listed)
    assert {job.architecture for job in jobs if job.parameters} == {75}
