"""The kernels against the reference implementations, run in the simulator, and which specialisations were reached.

Small cases run in check mode: those of the parity tests that have few elements, and what is needed beside them to
reach every kernel in every specialisation of the table: the same cases with other dtypes, and with 64-bit indices by
a lowered limit. Cases of real sizes (benchmarks/gpu/cases.py) run in fast mode.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from dlcore.backends.cupy import launcher, table

from .compiling import ROOT

SMALL = 4200  # elements of the arguments: what check mode is quick enough for
QUICK_SMALL = 600
ROUNDS = 6  # of looking for cases that reach what no case has reached
TILE_TRIES = 8  # cases tried at once with another tile, for not every tile takes every case
LARGER = 300_000  # for a kernel that small cases do not reach
FLOATS = {"float": "float32", "double": "float64", "half_t": "float16"}
_ELSEWHERE = ("large",)  # cases that are about the range of float32
_ONE_SPLIT = "one split"  # cases whose gradient of weights is not to be shared out among blocks


class Launch(NamedTuple):
    """A kernel in one specialisation."""

    source: str
    kernel: str
    macros: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.source}.cu [{' '.join(f'{name}={value}' for name, value in self.macros)}] {self.kernel}"


@dataclass(frozen=True)
class Run:
    """One case, and how it is to be run: with floats of another dtype, with 64-bit indices, in which thread order.

    `tile`: the tile that convolutions are to take, by its name in backends/cupy/tiles.py; `splits`: how many blocks are
    to share a tile of their gradient of weights.
    """

    primitive: str
    case: str
    dtype: str | None = None
    wide: bool = False
    order: int = 0
    tile: str | None = None
    splits: int | None = None

    def __str__(self) -> str:
        how = [f" as {self.dtype}"] if self.dtype else []
        how += [" with 64-bit indices"] if self.wide else []
        how += [f" in {self.tile}"] if self.tile else []
        how += [f" in {self.splits} splits"] if self.splits else []
        how += [f" in thread order {self.order}"] if self.order else []
        return f"{self.primitive}: {self.case!r}{''.join(how)}"


@dataclass
class Outcome:
    run: Run
    error: str | None
    seconds: float
    launches: set[Launch] = field(default_factory=set)


# --- the cases ------------------------------------------------------------------------------------


@cache
def parity() -> Any:
    """The module of the parity tests: its table of cases and its comparison."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests"))
    from primitives import test_parity

    return test_parity


@cache
def case_named(primitive: str, name: str) -> Any:
    return next(case for case in parity().CASES[primitive] if case.name == name)


def elements(case: Any) -> int:
    """How many elements a case is about: those of its arrays, and of the shapes among its arguments."""
    arguments, options = case.make(np.random.default_rng(0))
    return sum(map(_elements, [*arguments, *options.values()]))


def _elements(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, parity().OwnMask):
        return value.x.size
    if type(value) is tuple and all(isinstance(n, int) for n in value):  # a shape
        return int(np.prod(value, dtype=np.int64))
    return value if type(value) is int and 0 < value <= LARGER else 0  # how many words or rows


def small_runs(primitives: Iterable[str] | None = None, limit: int = SMALL) -> list[Run]:
    """The parity cases of few elements, of these primitives or of all that the backend overrides."""
    return [run for size, run in _sized_runs(primitives) if size <= limit]


def larger_runs(
    kernels: set[tuple[str, str]], primitives: Iterable[str] | None = None, above: int = SMALL
) -> list[Run]:
    """For each of the kernels (source, name), the smallest of the larger parity cases that launches it."""
    backend, chosen, wanted = new_backend(), [], set(kernels)
    for size, run in sorted(_sized_runs(primitives), key=lambda pair: pair[0]):
        if not wanted:
            break
        if above < size <= LARGER:
            outcome = carried_out(run, backend, check=False)
            new = wanted & {(launch.source, launch.kernel) for launch in outcome.launches}
            if new:
                chosen.append(run)
                wanted -= new
    return chosen


def _sized_runs(primitives: Iterable[str] | None) -> list[tuple[int, Run]]:
    if primitives is None:
        primitives = parity().overrides(new_backend())
    return [
        (elements(case), Run(name, case.name, splits=1 if case.name.startswith(_ONE_SPLIT) else None))
        for name in primitives
        for case in parity().CASES[name]
    ]


