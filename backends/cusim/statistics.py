"""What one launch asked of memory, by line of the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .lines import Line, LineTable


@dataclass
class LineStatistics:
    """What one line asked of memory, all its warps together.

    Attributes:
        accesses: of single threads.
        requests: instructions of a warp that went to global memory.
        sectors: of 32 bytes, that these touched.
        least_sectors: that would have held the bytes asked for.
        bytes_read, bytes_written: moved from and to global memory (atomic operations count as writes).
        shared_requests: instructions of a warp that went to shared memory.
        bank_conflicts: cycles that they took beyond the least.
    """

    accesses: int = 0
    requests: int = 0
    sectors: int = 0
    least_sectors: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    shared_requests: int = 0
    bank_conflicts: int = 0

    def add(self, other: LineStatistics) -> None:
        """Count what `other` counted, too."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def excess(self) -> float:
        """How many times more sectors were touched than needed; 1 is best, 8 the worst for 4-byte accesses."""
        return self.sectors / self.least_sectors if self.least_sectors else 1.0


@dataclass
class Statistics:
    """What one launch did. All is 0 outside of check mode.

    Attributes:
        bytes_read, bytes_written: moved from and to global memory, request by request: whole sectors of 32 bytes, but
            of a request's first and last sector only the bytes asked for, so that a contiguous stream counts its size.
        unique_read, unique_written: different bytes of global memory that were read and written.
        accesses: to global and shared memory, of single threads.
    """

    kernel: str
    bytes_read: int = 0
    bytes_written: int = 0
    unique_read: int = 0
    unique_written: int = 0
    accesses: int = 0
    _places: Sequence[tuple[int, LineStatistics]] = field(default=(), repr=False)
    _table: LineTable | None = field(default=None, repr=False)

    @cached_property
    def lines(self) -> dict[Line, LineStatistics]:
        """By file and line."""
        result: dict[Line, LineStatistics] = {}
        if self._table is not None:
            found = self._table.lines(place for place, _ in self._places)
            for line, (_, counted) in sorted(zip(found, self._places, strict=True), key=lambda pair: pair[0]):
                result.setdefault(line, LineStatistics()).add(counted)
        return result

    def source_line(self, line: Line) -> str:
        """The text of one of `lines` in the kernel's source."""
        return self._table.source_line(line) if self._table is not None else ""

    @property
    def bank_conflicts(self) -> dict[Line, int]:
        """Lines whose accesses to shared memory got in each other's way, and in how many cycles."""
        return {line: counted.bank_conflicts for line, counted in self.lines.items() if counted.bank_conflicts}

    @property
    def uncoalesced(self) -> dict[Line, float]:
        """Lines that touch at least twice the sectors of global memory that they need, and how many times."""
        return {line: counted.excess for line, counted in self.lines.items() if counted.excess >= 2}
