"""The compiled kernels against what is written beside them, and their parameters against what the launcher packs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlcore.backends.cupy import launcher

from .compiling import Job
from .demands import Demand, demanded

POINTER_BYTES = 8


def problems(job: Job, found: Mapping[str, Any], demands: Mapping[str, list[Demand]]) -> list[str]:
    """What is wrong with one compiled specialisation, as lines that name it."""
    if "error" in found:
        return [f"{job}: does not compile:\n{found['error']}"]
    wrong = []
    for function, used in found["functions"].items():
        if used.get("spill_stores") or used.get("spill_loads"):
            wrong.append(f"{job}: {function}, which is called by the kernels, spills registers")
    for kernel, facts in found["kernels"].items():
        if kernel not in demands:
            wrong.append(f"{job}: {kernel}: not found in the source's text, so that its demands cannot be read")
            continue
        macros = dict(launcher.expanded(dict(job.macros)))

        def demand(kind: str, kernel: str = kernel, macros: Mapping[str, str] = macros) -> Demand | None:
            return demanded(demands[kernel], kind, macros, job.architecture)

        code = _code(facts["code"], demand) if "code" in facts else []
        for line in [*_resources(facts, demand), *code]:
            wrong.append(f"{job}: {kernel}: {line}")
    return wrong


def _resources(facts: Mapping[str, Any], demand: Any) -> list[str]:
    wrong = []
    budget, local = demand("registers"), demand("local")
    if budget is None:
        wrong.append("has no budget: write `// registers: N` above it")
    elif facts["registers"] > budget.value:
        wrong.append(f"{facts['registers']} registers, the budget is {budget.value}")
    if facts["spill_stores"] or facts["spill_loads"]:
        wrong.append(f"spills registers: {facts['spill_stores']} bytes of stores, {facts['spill_loads']} of loads")
    allowed = local.value if local else 0
    if facts["stack"] > allowed:
        wrong.append(f"{facts['stack']} bytes of local memory, {allowed} are stated")
    return wrong


def _code(code: Mapping[str, Any], demand: Any) -> list[str]:
    """The machine code against what is stated of it."""
    wrong = []
    hot = code["hot"]
    for kind in ("ffma", "lds", "ahead"):
        if demand(kind) and hot is None:
            wrong.append(f"no loop has a multiply-add, `{kind}` is stated")
    if hot is not None and (ffma := demand("ffma")):
        share = 100 * hot["ffma"] / hot["instructions"]
        if share < ffma.value:
            wrong.append(
                f"{share:.1f}% of the hot loop are multiply-adds ({hot['ffma']} of {hot['instructions']}), "
                f"{ffma.value}% are stated"
            )
    if hot is not None and (lds := demand("lds")):
        narrower = sum(count for bits, count in hot["lds"].items() if int(bits) < lds.value)
        if narrower > lds.exceptions or not hot["lds"]:
            wrong.append(f"shared-memory loads of the hot loop by width: {hot['lds']}, {lds.value} bits are stated")
    if hot is not None and (ahead := demand("ahead")) and hot["ahead"] < ahead.value:
        wrong.append(
            f"{hot['ahead']} multiply-adds between the last global load of the hot loop and its store, "
            f"{ahead.value} are stated"
        )
    if vector := demand("vector"):
        for kind in (vector.only,) if vector.only else ("loads", "stores"):
            wrong += _accesses(kind, code, vector)
    if scalar := demand("scalar"):
        for kind in (scalar.only,) if scalar.only else ("loads", "stores"):
            if code[kind]:
                wrong.append(f"global {kind} by width: {code['widths'][kind]}, `scalar` is stated")
    return wrong


def _accesses(kind: str, code: Mapping[str, Any], vector: Demand) -> list[str]:
    """All loads (stores) beside one of 128 bits, in the same basic block, are as wide; and there is one."""
    if code["widths"][kind] and not code[kind]:
        return [f"global {kind} by width: {code['widths'][kind]}, none of {vector.value} bits"]
    return [
        f"global {kind} by width in one block of the machine code: {block}, {vector.value} bits are stated"
        for block in code[kind]
        if sum(count for bits, count in block.items() if int(bits) < vector.value) > vector.exceptions
    ]


def parameter_problems(job: Job, found: Mapping[str, Any]) -> list[str]:
    """Parameters and launch bounds in the binary against the launcher's reading of the source."""
    if "error" in found or not job.parameters:
        return []
    wrong = []
    signatures = launcher.signatures(job.text())
    for missing in signatures.keys() ^ found["kernels"].keys():
        wrong.append(f"{job}: {missing}: only in the {'source' if missing in signatures else 'binary'}")
    for kernel in signatures.keys() & found["kernels"].keys():
        signature, facts = signatures[kernel], found["kernels"][kernel]
        expected, end = [], 0
        for parameter in signature.parameters:
            size = POINTER_BYTES if parameter.pointer else parameter.dtype.itemsize
            start = -(-end // size) * size  # each lies at a multiple of its size
            expected.append([start, size])
            end = start + size
        if expected != facts["parameters"]:
            wrong.append(
                f"{job}: {kernel}: (offset, size) of the parameters: the launcher packs {expected}, "
                f"the binary has {facts['parameters']}"
            )
        if signature.max_threads not in (None, facts["max_threads"]):  # None: not a plain number in the source
            wrong.append(
                f"{job}: {kernel}: __launch_bounds__: the launcher reads {signature.max_threads}, "
                f"the binary has {facts['max_threads']}"
            )
    return wrong
