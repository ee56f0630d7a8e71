"""Statistics of many launches added up by kernel, and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .lines import Line
from .statistics import LineStatistics, Statistics

_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass
class KernelTotals:
    """What all launches of a kernel did together.

    Attributes:
        launches: how many there were.
        lines: what each line of the source asked of memory.
        text: the lines' text.
    """

    launches: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    lines: dict[Line, LineStatistics] = field(default_factory=dict)
    text: dict[Line, str] = field(default_factory=dict)

    def add(self, statistics: Statistics) -> None:
        """Count one more launch."""
        self.launches += 1
        self.bytes_read += statistics.bytes_read
        self.bytes_written += statistics.bytes_written
        for line, counted in statistics.lines.items():
            self.lines.setdefault(line, LineStatistics()).add(counted)
            if line not in self.text:
                self.text[line] = statistics.source_line(line)

    @property
    def sectors(self) -> int:
        return sum(counted.sectors for counted in self.lines.values())

    @property
    def least_sectors(self) -> int:
        return sum(counted.least_sectors for counted in self.lines.values())

    def warnings(self) -> Iterator[tuple[Line, str]]:
        """The lines with uncoalesced access or bank conflicts, and what to say of each."""
        for line, counted in sorted(self.lines.items()):
            if counted.excess >= 2:
                yield line, f"uncoalesced: {counted.excess:.1f} times the sectors that the bytes need"
            if counted.bank_conflicts:
                cycles = counted.bank_conflicts / counted.shared_requests
                yield line, f"bank conflicts: {cycles:.1f} cycles lost in each of {counted.shared_requests} requests"


def by_kernel(statistics: Iterable[Statistics]) -> dict[str, KernelTotals]:
    """Totals by the kernels' names."""
    result: dict[str, KernelTotals] = {}
    for each in statistics:
        result.setdefault(each.kernel, KernelTotals()).add(each)
    return result


def table(totals: dict[str, KernelTotals]) -> Iterator[str]:
    """Rows for people to read: a line for each kernel, below it the lines of its source that waste traffic.

    Args:
        totals: by the kernels' names.
    """
    width = max([len("kernel"), *map(len, totals)])
    yield f"{'kernel':{width}}  launches       read    written  sectors / least  bank conflicts"
    for name, kernel in sorted(totals.items(), key=lambda item: -(item[1].bytes_read + item[1].bytes_written)):
        ratio = f"{kernel.sectors / kernel.least_sectors:.2f}" if kernel.least_sectors else "-"
        conflicts = sum(counted.bank_conflicts for counted in kernel.lines.values())
        read, written = readable(kernel.bytes_read), readable(kernel.bytes_written)
        yield f"{name:{width}}  {kernel.launches:8}  {read:>9}  {written:>9}  {ratio:>15}  {conflicts:14}"
        for (file, number), what in kernel.warnings():
            yield f"    {file}:{number}: {what}"
            yield f"        {kernel.text[file, number]}"


def readable(nbytes: float) -> str:
    """A number of bytes with a unit.

    >>> from dlcore.backends.cusim.totals import readable
    >>> readable(512), readable(2_345_678)
    ('512 B', '2.3 MB')
    """
    for unit in _UNITS:
        if nbytes < 1000 or unit == _UNITS[-1]:
            break
        nbytes /= 1000
    return f"{nbytes:.0f} B" if unit == "B" else f"{nbytes:.1f} {unit}"
