"""Registers and spills of a source's kernels, where NVIDIA's compiler is at hand: NVRTC through CuPy, or nvcc."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Usage:
    """What ptxas says of a kernel: registers of a thread, and bytes that did not find room in them."""

    registers: int = 0
    spilled: int = 0


class UnavailableError(Exception):
    """There is no compiler of NVIDIA's; the text says what was looked for."""


class RefusedError(Exception):
    """The compiler refused the source; the text is its message."""


def usage(source: str, options: Sequence[str], architecture: int) -> dict[str, Usage]:
    """Of each kernel.

    Args:
        source: CUDA C++.
        options: as for NVRTC.
        architecture: such as 80 for sm_80.

    Raises:
        UnavailableError: neither NVRTC nor nvcc is there.
        RefusedError: the source does not compile for a GPU.
    """
    options = [*options] if any("-std=" in option for option in options) else ["-std=c++17", *options]
    try:
        from cupy.cuda import nvrtc  # type: ignore[import-not-found,unused-ignore]

        nvrtc.getVersion()
    except Exception as error:  # CuPy raises what its wheel or the loader of libraries raises
        nvcc = shutil.which("nvcc")
        if nvcc is None:
            raise UnavailableError(f"neither CuPy's NVRTC ({type(error).__name__}: {error}) nor nvcc in PATH") from None
        return read(_with_nvcc(nvcc, source, options, architecture))
    return read(_with_nvrtc(nvrtc, source, options, architecture))


def _with_nvrtc(nvrtc: object, source: str, options: Sequence[str], architecture: int) -> str:
    binding: Any = nvrtc
    program = binding.createProgram(source, "kernel.cu", (), ())
    extra = (f"-arch=sm_{architecture}", "--ptxas-options=-v", "--device-as-default-execution-space")
    try:
        binding.compileProgram(program, (*options, *extra))
        return str(binding.getProgramLog(program))
    except binding.NVRTCError as error:
        raise RefusedError(str(binding.getProgramLog(program) or error)) from None
    finally:
        binding.destroyProgram(program)


def _with_nvcc(nvcc: str, source: str, options: Sequence[str], architecture: int) -> str:
    with tempfile.TemporaryDirectory(prefix="dlcore-nvcc-") as name:
        path = Path(name) / "kernel.cu"
        path.write_text(source)
        command = [
            nvcc,
            "--cubin",
            f"-arch=sm_{architecture}",
            "-Xptxas=-v",
            *options,
            str(path),
            "-o",
            f"{name}/kernel.cubin",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError(done.stderr.strip())
        return done.stdout + done.stderr


_ENTRY = re.compile(r"Compiling entry function '(\S+)'")
_SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")


def read(log: str) -> dict[str, Usage]:
    """What ptxas reports with -v, by kernel."""
    found: dict[str, Usage] = {}
    kernel = Usage()
    for line in log.splitlines():
        if match := _ENTRY.search(line):
            kernel = found[match[1]] = Usage()
        elif match := _SPILLS.search(line):
            kernel.spilled = max(int(match[1]), int(match[2]))
        elif match := _USED.search(line):
            kernel.registers = int(match[1])
    return found