def size_of(run: Run) -> int:
    return elements(case_named(run.primitive, run.case))


def recast(case: Any, dtype: str) -> Any:
    """The case with its floats, and the dtypes among its arguments, as another dtype."""
    test = parity()

    def cast(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            with np.errstate(over="ignore"):
                return value.astype(dtype)
        if isinstance(value, np.dtype) and value.kind == "f":
            return np.dtype(dtype)
        return value._replace(x=cast(value.x)) if isinstance(value, test.OwnMask) else value

    def make(rng: np.random.Generator) -> Any:
        arguments, options = case.make(rng)
        return tuple(map(cast, arguments)), {name: cast(value) for name, value in options.items()}

    return case._replace(make=make)


# --- running them ---------------------------------------------------------------------------------


def new_backend(source_texts: dict[str, str] | None = None) -> Any:
    """A simulated device of its own; `source_texts` replaces the text of kernel sources."""
    from dlcore.backends.cupy.backend import CupyBackend
    from dlcore.backends.cusim import namespace

    class Simulated(CupyBackend):
        pass

    with mock.patch("dlcore.backends.cupy.backend._join"):  # the other devices of the process are not to know of it
        backend = Simulated(namespace, 0, "cusim")
    if source_texts:
        backend.launcher = PatchedLauncher(namespace, source_texts)
    return backend


class PatchedLauncher(launcher.Launcher):
    """A launcher that finds other text in some of the kernel sources."""

    def __init__(self, cp: Any, source_texts: dict[str, str]) -> None:
        super().__init__(cp)
        self._texts = source_texts

    def _compiled(self, source: str, name: str, macros: launcher.Macros) -> launcher.Kernel:
        text = self._texts.get(source)
        if text is None:
            return super()._compiled(source, name, macros)
        return self._build(launcher.specialised(text, dict(macros)), name, (source, macros))


@contextmanager
def recorded() -> Iterator[set[Launch]]:
    """The launches of kernels from the table, by any launcher, until the block ends."""
    launches: set[Launch] = set()
    known: dict[int, tuple[launcher.Kernel, Launch]] = {}
    kernel, call = launcher.Launcher.kernel, launcher.Kernel.__call__

    def noted_kernel(self: Any, source: str, name: str, **macros: str) -> launcher.Kernel:
        found = kernel(self, source, name, **macros)
        known[id(found)] = (found, Launch(source, name, tuple(macros.items())))
        return found

    def noted_call(self: launcher.Kernel, *arguments: Any, **options: Any) -> None:
        call(self, *arguments, **options)
        if id(self) in known:
            launches.add(known[id(self)][1])

    with (
        mock.patch.object(launcher.Launcher, "kernel", noted_kernel),
        mock.patch.object(launcher.Kernel, "__call__", noted_call),
    ):
        yield launches


@contextmanager
def mode(check: bool, order: int = 0, steps: int | None = None) -> Iterator[None]:
    """The simulator's mode and thread order, and how much a thread may do before it counts as hanging."""
    changed = {"DLCORE_CUSIM_CHECK": str(int(check)), "DLCORE_CUSIM_ORDER": str(order)}
    if steps is not None:
        changed["DLCORE_CUSIM_STEPS"] = str(steps)
    with mock.patch.dict(os.environ, changed):
        yield


def carried_out(run: Run, backend: Any, check: bool = True) -> Outcome:
    """Run a case, and compare."""
    case = case_named(run.primitive, run.case)
    if run.dtype:
        case = recast(case, run.dtype)
    started = time.perf_counter()
    limit = backend.launcher.index_limit
    error = None
    with recorded() as launches, mode(check, run.order):
        backend.launcher.index_limit = -1 if run.wide else limit
        backend.tile, backend.splits = run.tile, run.splits
        try:
            parity().check(backend, run.primitive, case)
        except Exception as problem:  # a wrong value, or what the simulator or the launcher refuses
            error = f"{type(problem).__name__}: {problem}"
        finally:
            backend.launcher.index_limit, backend.tile, backend.splits = limit, None, None
    return Outcome(run, error, time.perf_counter() - started, launches)


def carried_out_all(runs: Sequence[Run]) -> list[Outcome]:
    backend = new_backend()
    return [carried_out(run, backend) for run in runs]


# --- what was reached -----------------------------------------------------------------------------


def everything() -> set[Launch]:
    """Every kernel in every specialisation of the table."""
    found = set()
    for source, macros in table.specialisations():
        text = launcher.specialised(launcher.source_text(source), dict(launcher.expanded(macros)))
        found |= {Launch(source, kernel, tuple(macros.items())) for kernel in launcher.signatures(text)}
    return found


def runs_for(missing: Iterable[Launch], outcomes: Sequence[Outcome]) -> list[Run]:
    """For each launch that no case made, a case that launched the same kernel, in another dtype, index width or tile.

    What has been tried is not tried again.
    """
    tried = {outcome.run for outcome in outcomes}
    chosen: dict[Run, None] = {}
    by_kernel: dict[tuple[str, str], list[tuple[Outcome, Launch]]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.run.case.startswith(_ELSEWHERE), outcome.seconds)):
        if outcome.error is None:
            for launch in outcome.launches:
                by_kernel.setdefault((launch.source, launch.kernel), []).append((outcome, launch))
    for launch in sorted(missing):
        wanted, tries = dict(launch.macros), TILE_TRIES
        for outcome, made in by_kernel.get((launch.source, launch.kernel), []):
            had = dict(made.macros)
            different = {name for name in wanted if wanted[name] != had.get(name)}
            wide = wanted.get("INDEX") == "long long"
            if different <= {"SCALAR", "INDEX", "TILE", "TILE_THREADS"} and (wide or had.get("INDEX") != "long long"):
                dtype = FLOATS[wanted["SCALAR"]] if "SCALAR" in different else outcome.run.dtype
                tile = wanted["TILE"] if "TILE" in different else outcome.run.tile
                run = replace(outcome.run, dtype=dtype, wide=wide, tile=tile)
                if run not in tried:
                    chosen[run] = None
                    tries -= 1
                    if tries == 0 or "TILE" not in different:
                        break
    return list(chosen)


