"""Kernels compiled by NVRTC through CuPy's own binding, with no GPU, and what compiler and binary say of them.

Results are kept by the digest of what they follow from, so that a second run compiles what has changed alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from dlcore.backends.cupy import launcher, table

from . import demands, sass

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cuda-check" / "compiled"
ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
_FORMAT = "5"  # of what is kept: to be raised with each change of what is read from compiler and binary


class CompilationError(Exception):
    """NVRTC refused a source; the text is its log."""


@dataclass(frozen=True)
class Job:
    """One specialisation of one source for one architecture.

    Disassembling takes as long as compiling, so it is done where its outcome is looked at: the machine code where
    something is stated of it, the parameters, which are the same everywhere, for one architecture.
    """

    source: str
    macros: tuple[tuple[str, str], ...]
    architecture: int
    code: bool = True
    parameters: bool = True

    def __str__(self) -> str:
        named = " ".join(f"{name}={value}" for name, value in self.macros)
        return f"{self.source}.cu [{named}] sm_{self.architecture}"

    def text(self) -> str:
        """What the launcher hands to CuPy."""
        macros = dict(launcher.expanded(dict(self.macros)))
        return launcher.specialised(launcher.source_text(self.source), macros)


def jobs(
    architectures: Sequence[int] = ARCHITECTURES, keep: Callable[[str, Mapping[str, str]], bool] | None = None
) -> list[Job]:
    """Everything in the table of specialisations, or what `keep(source, macros)` keeps of it; what is slow first."""
    stated = {row.source: demands.read(launcher.source_text(row.source)) for row in table.TABLE}
    code = {
        source: any(demand.kind in demands.OF_CODE for kernel in kernels.values() for demand in kernel)
        for source, kernels in stated.items()
    }
    chosen = [
        Job(source, tuple(macros.items()), architecture, code[source], architecture == architectures[0])
        for source, macros in table.specialisations()
        if keep is None or keep(source, macros)
        for architecture in architectures
    ]
    return sorted(chosen, key=lambda job: -len(launcher.source_text(job.source)))


def options(architecture: int) -> tuple[str, ...]:
    """The launcher's options, then CuPy's own in CuPy's order: see `_compile_with_cache_cuda` in cupy.cuda.compiler."""
    return ("--std=c++17", "-ftz=true", f"-arch=sm_{architecture}", "--device-as-default-execution-space")


def compiled(text: str, architecture: int) -> tuple[bytes, str]:
    """The binary, and the log with the registers and the spills of each kernel.

    Raises:
        CompilationError: the text does not compile.
    """
    from cupy.cuda import nvrtc

    program = nvrtc.createProgram(text, "kernel.cu", (), ())
    try:
        nvrtc.compileProgram(program, (*options(architecture), "--ptxas-options=-v"))
        # CuPy strips the last byte, which belongs to the ELF file; the driver is handed it as the end of the string.
        return nvrtc.getCUBIN(program) + b"\0", nvrtc.getProgramLog(program)
    except nvrtc.NVRTCError as error:
        raise CompilationError(nvrtc.getProgramLog(program) or str(error)) from None
    finally:
        nvrtc.destroyProgram(program)


_FUNCTION = re.compile(r"Function properties for (\S+)")
_ENTRY = re.compile(r"Compiling entry function '(\S+)'")
_FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers(?:.*?(\d+) bytes smem)?")


def resources(log: str) -> dict[str, dict[str, int]]:
    """Of each function in a log of ptxas: stack, spills (bytes), and of each kernel registers and shared memory."""
    found: dict[str, dict[str, int]] = {}
    entry = function = ""
    for line in log.splitlines():
        if match := _ENTRY.search(line):
            entry = match[1]
        elif match := _FUNCTION.search(line):
            function = match[1]
        elif match := _FRAME.search(line):
            frame = dict(zip(("stack", "spill_stores", "spill_loads"), map(int, match.groups()), strict=True))
            found.setdefault(function, {}).update(frame)
        elif match := _USED.search(line):
            found.setdefault(entry, {}).update(registers=int(match[1]), shared=int(match[2] or 0))
    return found


