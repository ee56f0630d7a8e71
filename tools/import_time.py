"""How long `import dlcore` takes, beside `import numpy`: the house allows 1.5 times.

    python tools/import_time.py [rounds]

Fresh interpreters in turn, so that whatever else the machine does falls on both; the medians are compared. What is
measured is the import statement alone, without the start of the interpreter. No test depends on it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
MODULES = ("numpy", "dlcore")


def main(rounds: int) -> None:
    seconds: dict[str, list[float]] = {module: [] for module in MODULES}
    with tempfile.TemporaryDirectory() as elsewhere:  # not the checkout: it would be searched first
        # Both are read from byte code, also where the environment forbids writing it.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": os.path.join(elsewhere, "bytecode")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(rounds + 1):
            for module in MODULES:
                command = [sys.executable, "-c", PROGRAM.format(module)]
                done = subprocess.run(
                    command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=True
                )
                if turn:  # the first one compiles
                    seconds[module].append(float(done.stdout))
    numpy, dlcore = (statistics.median(seconds[module]) for module in MODULES)
    print(f"import numpy   {1000 * numpy:6.1f} ms   (median of {rounds})")
    print(f"import dlcore  {1000 * dlcore:6.1f} ms   {dlcore / numpy:.2f} times NumPy's")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
