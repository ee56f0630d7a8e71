"""The simulator's commands: `python -m dlcore.backends.cusim report` and `check`; see docs/cusim.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it found nothing, 1 if it found something, 2 if it cannot do what it was asked for."""
    parser = argparse.ArgumentParser(prog="python -m dlcore.backends.cusim", description="CUDA kernels on the CPU")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    report = commands.add_parser("report", help="run a script on the simulator in check mode; what its kernels did")
    report.add_argument("script", metavar="SCRIPT.py")
    report.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="arguments of the script")
    check = commands.add_parser("check", help="run the kernels of a CUDA file with every check")
    check.add_argument("source", type=Path, metavar="KERNELS.cu")
    check.add_argument("--launch", type=Path, metavar="DESCRIPTION.toml", help="default: KERNELS.toml")
    check.add_argument("--arch", type=int, default=80, metavar="N", help="sm_N, for registers and spills (default: 80)")
    check.add_argument("--errors-only", action="store_true", help="wasted memory traffic is told, but is no finding")
    chosen = parser.parse_args(arguments)
    if chosen.command == "report":
        from . import report as reporting

        return reporting.run(chosen.script, chosen.arguments)
    from . import check as checking

    return checking.run(chosen.source, chosen.launch, chosen.arch, chosen.errors_only)


if __name__ == "__main__":
    sys.exit(main())