_INFO = re.compile(r"^\.nv\.info\.([\w$]+)\s*$", re.MULTILINE)
_PARAMETER = re.compile(
    r"EIATTR_KPARAM_INFO.*?Ordinal : 0x([0-9a-f]+)\s+Offset\s+: 0x([0-9a-f]+)\s+Size\s+: 0x([0-9a-f]+)", re.DOTALL
)
_THREADS = re.compile(r"EIATTR_MAX_THREADS.*?Value:\s*0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+)", re.DOTALL)


def read_parameters(dump: str) -> dict[str, dict[str, Any]]:
    """From `cuobjdump -elf`: of each kernel (offset, size) of its parameters in order, and its most threads a block."""
    starts = [(match[1], match.end()) for match in _INFO.finditer(dump)]
    found = {}
    for (name, start), end in zip(starts, [*(start for _, start in starts[1:]), len(dump)], strict=True):
        section = dump[start:end]
        listed = {int(o, 16): (int(at, 16), int(size, 16)) for o, at, size in _PARAMETER.findall(section)}
        threads = _THREADS.search(section)
        product = 1
        for size in threads.groups() if threads else ():
            product *= int(size, 16)
        found[name] = {
            "parameters": [list(listed[i]) for i in sorted(listed)],
            "max_threads": product if threads else None,
        }
    return found


@cache
def tool(name: str) -> str:
    """Where the wheel of a disassembler lies."""
    import nvidia

    for folder in nvidia.__path__:
        if found := sorted(Path(folder).glob(f"*/bin/{name}")):
            return str(found[0])
    raise SystemExit(f"{name} is not installed here: pip install nvidia-cuda-{name}")


def disassembled(binary: bytes, name: str, *arguments: str) -> str:
    """What nvdisasm or cuobjdump prints of a binary."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        done = subprocess.run([tool(name), *arguments, file.name], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
    return done.stdout


def facts(text: str, architecture: int, code: bool = True, parameters: bool = True) -> dict[str, Any]:
    """What is read from one compilation: of each kernel resources, and on demand machine code and parameters."""
    binary, log = compiled(text, architecture)
    used = resources(log)
    kernels = {name: used.pop(name) for name in list(used) if "registers" in used[name]}
    if parameters:
        for name, packed in read_parameters(disassembled(binary, "cuobjdump", "-elf")).items():
            kernels[name] |= packed
    if code:
        for name, parsed in sass.parse(disassembled(binary, "nvdisasm", "-c", "-ndf")).items():
            kernels[name]["code"] = sass.facts(parsed)
    return {"kernels": kernels, "functions": used}  # functions: what the compiler did not inline


_COMMENT = re.compile(r"//[^\n]*")


def digest(job: Job, text: str) -> str:
    """Of all that the facts follow from: comments are not of it."""
    from cupy.cuda import nvrtc

    what = (_FORMAT, str(nvrtc.getVersion()), str(job.code), str(job.parameters), *options(job.architecture))
    return hashlib.sha256("\0".join([*what, _COMMENT.sub("", text)]).encode()).hexdigest()[:32]


def kept_facts(job: Job) -> dict[str, Any]:
    """The facts of a job, compiled now or by an earlier run; {"error": log} if the source does not compile."""
    text = job.text()
    path = CACHE / f"{digest(job, text)}.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        pass
    try:
        found = facts(text, job.architecture, job.code, job.parameters)
    except CompilationError as error:
        return {"error": str(error)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
        json.dump(found, file)
    os.replace(file.name, path)
    return found


def everything(wanted: list[Job], processes: int) -> Iterator[tuple[Job, dict[str, Any]]]:
    """The facts of all jobs, as they come, from several processes."""
    if processes == 1:
        yield from ((job, kept_facts(job)) for job in wanted)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from zip(wanted, pool.map(kept_facts, wanted, chunksize=2), strict=True)


def is_ready() -> str | None:
    """What is missing for compiling, or None."""
    try:
        from cupy.cuda import nvrtc

        nvrtc.getVersion()
    except Exception as error:  # an ImportError of CuPy's, or a RuntimeError where the library is not found
        return f"CuPy's NVRTC cannot be used here ({error}): say make cuda-check, or pip install -e '.[cuda-check]'"
    return None
