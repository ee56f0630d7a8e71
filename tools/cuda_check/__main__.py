"""The checks of the CUDA kernels that need no GPU.

python -m tools.cuda_check                     everything
python -m tools.cuda_check --quick             a part of each check, in a few minutes
python -m tools.cuda_check compile parity      some of the checks

compile   every specialisation for every architecture: no spills, registers within the budget, the machine code
          as it is stated beside the kernel, parameters in the binary as the launcher packs them
names     every CuPy name and argument that is used, in CuPy 13 and 14
parity    every kernel in every specialisation against the reference, in the simulator
mutants   every deliberately wrong variant of a kernel is caught
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from dlcore.backends.cupy import launcher, table

from . import binary, compiling, demands, mutants, names, report, simulated
from .compiling import ROOT

QUICK_ARCHITECTURES = (80, 90)
QUICK_MUTANTS = 1  # of each source
INTERPRETERS = (ROOT / ".venv-cuda" / "bin" / "python", ROOT / ".venv-cuda-13" / "bin" / "python")


class Findings:
    """The sections of the report, and what is wrong."""

    def __init__(self) -> None:
        self.sections: list[str] = []
        self.problems: list[str] = []

    def section(self, title: str, text: str, problems: Sequence[str], seconds: float) -> None:
        self.problems += problems
        wrong = "".join(f"\n- {problem}" for problem in problems)
        said = f"{len(problems)} problems{wrong}" if problems else "no problems"
        self.sections.append(f"## {title}\n\n{text}\n\n{said}")
        print(f"\n{title}: {text.splitlines()[0] if text else ''} ({seconds:.0f} s): {said}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="check", help=f"{', '.join(CHECKS)} (all)")
    parser.add_argument("--quick", action="store_true", help="a representative part of each")
    parser.add_argument("--jobs", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--report", type=Path, help="write the whole report, as Markdown, into this file")
    parser.add_argument(
        "--interpreter", action="append", type=Path,
        help="Python of an environment with CuPy, for `names` (those that make cuda-check sets up)",
    )  # fmt: skip
    arguments = parser.parse_args()
    if unknown := set(arguments.checks) - set(CHECKS):
        parser.error(f"no check {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    findings = Findings()
    for name in arguments.checks or CHECKS:
        CHECKS[name](arguments, findings)
    if arguments.report:
        arguments.report.parent.mkdir(parents=True, exist_ok=True)
        arguments.report.write_text("# CUDA kernels, checked without a GPU\n\n" + "\n\n".join(findings.sections) + "\n")
        print(f"report: {arguments.report}")
    print(f"cuda-check: {len(findings.problems)} problems")
    return bool(findings.problems)


def spread(options: argparse.Namespace, function: Callable[[Any], list[Any]], parts: Sequence[Any]) -> list[Any]:
    """The results of all parts, from several processes."""
    if options.jobs == 1 or len(parts) <= 1:
        return [result for part in parts for result in function(part)]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        return [result for results in pool.map(function, parts) for result in results]


# --- the checks -----------------------------------------------------------------------------------


def check_compilation(options: argparse.Namespace, findings: Findings) -> None:
    if reason := compiling.is_ready():
        raise SystemExit(reason)
    started = time.perf_counter()
    wanted = quick_jobs() if options.quick else compiling.jobs()
    results = list(compiling.everything(wanted, options.jobs))
    stated = {job.source: demands.read(launcher.source_text(job.source)) for job in wanted}
    problems, parameter_problems = [], []
    for job, found in results:
        problems += binary.problems(job, found, stated[job.source])
        parameter_problems += binary.parameter_problems(job, found)
    seconds = time.perf_counter() - started
    sources = {job.source for job in wanted}
    architectures = " ".join(f"sm_{a}" for a in sorted({job.architecture for job in wanted}))
    text = f"{len(wanted)} compilations of {len(sources)} sources for {architectures}"
    findings.section("Compilation", f"{text}\n\n{report.kernels(results, stated)}", problems, seconds)
    silent = "".join(f"\n- {line}" for line in report.unstated(stated))
    if shares := report.machine_code(results, stated):
        findings.sections.append(f"### Multiply-adds in the hot loop, of all its instructions\n\n{shares}")
    findings.sections.append(f"### Kernels that state nothing of their machine code\n{silent or 'none'}")
    findings.section("Parameters", "sizes, offsets and launch bounds in the binaries", parameter_problems, 0)


def quick_jobs() -> list[compiling.Job]:
    """Every source for two architectures, in float, with 32-bit indices where there is a choice."""
    first: dict[str, Mapping[str, str]] = {}
    for source, macros in table.specialisations():
        first.setdefault(source, macros)

    def keep(source: str, macros: Mapping[str, str]) -> bool:
        if macros == first[source]:
            return True
        scalar, index = macros.get("SCALAR", "float"), macros.get("INDEX", "int")
        return scalar == "float" and index == "int"

    return compiling.jobs(QUICK_ARCHITECTURES, keep)


def check_names(options: argparse.Namespace, findings: Findings) -> None:
    started = time.perf_counter()
    uses, surface = names.used(), names.surface()
    problems, versions = [], []
    for python in options.interpreter or INTERPRETERS:
        if not Path(python).exists():
            problems.append(f"{python} is not there: say make cuda-check, which sets it up")
            continue
        found = names.check(python, uses, surface)
        versions.append(found["version"])
        problems += [f"CuPy {found['version']}: {problem}" for problem in found["problems"]]
        problems += [f"CuPy {found['version']}: cannot be looked up: {what}" for what in found["unclear"]]
    text = f"{len(uses)} uses, {len(surface)} names of the simulator, in CuPy {', '.join(versions)}"
    findings.section("CuPy names and arguments", text, problems, time.perf_counter() - started)


def check_parity(options: argparse.Namespace, findings: Findings) -> None:
    started = time.perf_counter()
    runs = simulated.small_runs(limit=simulated.QUICK_SMALL if options.quick else simulated.SMALL)

    def carry_out(some: list[simulated.Run]) -> list[simulated.Outcome]:
        return spread(options, simulated.carried_out_all, simulated.split(some, 4 * options.jobs))

    outcomes, unreached = simulated.swept(carry_out, runs)
    problems = [f"{outcome.run}: {outcome.error}" for outcome in outcomes if outcome.error]
    problems += [f"never launched: {launch}" for launch in sorted(unreached)]
    size = len(simulated.everything())
    text = f"{len(outcomes)} cases in check mode reach {size - len(unreached)} of {size} specialised kernels"
    findings.section("Parity in check mode", text, problems, time.perf_counter() - started)

    started = time.perf_counter()
    cases = simulated.real_names(quick=options.quick)
    done = spread(options, simulated.real_all, [cases[i :: options.jobs] for i in range(options.jobs)])
    problems = [f"{name}: {error}" for name, error in done if error]
    findings.section("Parity of real sizes", f"{len(done)} cases in fast mode", problems, time.perf_counter() - started)


def check_mutants(options: argparse.Namespace, findings: Findings) -> None:
    started = time.perf_counter()
    listed = mutants.families()
    everything = [mutant for _, family in listed.values() for mutant in family]
    problems = mutants.missing(everything)
    chosen = set(mutants.sample(everything, QUICK_MUTANTS) if options.quick else everything)
    parts = [
        (primitives, part)
        for primitives, family in listed.values()
        for part in _portions([mutant for mutant in family if mutant in chosen])
    ]
    verdicts: list[mutants.Verdict] = spread(options, mutants.judged_part, parts)
    problems += [verdict.mistake for verdict in verdicts if verdict.mistake]
    problems += [f"survived: {verdict.mutant}" for verdict in verdicts if not verdict.mistake and not verdict.caught_by]
    rows = [
        [f"{v.mutant.source}.cu", v.mutant.kernel, f"`{v.mutant.text}` -> `{v.mutant.replacement}`", v.caught_by or "-"]
        for v in verdicts
    ]
    caught = sum(verdict.caught_by is not None for verdict in verdicts)
    text = f"{caught} of {len(verdicts)} wrong variants caught"
    listing = report.table(["source", "kernel", "variant", "caught by"], [[_cell(c) for c in row] for row in rows])
    findings.section("Mutants", f"{text}\n\n{listing}", problems, time.perf_counter() - started)


def _portions(family: list[mutants.Mutant], size: int = 16) -> list[list[mutants.Mutant]]:
    """A family in parts that several processes can share: each part first runs the cases on the unharmed kernels."""
    return [family[start : start + size] for start in range(0, len(family), size)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


CHECKS: dict[str, Callable[[argparse.Namespace, Findings], None]] = {
    "compile": check_compilation,
    "names": check_names,
    "parity": check_parity,
    "mutants": check_mutants,
}

if __name__ == "__main__":
    sys.exit(main())
