"""`python -m dlcore.backends.cusim report SCRIPT.py`: a script run in check mode, and what its kernels did."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from . import counters
from .engine import KernelError
from .totals import by_kernel, readable, table


def run(script: str, arguments: Sequence[str]) -> int:
    """Run `script` with `arguments` and print the report.

    Returns:
        0; 1 if a kernel did something wrong, or the script raised or exited with another status; 2 if it is not there.
    """
    if not Path(script).is_file():
        print(f"report: there is no file {script!r}", file=sys.stderr)
        return 2
    os.environ["DLCORE_DEVICE"] = "cusim"
    os.environ["DLCORE_CUSIM_CHECK"] = "1"
    sys.argv = [script, *arguments]
    sys.path[:0] = [str(Path(script).resolve().parent)]
    status = 0
    with counters.record() as record:
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as stop:
            status = 0 if stop.code in (None, 0) else 1
            if isinstance(stop.code, str):
                print(stop.code, file=sys.stderr)
        except KernelError as error:
            status = 1
            print(f"\n{error.kind}: {error}", file=sys.stderr)
        except Exception:
            status = 1
            traceback.print_exc()
    print()
    print("\n".join(summary(record)))
    return status


def summary(record: counters.Record) -> list[str]:
    """What was counted while a script ran, as lines of text."""
    statistics = [each for launches in record.statistics.values() for each in launches]
    copied = (
        f"copies: {record.copies} on the device ({readable(record.copied_bytes)}),"
        f" {record.host_to_device} to it ({readable(record.host_to_device_bytes)}),"
        f" {record.device_to_host} from it ({readable(record.device_to_host_bytes)})"
    )
    waits = ", ".join(f"{name} {count}" for name, count in record.by_synchronisation.most_common())
    return [
        *table(by_kernel(statistics)),
        "",
        f"launches: {record.launches}, of these {record.by_kernel.total()} of the kernels above",
        copied,
        f"allocations from the driver: {record.allocations} ({readable(record.allocated_bytes)})",
        f"host synchronisations: {record.synchronisations}{f' ({waits})' if waits else ''}",
    ]
