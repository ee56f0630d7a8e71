"""From an address in a compiled module to the file and line it was compiled from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

RUNTIME = Path(__file__).parent / "runtime"

Line = tuple[str, int]
LINE_DIRECTIVE = re.compile(r'^[ \t]*#[ \t]*(?:line[ \t]+)?(\d+)(?:[ \t]+"([^"\n]*)")?[^\n]*$', re.MULTILINE)


class LineTable:
    """The lines of one module, looked up with binutils' addr2line, each once.

    Args:
        library: the module's file.
        base: where it was loaded.
        source: what it was compiled from.
    """

    def __init__(self, library: Path, base: int, source: str) -> None:
        self._library, self._base, self._source = library, base, source
        self._known: dict[int, Line] = {}

    @cached_property
    def _texts(self) -> dict[Line, str]:
        texts: dict[Line, str] = {}
        file, number = "", 1
        for text in self._source.split("\n"):
            directive = LINE_DIRECTIVE.match(text)
            if directive is None:
                texts.setdefault((file, number), text.strip())
                number += 1
            else:
                number, file = int(directive[1]), os.path.normpath(directive[2]) if directive[2] else file
        return texts

    def source_line(self, line: Line) -> str:
        """The text of a line of the source; empty if it has none there."""
        return self._texts.get(line, "")

    def lines(self, places: Iterable[int]) -> list[Line]:
        """File and line of each place, a return address; ("", 0) where it is not known.

        Of code that was inlined, the innermost place that is not in the simulator's own headers.
        """
        places = list(places)
        missing = sorted({place for place in places if place not in self._known})
        if missing:
            self._known.update(zip(missing, self._look_up(missing), strict=True))
        return [self._known[place] for place in places]

    def text(self, place: int) -> str:
        """`place` for a message, as file:line."""
        file, line = self.lines([place])[0]
        return f"{file}:{line}" if file else f"code offset {place - self._base:#x} (install binutils for file and line)"

    def _look_up(self, places: list[int]) -> list[Line]:
        program = shutil.which("addr2line")
        if program is None:
            return [("", 0)] * len(places)
        # A return address stands behind the call.
        asked = "".join(f"{place - self._base - 1:#x}\n" for place in places)
        done = subprocess.run(
            [program, "--addresses", "--inlines", f"--exe={os.fspath(self._library)}"],
            input=asked, capture_output=True, text=True, check=False,
        )  # fmt: skip
        found: list[list[Line]] = []
        for row in done.stdout.splitlines():
            if row.startswith("0x") and ":" not in row:
                found.append([])
                continue
            file, _, number = row.partition(" (")[0].rpartition(":")
            if found and number.isdigit() and "?" not in file:
                found[-1].append((os.path.normpath(file), int(number)))
        if len(found) != len(places):
            return [("", 0)] * len(places)
        return [next((line for line in frames if Path(line[0]).parent != RUNTIME), ("", 0)) for frames in found]
