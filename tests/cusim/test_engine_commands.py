"""`python -m dlcore.backends.cusim`: the example of docs/cusim.md, findings and refusals of `check`, and `report`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from dlcore.backends.cusim import check, registers
from dlcore.backends.cusim.__main__ import main

DOCS = Path(__file__).parents[2] / "docs" / "cusim.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_gpu_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> Any:
        raise registers.UnavailableError("neither of the two")

    monkeypatch.setattr(registers, "usage", none)


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


# --- the example ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "status"), [(0, 1), (1, 0)])
def test_the_example_of_the_documentation(
    version: int, status: int, capsys: pytest.CaptureFixture[str], no_gpu_compiler: None
) -> None:
    sources = [text for kind, text in BLOCKS if kind == "cuda"]
    outputs = [text for kind, text in BLOCKS if kind == "text"]
    (launches,) = [text for kind, text in BLOCKS if kind == "toml"]
    Path("smooth.cu").write_text(sources[version])
    Path("smooth.toml").write_text(launches)
    assert main(["check", "smooth.cu"]) == status
    printed = capsys.readouterr().out
    assert without_addresses(printed).startswith(without_addresses(outputs[version]))
    assert "registers and spills: not told, as there is neither of the two" in printed
    assert printed.endswith(f"{2 if version == 0 else 0} errors, 0 warnings\n")


# --- check ---------------------------------------------------------------------------------------------------

COPY = 'extern "C" __global__ void __launch_bounds__(128) copy(const float* x, float* out, int n) {\n' \
       "    int i = blockIdx.x * blockDim.x + threadIdx.x;\n    if (i < n) out[i] = x[i];\n}\n"  # fmt: skip
ARGUMENTS = """
[launch.arguments]
x = { dtype = "float32", shape = [100], value = "np.arange(100)" }
out = { dtype = "float32", shape = [100] }
n = 100
"""
LAUNCH = '[[launch]]\nkernel = "copy"\ngrid = [2]\nblock = 64\n'


def checked(source: str, description: str, *options: str) -> int:
    Path("kernels.cu").write_text(source)
    Path("launch.toml").write_text(description)
    return main(["check", "kernels.cu", "--launch", "launch.toml", *options])


FINDINGS = {
    "nothing": (COPY, LAUNCH + ARGUMENTS + '[launch.expected]\nout = "x"', 0, "0 errors, 0 warnings"),
    "a wrong result": (COPY, LAUNCH + ARGUMENTS + '[launch.expected]\nout = "x + (x == 7)"', 1,
                       r"result: out is not x \+ \(x == 7\): 1 of 100 elements differ, the first at \(7,\): 7.0 "),
    "uninitialised memory": (COPY, LAUNCH + ARGUMENTS.replace(', value = "np.arange(100)"', ""), 1,
                             "uninitialised: .*'x' . .* which nobody has written"),
    "dependence on the order": (
        'extern "C" __global__ void copy(const float* x, float* out, int n) { atomicAdd(out, x[threadIdx.x] * 1.1f); }',
        LAUNCH.replace("grid = [2]", "grid = [1]")
        + ARGUMENTS.replace('shape = [100] }', "shape = [1], value = 0 }"),
        1, "result: out depends on the order of the threads"),
    "too many threads": (COPY, LAUNCH.replace("64", "256") + ARGUMENTS, 1,
         "a block of 256 threads; __launch_bounds__ allows 128"),
    "a deep block": (COPY, LAUNCH.replace("64", "[1, 1, 65]") + ARGUMENTS, 1, "the third size is at most 64"),
    "a wide grid": (COPY, LAUNCH.replace("[2]", "[1, 70000]") + ARGUMENTS, 1,
         "second and third sizes are at most 65535"),
    "too much shared memory": (COPY, LAUNCH + "shared = 50000\n" + ARGUMENTS, 1,
                               "0 bytes of static and 50000 of dynamic shared memory; at most 49152"),
    "uncoalesced access": (COPY.replace("x[i]", "x[i * 37 % 100]"), LAUNCH + ARGUMENTS, 1,
                           r"kernels.cu:3: uncoalesced: \d.\d times .*\n +if \(i < n\) out\[i\] = x\[i \* 37 % 100\];"),
    "no C++": (COPY.replace("int i", "integer i"), LAUNCH + ARGUMENTS, 1, "kernels.cu:2:.*integer"),
}  # fmt: skip


@pytest.mark.parametrize("what", FINDINGS)
def test_findings(what: str, capsys: pytest.CaptureFixture[str], no_gpu_compiler: None) -> None:
    source, description, status, message = FINDINGS[what]
    assert checked(source, description) == status
    assert re.search(message, capsys.readouterr().out)


def test_wasted_traffic_may_be_let_pass(capsys: pytest.CaptureFixture[str], no_gpu_compiler: None) -> None:
    source, description, _, _ = FINDINGS["uncoalesced access"]
    assert checked(source, description, "--errors-only") == 0
    assert "uncoalesced: " in capsys.readouterr().out


REFUSED = {
    "no TOML": ("[[launch", "launch.toml: "),
    "no launch": ("seed = 1", "'launch' is missing"),
    "unknown entry": ("speed = 1\n" + LAUNCH + ARGUMENTS, "there is no entry 'speed'; there are launch, options, seed"),
    "wrong type": (LAUNCH + 'shared = "many"\n' + ARGUMENTS, "launch of copy: shared = 'many' is of a wrong type"),
    "grid": (LAUNCH.replace("[2]", "[0]") + ARGUMENTS, r"grid = \[0\], expected one to three positive integers"),
    "no such kernel": (LAUNCH.replace("copy", "paste") + ARGUMENTS, "there is no kernel 'paste'; there are copy"),
    "argument missing": (LAUNCH + ARGUMENTS.replace("n = 100", ""), "there is no argument for the parameter 'n'"),
    "unknown argument": (LAUNCH + ARGUMENTS + "m = 3", "there is no entry 'm'; there are n, out, x"),
    "number of arguments": (LAUNCH + "arguments = [1]", "1 arguments for 3 parameters"),
    "float for int": (LAUNCH + ARGUMENTS.replace("n = 100", "n = 1.5"), "n = 1.5, expected a value of type int32"),
    "too large": (LAUNCH + ARGUMENTS.replace("n = 100", "n = 5000000000"), "n = 5000000000 does not fit into int32"),
    "wrong dtype": (LAUNCH + ARGUMENTS.replace("float32", "float64"),
         "x is an array of float64, .* a pointer to float32"),
    "no dtype": (LAUNCH + ARGUMENTS.replace("float32", "real"), "x: data type 'real' not understood"),
    "no array": (LAUNCH + ARGUMENTS.replace('x = { dtype = "float32", shape = [100], value = "np.arange(100)" }',
         "x = 3"),
                 "x = 3, expected an array"),
    "shape": (LAUNCH + ARGUMENTS.replace("shape = [100]", 'shape = ["a"]'),
         r"shape = \['a'\], expected a list of sizes"),
    "value of another shape": (LAUNCH + ARGUMENTS.replace("np.arange(100)", "np.arange(7)"), "x: .*broadcast"),
    "expression": (LAUNCH + ARGUMENTS.replace("np.arange(100)", "nothing + 1"), "'nothing . 1': NameError"),
    "expected of nothing": (LAUNCH + ARGUMENTS + '[launch.expected]\ny = "x"', "expected: there is no array 'y'"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_description_that_does_not_fit_is_refused(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    description, message = REFUSED[what]
    assert checked(COPY, description) == 2
    captured = capsys.readouterr()
    assert re.search(message, captured.err), captured.err
    assert "Traceback" not in captured.err


def test_files_that_are_not_there(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["check", "nothing.cu"]) == 2
    assert "nothing.cu" in capsys.readouterr().err
    assert main(["report", "nothing.py"]) == 2
    assert "report: there is no file 'nothing.py'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert checked(COPY, LAUNCH + ARGUMENTS) == 2
    assert "no-such-compiler" in capsys.readouterr().err


def test_headers_templates_lists_and_null_pointers(capsys: pytest.CaptureFixture[str], no_gpu_compiler: None) -> None:
    Path("parts").mkdir()
    Path("parts/inner.cuh").write_text("#pragma once\n__device__ float twice(float x) { return 2 * x; }\n")
    Path("parts/outer.cuh").write_text(
        '#pragma once\n#include "inner.cuh"\n__device__ float bad(const float* p) { return p[9]; }\n'
    )
    source = """#include "parts/inner.cuh"
