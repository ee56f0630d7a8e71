"""What was found, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .compiling import Job
from .demands import OF_CODE, Demand


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def kernels(
    results: Sequence[tuple[Job, Mapping[str, Any]]], demands: Mapping[str, Mapping[str, Sequence[Demand]]]
) -> str:
    """Registers by kernel and architecture (the most of all specialisations), its budget, spills and local memory."""
    architectures = sorted({job.architecture for job, _ in results})
    most: dict[tuple[str, str], dict[int, int]] = {}
    other: dict[tuple[str, str], list[int]] = {}
    specialisations: dict[str, set[Any]] = {}
    for job, found in results:
        specialisations.setdefault(job.source, set()).add(job.macros)
        for kernel, facts in found.get("kernels", {}).items():
            key = (job.source, kernel)
            registers = most.setdefault(key, {})
            registers[job.architecture] = max(registers.get(job.architecture, 0), facts["registers"])
            worst = other.setdefault(key, [0, 0, 0])
            values = (facts["spill_stores"] + facts["spill_loads"], facts["stack"], facts["shared"])
            other[key] = [max(pair) for pair in zip(worst, values, strict=True)]
    rows = []
    for (source, kernel), registers in sorted(most.items()):
        budgets = [str(d.value) for d in demands[source].get(kernel, ()) if d.kind == "registers"]
        rows.append([
            f"{source}.cu", kernel, len(specialisations[source]), *(registers.get(a, "") for a in architectures),
            "/".join(budgets) or "none", *other[source, kernel],
        ])  # fmt: skip
    header = ["source", "kernel", "specialisations", *(f"sm_{a}" for a in architectures), "budget", "spilled bytes"]
    return table([*header, "local", "shared"], rows)


def machine_code(
    results: Sequence[tuple[Job, Mapping[str, Any]]], demands: Mapping[str, Mapping[str, Sequence[Demand]]]
) -> str:
    """For kernels with multiply-adds in a loop, in float: their share by architecture; what is stated beside them."""
    architectures = sorted({job.architecture for job, _ in results})
    shares: dict[tuple[str, str, str], dict[int, str]] = {}
    for job, found in results:
        macros = dict(job.macros)
        if macros.get("SCALAR", "float") != "float":
            continue
        named = " ".join(f"{name}={value}" for name, value in macros.items() if name != "SCALAR")
        for kernel, facts in found.get("kernels", {}).items():
            hot = facts.get("code", {}).get("hot")
            stated = {d.kind for d in demands[job.source].get(kernel, ())} & {"ffma", "lds"}
            if hot and stated:
                share = f"{100 * hot['ffma'] / hot['instructions']:.0f}%"
                shares.setdefault((job.source, kernel, named), {})[job.architecture] = share
    rows = [
        [f"{source}.cu", kernel, named, *(found.get(a, "") for a in architectures)]
        for (source, kernel, named), found in sorted(shares.items())
    ]
    return table(["source", "kernel", "specialisation", *(f"sm_{a}" for a in architectures)], rows) if rows else ""


def unstated(demands: Mapping[str, Mapping[str, Sequence[Demand]]]) -> list[str]:
    """Kernels that say nothing of their multiply-adds or of the width of their accesses."""
    return [
        f"{source}.cu: {kernel}"
        for source, kernels in sorted(demands.items())
        for kernel, stated in kernels.items()
        if not {demand.kind for demand in stated} & set(OF_CODE)
    ]