def split(runs: Sequence[Run], parts: int) -> list[list[Run]]:
    """The runs in parts of equal number, a primitive's together as far as that goes: they share compiled kernels."""
    size = max(1, -(-len(runs) // parts))
    return [list(runs[start : start + size]) for start in range(0, len(runs), size)]


def swept(carry_out: Callable[[list[Run]], list[Outcome]], runs: list[Run]) -> tuple[list[Outcome], set[Launch]]:
    """All `runs`, then what reaches the rest of the table; the outcomes, and what nothing reached.

    Every kernel runs once in each of the other two thread orders as well.
    """
    outcomes = carry_out(runs)
    wanted = everything()
    unreached = wanted - set().union(*(outcome.launches for outcome in outcomes))
    kernels = {(launch.source, launch.kernel) for launch in wanted}
    kernels -= {(launch.source, launch.kernel) for launch in wanted - unreached}
    outcomes += carry_out(larger_runs(kernels, above=max(map(size_of, runs), default=0)))
    for _ in range(ROUNDS):
        reached = set().union(*(outcome.launches for outcome in outcomes))
        more = runs_for(wanted - reached, outcomes)
        if not more:
            break
        outcomes += carry_out(more)
    first: dict[tuple[str, str], Run] = {}
    for outcome in outcomes:
        for launch in outcome.launches:
            first.setdefault((launch.source, launch.kernel), outcome.run)
    orders = dict.fromkeys(first.values())
    outcomes += carry_out([
        replace(run, order=order) for run in orders for order in (1, 2)
    ])  # fmt: skip
    return outcomes, wanted - set().union(*(outcome.launches for outcome in outcomes))


# --- real sizes -----------------------------------------------------------------------------------


def real_names(quick: bool = False) -> list[str]:
    """The cases of the GPU's benchmarks, or every fourth of them."""
    from benchmarks.gpu.cases import CASES

    return [case.name for case in CASES][:: 4 if quick else 1]


def real_all(names: Sequence[str]) -> list[tuple[str, str | None]]:
    """(name, what is wrong) of these cases in fast mode, with a batch of one image (LeNet: four) at its real size."""
    from benchmarks.gpu.cases import CASES
    from benchmarks.gpu.correctness import error_of

    backend, found = new_backend(), []
    for case in CASES:
        if case.name in names:
            work = case.make(np.random.default_rng(0), case.batch // 32, 1)
            with mode(False):
                try:
                    _, problem = error_of(backend, case, work)
                except Exception as error:
                    problem = f"{type(error).__name__}: {error}"
            found.append((case.name, problem))
    return found