#include "parts/outer.cuh"
#include "parts/inner.cuh"
template <class T> __global__ void scale(const T* x, T* out, const int* nothing, bool break_it) {
    out[threadIdx.x] = nothing == nullptr ? T(twice(x[threadIdx.x])) : T(0);
    if (break_it) out[threadIdx.x] = bad(x);
}
"""
    description = """
[[launch]]
kernel = "scale<float>"
grid = 1
block = 4
arguments = [{dtype = "float32", shape = 4, value = [1, 2, 3, 4]}, {dtype = "float32", shape = 4}, "null", BREAK]
[launch.expected]
out = "2 * x"
"""
    assert checked(source, description.replace("BREAK", "false")) == 0
    assert "0 errors" in capsys.readouterr().out
    assert checked(source, description.replace("BREAK", "true")) == 1
    assert f"out of bounds: scale<float>: {Path('parts/outer.cuh')}:3: block" in capsys.readouterr().out


# --- registers -----------------------------------------------------------------------------------------------

LOG = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'copy' for 'sm_80'
ptxas info    : Function properties for copy
    16 bytes stack frame, 8 bytes spill stores, 24 bytes spill loads
ptxas info    : Used 255 registers, 372 bytes cmem[0]
ptxas info    : Compiling entry function 'other' for 'sm_80'
ptxas info    : Function properties for other
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 12 registers, 372 bytes cmem[0]
"""


