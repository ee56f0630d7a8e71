"""Time the GPU's kernels against their floors.

    python -m benchmarks.gpu                          all cases on `cuda`
    python -m benchmarks.gpu conv2d Adam              the cases whose names contain one of the words
    python -m benchmarks.gpu --json times.json --markdown times.md
    python -m benchmarks.gpu --device cusim --tiny    run the code on the simulator; the times mean nothing

Each case is first compared with float64. The floor of a case is the larger of its least bytes at the rate of a copy
and its operations at the rate of cuBLAS' float32 product, both measured in the same run. Peers are timed in turn
with ours. `hot`, `cold` and `host`: see timing.py.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import dlcore as dl

from . import peers
from .cases import Case, find
from .correctness import error_of, on_device
from .table import markdown
from .timing import TINY, Effort, Rates, Timer, rates

TINY_DIVIDE = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only cases whose names contain one of these")
    parser.add_argument("--device", default="cuda", help="%(default)s")
    parser.add_argument("--share", default="1/1", help="such as 2/3: the second of three parts of the cases")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    parser.add_argument("--markdown", type=Path, help="write the table into this file")
    parser.add_argument("--tiny", action="store_true", help="small arrays, one call each: does the code run?")
    options = parser.parse_args()
    place, parts = map(int, options.share.split("/"))
    cases = find(options.words)[place - 1 :: parts]
    with dl.device(options.device):
        result = run(dl.current_device().backend, cases, options.tiny)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(markdown(result) + "\n")
    print(markdown(result))
    return any(row.get("problem") for row in result["rows"])


def run(backend: Any, cases: list[Case], tiny: bool = False) -> dict[str, Any]:
    """Check and time the cases on a CUDA backend; what --json writes."""
    cp = backend.launcher.cp
    timer = Timer(cp, TINY if tiny else Effort())
    found = rates(cp, timer)
    rows = []
    for case in cases:
        started = time.perf_counter()
        row = measure(backend, timer, found, case, tiny)
        rows.append(row)
        print(f"{case.name}: {row.get('problem') or 'done'} ({time.perf_counter() - started:.1f} s)", file=sys.stderr)
    return {"about": about(backend, timer, found), "rows": rows}


def measure(backend: Any, timer: Timer, found: Rates, case: Case, tiny: bool) -> dict[str, Any]:
    batch, divide = (2, TINY_DIVIDE) if tiny else (case.batch, 1)
    work = case.make(np.random.default_rng(0), batch, divide)
    row: dict[str, Any] = {
        "name": case.name, "primitive": case.primitive, "bytes": work.bytes, "flops": work.flops,
        "floor_us": found.floor(work.bytes, work.flops),
    }  # fmt: skip
    started = time.perf_counter()
    error, problem = error_of(backend, case, work)
    row["first_call_seconds"] = time.perf_counter() - started  # compilation, and the float64 result on the host
    row["error"] = error if np.isfinite(error) else None
    if problem:
        return row | {"problem": problem}
    arguments, keywords = on_device(backend, work)
    primitive = getattr(backend, case.primitive)
    calls = {"ours": lambda: primitive(*arguments, **keywords)}
    unable = {}
    for name, call in peers.calls(backend, case, work, arguments).items():
        try:
            call()
            calls[name] = call
        except Exception as error:  # not enough memory for im2col, say
            unable[name] = {"problem": f"{type(error).__name__}: {error}"}
    row["times"] = {name: times.as_json() for name, times in timer.measure_in_turn(calls).items()} | unable
    row["percent_of_floor"] = 100 * row["floor_us"] / row["times"]["ours"]["cold"]["median"]
    return row


def about(backend: Any, timer: Timer, found: Rates) -> dict[str, Any]:
    """What one has to know to compare the figures with others."""
    versions = {"python": platform.python_version(), "numpy": np.__version__, "dlcore": dl.__version__}
    if (torch := sys.modules.get("torch")) is not None:
        versions["torch"] = torch.__version__
    return {
        "device": backend.name,
        **versions,
        **backend.info(),
        "L2 bytes": timer.l2_bytes,
        "effort": timer.effort.as_json(),
        "copy GB/s": found.copy / 1e9,
        "float32 GEMM TFLOP/s": found.gemm / 1e12,
        "TF32 GEMM TFLOP/s": None if found.gemm_tf32 is None else found.gemm_tf32 / 1e12,
        "TF32": "off in dlcore and cuBLAS float32; PyTorch is timed with and without",
    }


if __name__ == "__main__":
    sys.exit(main())
