"""`python -m dlcore.backends.cusim check kernels.cu`: a CUDA file's kernels, run with every check in three orders."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dlcore._build import BuildError

from . import registers
from .description import Description, DescriptionError, Launch, Value, evaluate, read, values
from .engine import CompileError, Function, KernelError, Program
from .totals import by_kernel, table

ORDERS = ("forward", "reverse", "shuffled")
SHARED_LIMIT = 48 * 1024  # bytes that a kernel gets without asking the driver for more


def run(source: Path, launches: Path | None, architecture: int, errors_only: bool) -> int:
    """Check the kernels of a file and print what is found.

    Args:
        source: the CUDA file.
        launches: the launch description; None: a .toml file of the same name beside it.
        architecture: for registers and spills, such as 80.
        errors_only: what wastes memory traffic is reported, but is no finding.

    Returns:
        0 if nothing is found, 1 if something is, 2 if the file or the description is of no use.
    """
    launches = source.with_suffix(".toml") if launches is None else launches
    try:
        text = inlined(source)
        description = read(launches)
    except (OSError, DescriptionError) as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    try:
        report = Report(text, description)
        report.run()
    except DescriptionError as error:
        print(f"check: {launches}: {error}", file=sys.stderr)
        return 2
    except BuildError as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    except CompileError as error:
        print(error)
        return 1
    spills = list(report.compiled_for_gpu(architecture))
    print("\n".join(report.lines))
    found = report.errors + len(spills) + (0 if errors_only else report.warnings)
    print(f"\n{report.errors + len(spills)} errors, {report.warnings} warnings")
    return 1 if found else 0


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"[^\n]*$', re.MULTILINE)
_ONCE = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+once[^\n]*$", re.MULTILINE)


def inlined(path: Path, seen: set[Path] | None = None) -> str:
    """The text of a file with the files that it includes by "...", each where it is first included.

    #line directives say where each line is from, as it will stand in messages.
    """
    seen = {path.resolve()} if seen is None else seen
    text = path.read_text()

    def replace(match: re.Match[str]) -> str:
        header = path.parent / match[1]
        if not header.is_file():
            return match[0]  # the compiler may find it
        if header.resolve() in seen:
            return ""
        seen.add(header.resolve())
        line = text.count("\n", 0, match.start()) + 2
        return f'{inlined(header, seen)}\n#line {line} "{_shown(path)}"'

    body = _INCLUDE.sub(replace, _ONCE.sub("", text))
    return f'#line 1 "{_shown(path)}"\n{body}'


def _shown(path: Path) -> str:
    return os.path.relpath(path)


class DeviceArray:
    """Memory for the engine, aligned as CUDA aligns it, with unused bytes around."""

    def __init__(self, value: Value) -> None:
        assert value.array is not None
        room = np.zeros(value.array.nbytes + 1024, np.uint8)
        start = -room.ctypes.data % 256 + 256
        self.values = room[start : start + value.array.nbytes].view(value.array.dtype).reshape(value.array.shape)
        self.values[...] = value.array
        self.address, self.nbytes, self.name = self.values.ctypes.data, value.array.nbytes, value.parameter.name
        self.initialised = value.initialised
        self._shadow: Any = None

    @property
    def shadow(self) -> Any:
        return self._shadow

    @shadow.setter
    def shadow(self, shadow: Any) -> None:
        self._shadow = shadow
        if self.initialised:
            shadow.mark_written()


class Report:
    """What is found, as lines of text."""

    def __init__(self, source: str, description: Description) -> None:
        self._source, self._description = source, description
        templates = dict.fromkeys(launch.kernel for launch in description.launches if "<" in launch.kernel)
        self._program = Program(source, description.options, check=True, instantiate=list(templates))
        self.lines: list[str] = []
        self.errors = self.warnings = 0

    def run(self) -> None:
        """Every launch in every order."""
        statistics = []
        for number, launch in enumerate(self._description.launches):
            self.lines += [""] if number else []
            self.lines.append(f"{launch.kernel}: grid {launch.grid}, block {launch.block}")
            try:
                function = self._program.function(launch.kernel)
            except KeyError as error:
                raise DescriptionError(error.args[0]) from None
            arguments = values(launch, function, self._description.seed)
            for refusal in refusals(launch, function):
                self._error(f"launch: {refusal}")
                break
            else:
                statistics += self._in_all_orders(launch, function, arguments)
        totals = by_kernel(statistics)
        if totals:
            self.lines += ["", *table(totals)]
        self.warnings = sum(1 for kernel in totals.values() for _ in kernel.warnings())

    def _error(self, text: str) -> None:
        self.errors += 1
        self.lines.append(f"    {text}")

    def _in_all_orders(self, launch: Launch, function: Function, arguments: list[Value]) -> list[Any]:
        """The statistics of the first order, in a list, if nothing was wrong in any."""
        found: dict[str, list[str]] = {}
        results = []
        for order, name in enumerate(ORDERS):
            try:
                results.append(launched(launch, function, arguments, order))
            except KernelError as error:
                place = re.sub(r"0x[0-9a-f]{6,}", "", str(error)).split(": block")[0]
                found.setdefault(f"{error.kind} {place}", [f"{error.kind}: {error}"]).append(name)
        for message, *orders in found.values():
            self._error(f"{message} [{', '.join(orders)}]")
        if found:
            return []
        for difference in differences(launch, arguments, [arrays for arrays, _ in results]):
            self._error(difference)
        return [results[0][1]]

    def compiled_for_gpu(self, architecture: int) -> Iterator[str]:
        """Registers and spills, where they can be told; what is wrong with them."""
        self.lines.append("")
        try:
            found = registers.usage(self._source, self._description.options, architecture)
        except registers.UnavailableError as reason:
            self.lines.append(f"registers and spills: not told, as there is {reason}")
            return
        except registers.RefusedError as refusal:
            self.lines.append(f"for sm_{architecture} it does not compile:\n{refusal}")
            yield "it does not compile"
            return
        for kernel, used in sorted(found.items()):
            spilled = f", {used.spilled} bytes spilled" if used.spilled else ""
            self.lines.append(f"{kernel}: {used.registers} registers for sm_{architecture}{spilled}")
            if used.spilled:
                yield f"{kernel} spills"


def refusals(launch: Launch, function: Function) -> Iterator[str]:
    """Why CUDA would refuse the launch."""
    threads = int(np.prod(launch.block))
    most = function.max_threads or 1024
    if threads > most:
        bound = "__launch_bounds__ allows" if function.max_threads else "at most possible are"
        yield f"a block of {threads} threads; {bound} {most}"
    if launch.block[2] > 64:
        yield f"block {launch.block}; the third size is at most 64"
    if launch.grid[1] > 65535 or launch.grid[2] > 65535:
        yield f"grid {launch.grid}; the second and third sizes are at most 65535"
    static = function.static_shared
    if static + launch.shared > SHARED_LIMIT:
        yield f"{static} bytes of static and {launch.shared} of dynamic shared memory; at most {SHARED_LIMIT} in all"


def launched(launch: Launch, function: Function, arguments: list[Value], order: int) -> tuple[dict[str, Any], Any]:
    """The arrays after a launch, by name, and its statistics."""
    arrays = {value.parameter.name: DeviceArray(value) for value in arguments if value.array is not None}
    packed = []
    for value in arguments:
        if value.array is not None:
            packed.append(arrays[value.parameter.name].address.to_bytes(8, "little"))
        else:
            packed.append(bytes(8) if value.scalar is None else value.scalar.tobytes())
    statistics = function.launch(
        launch.grid, launch.block, packed, launch.shared, list(arrays.values()), order, must_be_initialised=True
    )
    return {name: array.values for name, array in arrays.items()}, statistics


def differences(launch: Launch, arguments: list[Value], results: list[dict[str, Any]]) -> Iterator[str]:
    """Where results are not what is expected, and where they depend on the order of the threads."""
    known = {value.parameter.name: value.scalar if value.array is None else value.array for value in arguments}
    for name in launch.expected:
        if name not in results[0]:
            raise DescriptionError(f"launch of {launch.kernel}: expected: there is no array {name!r}")
    for name, got in results[0].items():
        for order, other in zip(ORDERS[1:], results[1:], strict=True):
            if got.tobytes() != other[name].tobytes():
                yield f"result: {name} depends on the order of the threads: forward and {order} give different bits"
                break
        if name not in launch.expected:
            continue
        where = f"launch of {launch.kernel}: expected {name}"
        wanted = np.broadcast_to(np.asarray(evaluate(launch.expected[name], known, where)), got.shape)
        close = np.isclose(got, wanted, launch.tolerance, launch.tolerance, equal_nan=True)
        if not close.all():
            first = tuple(map(int, np.argwhere(~close)[0]))
            yield (
                f"result: {name} is not {launch.expected[name]}: {np.count_nonzero(~close)} of {got.size} elements"
                f" differ, the first at {first}: {got[first]} instead of {wanted[first]}"
            )
