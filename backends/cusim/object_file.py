"""How much static shared memory each kernel of a module has, read from the object file.

Every function and every variable has a section of its own, and relocations tell which section refers to which. So the
shared arrays of a kernel are those that its entry in the table of kernels leads to.
"""

from __future__ import annotations

import struct
from collections import defaultdict

_SYMBOLS, _RELOCATIONS = 2, 4  # types of sections: SHT_SYMTAB, SHT_RELA


def shared_bytes(content: bytes, row_bytes: int, check: bool) -> list[int]:
    """The bytes of static shared memory of each kernel, in the order of the table.

    Args:
        content: a 64-bit little-endian ELF object file.
        row_bytes: the size of an entry in the table of kernels.
        check: whether the module is compiled for check mode, where arrays have guard zones, and markers of their size.
    """
    start, entry_size, count = struct.unpack_from("<Q", content, 40)[0], *struct.unpack_from("<HH", content, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, start + i * entry_size) for i in range(count)]
    symbols = _symbols(content, sections)
    marker = "cusim_bytes_" if check else "cusim_shared_"
    sizes = {where: size for name, where, _, size in symbols if marker in name}
    table = next((where, value, size) for name, where, value, size in symbols if "cusim_kernels" in name)

    refers: dict[int, set[int]] = defaultdict(set)
    rows: dict[int, set[int]] = defaultdict(set)
    for section in sections:
        if section[1] != _RELOCATIONS:
            continue
        offset, size, target = section[4], section[5], section[7]
        for place, information, _ in struct.iter_unpack("<QQq", content[offset : offset + size]):
            to = symbols[information >> 32][1]
            refers[target].add(to)
            if target == table[0] and table[1] <= place < table[1] + table[2]:
                rows[(place - table[1]) // row_bytes].add(to)
    count = table[2] // row_bytes - 1  # an empty row closes it
    return [sum(sizes.get(section, 0) for section in _reachable(rows[row], refers)) for row in range(count)]


def _symbols(content: bytes, sections: list[tuple[int, ...]]) -> list[tuple[str, int, int, int]]:
    """Name, section, value and size of each symbol."""
    found = next(section for section in sections if section[1] == _SYMBOLS)
    strings = sections[found[6]][4]
    result = []
    for name, _, _, where, value, size in struct.iter_unpack("<IBBHQQ", content[found[4] : found[4] + found[5]]):
        begin = strings + name
        result.append((content[begin : content.index(b"\0", begin)].decode(), where, value, size))
    return result


def _reachable(first: set[int], refers: dict[int, set[int]]) -> set[int]:
    seen, waiting = set(first), list(first)
    while waiting:
        for section in refers[waiting.pop()]:
            if section not in seen:
                seen.add(section)
                waiting.append(section)
    return seen
