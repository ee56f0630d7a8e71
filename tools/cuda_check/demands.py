"""What is written beside a kernel, in comment lines right above it, for the check of the compiled code.

    // registers: 128               at most so many registers a thread: every kernel has this line
    // local: 64                    bytes of local memory (a stack frame) are intended; without it there must be none
    // ffma: 78%                    share of multiply-adds in the hot loop: the innermost one with the most of them
    // lds: 128                     bits of each shared-memory load in the hot loop
    // ahead: 100                   multiply-adds of the hot loop between its last global load and the store to shared
                                    memory that waits for it
    // vector: 128                  bits of the global accesses: where some are so wide, all around them are
    // vector: 128 except 1         ... but for one narrower one, such as an index beside the values
    // vector: 128 loads            of the loads alone (or of the stores)
    // scalar: a window begins anywhere     why no global access is 128 bits wide; that none is is checked, too
    // scalar: loads, a window begins anywhere     the same of the loads alone (or of the stores)

A line with a number may end in `where NAME=VALUE ...`, several values separated by commas: it then holds for those
specialisations alone (`where MICRO=8 SCALAR=float arch=80,90`). Of several lines of one kind the first that fits holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = ("registers", "local", "ffma", "lds", "ahead", "vector", "scalar")
OF_CODE = ("ffma", "lds", "ahead", "vector", "scalar")  # those that the disassembler is asked for
KERNEL = re.compile(
    r'^[ \t]*extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*)?(\w+)\s*\(',
    re.MULTILINE,
)
_LINE = re.compile(rf"^[ \t]*//[ \t]*({'|'.join(KINDS)}):(.*)$")
_VALUE = re.compile(
    r"\s*(?P<value>\d+)\s*%?(?:\s+(?P<only>loads|stores))?(?:\s+except\s+(?P<exceptions>\d+))?"
    r"(?:\s+where\s+(?P<conditions>\S+=\S+(?:\s+\S+=\S+)*))?\s*$"
)
_REASON = re.compile(r"\s*(?:(?P<only>loads|stores),\s*)?(?P<reason>\w+\s.+)$")


@dataclass(frozen=True)
class Demand:
    """One machine-read line: its kind, its number, how many exceptions it allows, and when it holds."""

    kind: str
    value: int
    exceptions: int = 0
    only: str | None = None  # "loads" or "stores"
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reason: str = ""  # of `scalar`

    def holds(self, macros: Mapping[str, str], architecture: int) -> bool:
        known = {**macros, "arch": str(architecture)}
        return all(known.get(name) in values for name, values in self.conditions.items())


def read(text: str) -> dict[str, list[Demand]]:
    """The demands of each kernel that a source (not preprocessed, comments and all) defines.

    Raises:
        ValueError: a line that begins as a machine-read one and cannot be read.
    """
    found: dict[str, list[Demand]] = {}
    for match in KERNEL.finditer(text):
        found[match[1]] = demands = []
        for line in reversed(text[: match.start()].splitlines()):
            if not line.lstrip().startswith("//"):
                break
            if start := _LINE.match(line):
                value = (_REASON if start[1] == "scalar" else _VALUE).match(start[2])
                if value is None:
                    raise ValueError(f"{match[1]}: cannot read the line {line.strip()!r}")
                if start[1] == "scalar":
                    demands.insert(0, Demand("scalar", 0, only=value["only"], reason=value["reason"]))
                    continue
                conditions = dict(part.split("=", 1) for part in (value["conditions"] or "").split())
                demands.insert(
                    0,
                    Demand(
                        start[1], int(value["value"]), int(value["exceptions"] or 0), value["only"],
                        {name: tuple(values.split(",")) for name, values in conditions.items()},
                    ),
                )  # fmt: skip
    return found


def demanded(demands: list[Demand], kind: str, macros: Mapping[str, str], architecture: int) -> Demand | None:
    """The first demand of this kind that holds for a specialisation on an architecture."""
    return next((d for d in demands if d.kind == kind and d.holds(macros, architecture)), None)