def test_what_ptxas_says_is_read() -> None:
    assert registers.read(LOG) == {"copy": registers.Usage(255, 24), "other": registers.Usage(12, 0)}


def test_spills_are_a_finding(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "usage", lambda *_: registers.read(LOG))
    assert checked(COPY, LAUNCH + ARGUMENTS) == 1
    printed = capsys.readouterr().out
    assert "copy: 255 registers for sm_80, 24 bytes spilled\nother: 12 registers for sm_80\n" in printed
    assert "1 errors, 0 warnings" in printed


def test_nvcc_is_used_where_there_is_no_nvrtc(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a stand-in for nvcc: what matters here is how it is called and read."""
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it fails
    Path("log").write_text(LOG)
    script = Path("nvcc")
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *-DREFUSE*) echo "error: no" >&2; exit 1;; *sm_90*) cat {tmp_path}/log;; esac\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert checked(COPY, LAUNCH + ARGUMENTS, "--arch", "90") == 1
    assert "copy: 255 registers for sm_90, 24 bytes spilled" in capsys.readouterr().out
    assert checked(COPY, 'options = ["-DREFUSE"]\n' + LAUNCH + ARGUMENTS) == 1
    assert "for sm_80 it does not compile:\nerror: no" in capsys.readouterr().out
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "nvcc" else which(name))
    assert checked(COPY, LAUNCH + ARGUMENTS) == 0
    assert re.search(r"not told, as there is neither CuPy's NVRTC \(.*\) nor nvcc in PATH", capsys.readouterr().out)


# --- report --------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
import numpy as np
from dlcore.backends.cusim import namespace as cp

source = r'''
extern "C" __global__ void gather(const float* x, float* out, int n, int stride) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        out[i] = x[i * stride];
}'''
kernel = cp.RawModule(code=source).get_function("gather")
x, out = cp.ones(1024, np.float32), cp.zeros(64, np.float32)
for stride in (1, int(sys.argv[1])):
    kernel((1,), (64,), (x, out, np.int32(64), np.int32(stride)))
print("sum", float(out.sum().get()))
sys.exit(int(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["8", "0"], 0, r"gather +2 +\S+ kB +512 B +\d.\d\d +0\n +kernel.cu:5: uncoalesced: \d.\d times.*\n"
         r" +out\[i\] = x\[i \* stride\];"),
        (["1", "0"], 0, r"gather +2 +512 B +512 B +1.00 +0\n\nlaunches: "),
        (["1", "3"], 1, "launches: "),
        (["17", "0"], 1, "launches: "),
    ],
)  # fmt: skip
def test_report(arguments: list[str], status: int, expected: str) -> None:
    Path("script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "dlcore.backends.cusim", "report", "script.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, done.stderr
    assert re.search(expected, done.stdout), done.stdout
    if arguments[0] == "17":
        assert re.search(r"out of bounds: gather: kernel.cu:5: block \(0, 0, 0\), thread \(61, 0, 0\)", done.stderr)
    else:
        assert "sum 64.0\n" in done.stdout
        assert "host synchronisations: 1" in done.stdout


def test_report_of_a_script_that_raises(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DLCORE_DEVICE", "DLCORE_CUSIM_CHECK"):
        monkeypatch.setenv(name, "")  # and put back as it was
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    for text, message in (("1 / 0", "ZeroDivisionError"), ("import sys; sys.exit('enough')", "enough")):
        Path("raises.py").write_text(textwrap.dedent(text))
        assert main(["report", "raises.py"]) == 1
        captured = capsys.readouterr()
        assert message in captured.err
        assert "launches: 0" in captured.out


def test_an_empty_include_is_left_to_the_compiler() -> None:
    Path("a.cu").write_text('#include "not_there.h"\nint x;\n')
    assert check.inlined(Path("a.cu")) == '#line 1 "a.cu"\n#include "not_there.h"\nint x;\n'
