"""What a kernel's machine code does, read from the disassembler's text: loops, multiply-adds, widths of accesses."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

_SECTION = re.compile(r"^\s*\.section\s+\.text\.([\w$]+)")
_LABEL = re.compile(r"^(\.L_[\w$]+|\.text\.[\w$]+|[\w$]+):")
_INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]+)\*/\s+(?:@!?U?P[\dT]+\s+)?([A-Z][\w.]*)([^;]*);")
_TARGET = re.compile(r"`\((\.L_[\w$]+)\)")
_WIDTH = re.compile(r"\.(?:(16|32|64|128|256)|[US](8|16))\b")
_MULTIPLY_ADDS = ("FFMA", "DFMA", "HFMA2")
_GLOBAL_LOADS, _GLOBAL_STORES = ("LDG", "LD", "LDGSTS"), ("STG", "ST", "RED", "ATOMG")
_ENDS_BLOCK = ("BRA", "BRX", "JMP", "EXIT", "RET", "BSYNC", "BREAK", "WARPSYNC", "CALL")


@dataclass(frozen=True)
class Instruction:
    address: int
    name: str  # with its modifiers: LDG.E.128.CONSTANT
    target: str | None  # the label that it branches to

    @property
    def operation(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def bits(self) -> int:
        """The width of a memory access."""
        widths = [int(a or b) for a, b in _WIDTH.findall(self.name)]
        return widths[-1] if widths else 32


@dataclass
class Code:
    """The instructions of one kernel, and where its labels point to."""

    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


def parse(text: str) -> dict[str, Code]:
    """The code of each kernel in what `nvdisasm -c` prints. No-operations are left out."""
    found: dict[str, Code] = {}
    code, waiting, last = Code(), [], -16
    for line in text.splitlines():
        if section := _SECTION.match(line):
            code, waiting, last = found.setdefault(section[1], Code()), [], -16
        elif label := _LABEL.match(line):
            waiting.append(label[1])
        elif instruction := _INSTRUCTION.match(line):
            last = int(instruction[1], 16)
            code.labels.update(dict.fromkeys(waiting, last))
            waiting = []
            if instruction[2] != "NOP":
                target = _TARGET.search(instruction[3])
                code.instructions.append(Instruction(last, instruction[2], target[1] if target else None))
    return found


def innermost_loops(code: Code) -> list[list[Instruction]]:
    """The loops that hold no other loop. A loop is what lies between a backward branch and where it goes to."""
    ends: dict[int, int] = {}  # by address of the first instruction; several branches back make one loop
    for instruction in code.instructions:
        start = code.labels.get(instruction.target or "")
        if start is not None and start < instruction.address and instruction.operation in ("BRA", "BRX"):
            ends[start] = max(ends.get(start, 0), instruction.address)
    inner = [
        (start, end)
        for start, end in ends.items()
        if not any(start < other < end and ends[other] <= end for other in ends)
    ]
    return [[i for i in code.instructions if start <= i.address <= end] for start, end in sorted(inner)]


def basic_blocks(code: Code) -> list[list[Instruction]]:
    starts = set(code.labels.values())
    blocks: list[list[Instruction]] = [[]]
    for instruction in code.instructions:
        if instruction.address in starts and blocks[-1]:
            blocks.append([])
        blocks[-1].append(instruction)
        if instruction.operation in _ENDS_BLOCK:
            blocks.append([])
    return [block for block in blocks if block]


def facts(code: Code) -> dict[str, object]:
    """What the check looks at, as JSON can hold it.

    hot: of the innermost loop with the most multiply-adds, the number of instructions, of multiply-adds, of
        shared-memory loads by width, and of multiply-adds while the last global load is on its way; None if no loop
        has any.
    loads, stores: for each basic block with 128-bit global loads (stores), how many there are of each width.
    widths: numbers of all global loads and stores by width.
    """
    hot = max(innermost_loops(code), key=lambda loop: _multiply_adds(loop), default=[])
    kinds = {"loads": _GLOBAL_LOADS, "stores": _GLOBAL_STORES}
    wide: dict[str, list[dict[str, int]]] = {kind: [] for kind in kinds}
    for block in basic_blocks(code):
        for kind, operations in kinds.items():
            widths = _widths(block, operations)
            if "128" in widths:
                wide[kind].append(widths)
    return {
        "instructions": len(code.instructions),
        "hot": None if not _multiply_adds(hot) else {
            "instructions": len(hot), "ffma": _multiply_adds(hot), "lds": _widths(hot, ("LDS",)), "ahead": _ahead(hot),
        },
        **wide,
        "widths": {kind: _widths(code.instructions, operations) for kind, operations in kinds.items()},
    }  # fmt: skip


def _ahead(loop: list[Instruction]) -> int:
    """How many multiply-adds there are between the last global load and the first shared-memory store behind it."""
    operations = [instruction.operation for instruction in loop]
    loads = [place for place, operation in enumerate(operations) if operation in _GLOBAL_LOADS]
    if not loads:
        return 0
    last = loads[-1]
    store = next((place for place in range(last, len(loop)) if operations[place] == "STS"), len(loop))
    return _multiply_adds(loop[last:store])


def _multiply_adds(instructions: list[Instruction]) -> int:
    return sum(instruction.operation in _MULTIPLY_ADDS for instruction in instructions)


def _widths(instructions: list[Instruction], operations: tuple[str, ...]) -> dict[str, int]:
    return dict(Counter(str(i.bits) for i in instructions if i.operation in operations))
