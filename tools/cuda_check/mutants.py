"""Deliberately wrong variants of the kernels, each of which the small cases must catch in check mode.

The variants are listed in `tests/cuda/mutants_<family>.py`:

    PRIMITIVES = ["softmax_forward", "softmax_backward"]     whose cases run the family's kernels
    MUTANTS = [
        ("softmax", "softmax_forward_warp", "if (row >= rows)", "if (row > rows)"),
        ...
    ]

Each is (source, kernel, text, replacement): `text` occurs exactly once in `kernels/cuda/<source>.cu`, or, where it
does not occur there, once in what it includes. A fifth entry names the tile that convolutions are to take for it, one
that they do not take in small cases by themselves. A variant is caught if a case that launches the kernel gives a wrong
result or if the simulator refuses what the kernel does, hanging included. One that does not compile proves nothing
and counts as a mistake in the list.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from dlcore.backends.cupy import launcher, table

from . import demands, simulated
from .compiling import ROOT
from .simulated import Outcome

AT_LEAST = 5  # for each source
STEPS = 1 << 21  # what a thread may do before it counts as hanging: small cases do a thousandth of it
#: What a wrong kernel is caught by; anything else that is raised is a mistake in the list or in the harness.
CATCHES = ("AssertionError", "KernelError", "GuardError")


class Mutant(NamedTuple):
    family: str
    source: str
    kernel: str
    text: str
    replacement: str
    tile: str = ""

    def __str__(self) -> str:
        how = f" in {self.tile}" if self.tile else ""
        return f"{self.source}.cu, {self.kernel}{how}: {_short(self.text)} -> {_short(self.replacement)}"

    def patched(self) -> str:
        """The whole source with its headers, made wrong.

        Raises:
            ValueError: the text does not occur exactly once.
        """
        own = launcher._read(f"{self.source}.cu")
        if own.count(self.text) == 1:
            return launcher.inlined(own.replace(self.text, self.replacement), f"{self.source}.cu")
        whole = launcher.source_text(self.source)
        count = own.count(self.text) or whole.count(self.text)
        if count != 1:
            raise ValueError(f"{self}: the text occurs {count} times")
        return whole.replace(self.text, self.replacement)


@dataclass
class Verdict:
    mutant: Mutant
    caught_by: str | None  # the case and what it said; None: it survived
    mistake: str | None  # why the variant cannot be judged
    seconds: float


def _short(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= most else text[: most - 3] + "...")


# --- the lists ------------------------------------------------------------------------------------


def families(folder: Path = ROOT / "tests" / "cuda") -> dict[str, tuple[list[str], list[Mutant]]]:
    """By family: the primitives that run its kernels, and its variants."""
    found = {}
    for path in sorted(folder.glob("mutants_*.py")):
        family = path.stem.removeprefix("mutants_")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[family] = (list(module.PRIMITIVES), [Mutant(family, *row) for row in module.MUTANTS])
    return found


def missing(mutants: Iterable[Mutant]) -> list[str]:
    """The sources of the table with too few variants."""
    counts = Counter(mutant.source for mutant in mutants)
    return [
        f"{source}.cu: {counts[source]} wrong variants in tests/cuda/mutants_*.py, at least {AT_LEAST} are wanted"
        for source in dict.fromkeys(row.source for row in table.TABLE)
        if counts[source] < AT_LEAST
    ]


def sample(mutants: Sequence[Mutant], of_each_source: int) -> list[Mutant]:
    """A few of each source, always the same ones."""
    taken: Counter[str] = Counter()
    chosen = []
    for mutant in sorted(mutants, key=lambda mutant: crc32("\0".join(mutant).encode())):
        if taken[mutant.source] < of_each_source:
            taken[mutant.source] += 1
            chosen.append(mutant)
    return sorted(chosen)


def with_kernels(text: str, names: set[str]) -> str:
    """The source with these kernels alone, its lines where they were: the others take time to compile."""
    parts, end = [], 0
    for match in demands.KERNEL.finditer(text):
        if match[1] not in names and match.start() >= end:
            after = _end_of_body(text, match.end())
            parts += [text[end : match.start()], "\n" * text.count("\n", match.start(), after)]
            end = after
    return "".join([*parts, text[end:]])


_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{}]", re.DOTALL)


def _end_of_body(text: str, start: int) -> int:
    """Where the first braces after `start` are closed."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if token[0] == "}" and depth == 0:
            return token.end()
    raise ValueError("the braces of a kernel are not closed")


# --- judging them ---------------------------------------------------------------------------------


def judged(primitives: Sequence[str], mutants: Sequence[Mutant]) -> list[Verdict]:
    """The verdicts on one family's variants."""
    verdicts: dict[Mutant, Verdict] = {}
    for tile in dict.fromkeys(mutant.tile for mutant in mutants):
        part = [mutant for mutant in mutants if mutant.tile == tile]
        runs = [replace(run, tile=tile or None) for run in simulated.small_runs(primitives)]
        outcomes = simulated.carried_out_all(runs)  # which kernels, how long
        reached = {(launch.source, launch.kernel) for outcome in outcomes for launch in outcome.launches}
        wanted = {(mutant.source, mutant.kernel) for mutant in part} - reached
        outcomes += simulated.carried_out_all(simulated.larger_runs(wanted, primitives))
        sound = [outcome for outcome in outcomes if outcome.error is None]
        verdicts |= {mutant: judge(mutant, sound) for mutant in part}
    return [verdicts[mutant] for mutant in mutants]


def judged_part(part: tuple[Sequence[str], Sequence[Mutant]]) -> list[Verdict]:
    return judged(*part)


def judge(mutant: Mutant, outcomes: Sequence[Outcome]) -> Verdict:
    """Run cases until one fails: one specialisation after the other, as each is compiled; the quickest cases first."""
    started = time.perf_counter()

    def verdict(caught_by: str | None = None, mistake: str | None = None) -> Verdict:
        return Verdict(mutant, caught_by, mistake, time.perf_counter() - started)

    try:
        text = mutant.patched()
    except (ValueError, LookupError) as error:
        return verdict(mistake=str(error))
    by_macros: dict[Any, list[Outcome]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.seconds):
        for launch in outcome.launches:
            if (launch.source, launch.kernel) == (mutant.source, mutant.kernel):
                by_macros.setdefault(launch.macros, []).append(outcome)
    if not by_macros:
        return verdict(mistake=f"{mutant}: no small case of the family's primitives launches this kernel")
    runs = dict.fromkeys(
        outcome.run for group in sorted(by_macros.values(), key=len, reverse=True) for outcome in group
    )
    used = {
        launch.kernel
        for outcome in outcomes
        for launch in outcome.launches
        if launch.source == mutant.source and outcome.run in runs
    }
    backend = simulated.new_backend({mutant.source: with_kernels(text, used)})
    for order in (0, 1, 2):  # a missing barrier may show in one order of the threads alone
        for run in runs:
            tried = replace(run, order=order)
            with simulated.mode(True, order, STEPS):
                outcome = simulated.carried_out(tried, backend)
            if outcome.error is None:
                continue
            first_line = next(iter(outcome.error.splitlines()), "")
            if not outcome.error.startswith(CATCHES):
                return verdict(mistake=f"{mutant}: {tried}: {first_line}")
            return verdict(caught_by=f"{tried}: {_short(' '.join(outcome.error.split()), 160)}")
    return verdict()
