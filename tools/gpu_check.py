"""Everything that can be found out on a machine with an NVIDIA GPU, in one command and one report.

    python tools/gpu_check.py                       everything: an hour or less, mostly the tests
    python tools/gpu_check.py --list                the parts
    python tools/gpu_check.py --part tests:1/3      one part, or several; each takes less than 8 minutes
    python tools/gpu_check.py --resume              only parts that have no result yet

Needs Python 3.11 or newer, NumPy, CuPy for the machine's CUDA, safetensors, tqdm, matplotlib and pytest; dlcore itself
need not be installed. No network is used and nothing is written outside the checkout. Each part runs in a process of
its own, which is stopped after 8 minutes, and leaves a file in gpu-check/; gpu-check/gpu-report.md and .json are put
together from the files that are there. A part of the tests or the kernels that takes too long on some machine can be
cut finer: --part tests:1/8 ... --part tests:8/8.

Without a GPU that answers it says so in one line and ends with status 2; with something wrong, 1.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 480  # seconds for a part
#: Where the folders of the checkout lie once it is installed (tool.setuptools.package-dir in pyproject.toml).
PACKAGES = {"dlcore/backends": "backends", "dlcore/kernels": "kernels"}
#: Tests that are about this checkout, its documents, PyTorch or the simulator, not about the device.
NOT_FOR_A_GPU = ("tests/house", "tests/oracle", "tests/cusim", "tests/cuda/gates", "tests/test_")
SANITIZERS = ("memcheck", "racecheck", "synccheck", "initcheck")

Result = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", help="run this part alone; may be given several times")
    parser.add_argument("--resume", action="store_true", help="leave out parts that have a result")
    parser.add_argument("--list", action="store_true", help="list the parts and end")
    parser.add_argument("--out", type=Path, default=ROOT / "gpu-check", help="folder of the results (%(default)s)")
    parser.add_argument("--device", default="cuda", help="%(default)s, or cusim to see that this program runs")
    parser.add_argument("--tiny", action="store_true", help="as little as possible: the figures mean nothing")
    options = parser.parse_args()
    if options.list:
        print("\n".join(default_parts()))
        return 0
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    environment = environment_for(out, options.device)
    found = look_for_device(environment, options.device)
    if "problem" in found:
        print(f"gpu-check: no GPU: {found['problem']}")
        return 2
    (out / "machine.json").write_text(json.dumps(found, indent=1) + "\n")
    for part in options.part or default_parts():
        path = out / f"{part.replace(':', '-').replace('/', '-of-')}.json"
        if options.resume and path.exists() and json.loads(path.read_text())["device"] == options.device:
            print(f"{part}: has a result")
            continue
        print(f"{part} ...", flush=True)
        result = run_part(part, environment, options, out)
        path.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{part}: {result['status']} in {result['seconds']:.0f} s: {result['summary']}", flush=True)
        write_report(out)
    write_report(out)
    print(f"report: {out / 'gpu-report.md'}")
    return any(result["status"] not in ("passed", "skipped") for result in results(out).values())


def default_parts() -> list[str]:
    return [
        "parity", *(f"tests:{i}/4" for i in range(1, 5)), "demo", *(f"sanitizer:{tool}" for tool in SANITIZERS),
        *(f"kernels:{i}/3" for i in range(1, 4)),
    ]  # fmt: skip


# --- the machine ----------------------------------------------------------------------------------


def environment_for(out: Path, device: str) -> dict[str, str]:
    """Variables under which the checkout can be imported as if it were installed, and CuPy compiles into `out`."""
    package = out / "path" / "dlcore"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for entry in (ROOT / "dlcore").iterdir():
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for name, folder in PACKAGES.items():
        (package.parent / name).symlink_to(ROOT / folder)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DLCORE_")},
        "PYTHONPATH": os.pathsep.join([str(package.parent), str(ROOT)]),
        "PYTHONSAFEPATH": "1",  # the checkout's own dlcore/, without backends, must not be found first
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUPY_CACHE_DIR": str(out / "cupy-cache"),
        "XDG_CACHE_HOME": str(out / "cache"),
        "DLCORE_DEVICE": device,
    }


_ABOUT = """
import json, dlcore as dl
try:
    with dl.device({device!r}):
        device = dl.current_device()
        device.backend.synchronize()
        found = {{"device": device.backend.name, **device.backend.info()}}
except Exception as error:
    found = {{"problem": " ".join(str(error).split())}}
print(json.dumps(found))
"""


def look_for_device(environment: dict[str, str], device: str) -> dict[str, str]:
    """What the device says of itself; {"problem": why} if it does not answer."""
    done = subprocess.run(
        [sys.executable, "-c", _ABOUT.format(device=device)], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        return {"problem": " ".join((done.stderr or "no answer").split()[-40:])}
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    if "problem" in found:
        return found
    found |= {"python": platform.python_version(), "machine": platform.platform()}
    for name in ("numpy", "cupy-cuda13x", "cupy-cuda12x", "torch", "pytest"):
        if version := _version(name):
            found[name] = version
    if smi := shutil.which("nvidia-smi"):
        query = "name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit,persistence_mode"
        asked = subprocess.run([smi, f"--query-gpu={query}", "--format=csv,noheader"], capture_output=True, text=True)
        found["nvidia-smi"] = " / ".join(asked.stdout.strip().splitlines())
    commit = (
        subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
        if shutil.which("git")
        else None
    )
    if commit is not None and commit.returncode == 0:
        found["commit"] = commit.stdout.strip()
    return found


def _version(distribution: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


# --- parts ----------------------------------------------------------------------------------------


def run_part(part: str, environment: dict[str, str], options: argparse.Namespace, out: Path) -> Result:
    """The result of one part: status, summary, seconds, what it found and the end of what it printed."""
    kind, _, share = part.partition(":")
    if kind not in PARTS:
        raise SystemExit(f"there is no part {part}; there are {', '.join(default_parts())}")
    started = time.monotonic()
    result = PARTS[kind](share, environment, options, out)
    return {"part": part, "device": options.device, "seconds": time.monotonic() - started, **result}


def _run(command: list[str], environment: dict[str, str]) -> tuple[int | None, str]:
    """Exit status (None: stopped at the limit), and what was printed."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=LIMIT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as expired:
        text = expired.stdout or b""
        return None, text.decode(errors="replace") if isinstance(text, bytes) else text
    return done.returncode, done.stdout


def _ended(status: int | None, output: str, summary: str, **more: Any) -> Result:
    named = {0: "passed", None: "stopped after 8 minutes"}
    state = named.get(status, "failed" if status is not None and status > 0 else "crashed")
    return {"status": state, "summary": summary, **more, "output": output[-6000:]}


def run_tests(share: str, environment: dict[str, str], options: argparse.Namespace, out: Path) -> Result:
    """A share of the test suite, by files."""
    place, parts = map(int, share.split("/")) if share else (1, 1)
    files, left_out = test_files()
    chosen = files[place - 1 :: parts]
    if options.tiny:
        chosen = [path for path in files if path.endswith("tests/device/test_gpu.py")]
    report = out / f"tests-{place}-of-{parts}.xml"
    report.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "gpu_pytest",
        f"--junitxml={report}",
    ]
    environment = {**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(ROOT / "tools")])}
    status, output = _run([*command, *chosen], environment)
    counts: dict[str, Any] = {"files": len(chosen), "left out": left_out}
    failures = []
    if report.exists():
        suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
        counts |= {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
        for case in suite.iter("testcase"):
            for bad in [*case.iter("failure"), *case.iter("error")]:
                said = " ".join((bad.get("message") or "").split())[:300]
                failures.append(f"{case.get('classname')}::{case.get('name')}: {said}")
    summary = ", ".join(f"{value} {name}" for name, value in counts.items() if name != "left out")
    return _ended(status, output, summary, counts=counts, failures=failures)


def test_files() -> tuple[list[str], dict[str, str]]:
    """The test files that can run on this machine's GPU, and those that cannot, with the reason."""
    files, left_out = [], {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        missing = sorted({module for module in _imported(path) if importlib.util.find_spec(module) is None})
        if name.startswith(NOT_FOR_A_GPU):
            continue
        if missing:
            left_out[name] = f"needs {', '.join(missing)}"
        else:
            files.append(name)
    return files, left_out


def _imported(path: Path) -> set[str]:
    """The top-level packages that a file imports when it is imported itself, but for the project's own."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    own = {"dlcore", "tools", "benchmarks", *(entry.stem for entry in (ROOT / "tests").iterdir())}
    return found - own


def run_inside(what: str) -> Callable[..., Result]:
    """A part that is a function of gpu_parts.py, which prints its findings as JSON in its last line."""

    def run(share: str, environment: dict[str, str], options: argparse.Namespace, out: Path) -> Result:
        status, output = _run(_inside(what, options), environment)
        return _ended(status, output, *_last_line(output))

    return run


def _inside(what: str, options: argparse.Namespace) -> list[str]:
    tiny = ["--tiny"] if options.tiny else []
    return [sys.executable, str(ROOT / "tools" / "gpu_parts.py"), what, "--device", options.device, *tiny]


def _last_line(output: str) -> tuple[str]:
    return (output.rstrip().rsplit("\n", 1)[-1][:500],)


def run_sanitizer(tool: str, environment: dict[str, str], options: argparse.Namespace, out: Path) -> Result:
    """A few cases of every primitive under one tool of compute-sanitizer."""
    program = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    if program is None:
        return {"status": "skipped", "summary": "compute-sanitizer is not installed"}
    command = [program, "--tool", tool, "--error-exitcode", "9", "--print-limit", "20", *_inside("parity-few", options)]
    # Without CuPy's pool each array is an allocation of its own, so that what lies beside it is nobody's.
    status, output = _run(command, {**environment, "DLCORE_GPU_CHECK_NO_POOL": "1"})
    said = [line for line in output.splitlines() if "ERROR SUMMARY" in line or "RACECHECK SUMMARY" in line]
    return _ended(status, output, said[-1] if said else _last_line(output)[0])


def run_kernels(share: str, environment: dict[str, str], options: argparse.Namespace, out: Path) -> Result:
    """A share of the kernels, timed against their floors."""
    path = out / "kernels.tmp"
    path.unlink(missing_ok=True)
    tiny = ["--tiny", "SGD"] if options.tiny else []
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", options.device, "--share", share or "1/1"]
    status, output = _run([*command, "--json", str(path), *tiny], environment)
    if not path.exists():
        return _ended(status or 1, output, _last_line(output)[0])
    figures = json.loads(path.read_text())
    path.unlink()
    wrong = [row["name"] for row in figures["rows"] if row.get("problem")]
    return _ended(status, output, f"{len(figures['rows'])} cases, {len(wrong)} wrong", figures=figures)


PARTS: dict[str, Callable[[str, dict[str, str], argparse.Namespace, Path], Result]] = {
    "parity": run_inside("parity"),
    "tests": run_tests,
    "demo": run_inside("demo"),
    "sanitizer": run_sanitizer,
    "kernels": run_kernels,
}


# --- the report -----------------------------------------------------------------------------------


def results(out: Path) -> dict[str, Result]:
    """The results that lie in the folder, by part, in the order in which parts run."""
    found = {}
    for path in sorted(out.glob("*.json")):
        result = json.loads(path.read_text())
        if "part" in result:
            found[result["part"]] = result
    order = {part: place for place, part in enumerate(default_parts())}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))


def write_report(out: Path) -> None:
    """gpu-report.json and gpu-report.md, from what is there."""
    machine = json.loads((out / "machine.json").read_text())
    found = results(out)
    (out / "gpu-report.json").write_text(json.dumps({"machine": machine, "parts": found}, indent=1) + "\n")
    lines = ["# dlcore on a GPU", "", *(f"- {name}: {value}" for name, value in machine.items()), ""]
    lines += ["| part | status | seconds | summary |", "|---|---|---|---|"]
    lines += [
        f"| {part} | {result['status']} | {result['seconds']:.0f} | {result['summary'].replace('|', '/')} |"
        for part, result in found.items()
    ]
    missing = [part for part in default_parts() if part not in found]
    if missing:
        lines += ["", f"Without a result: {', '.join(missing)}"]
    for part, result in found.items():
        if result["status"] not in ("passed", "skipped"):
            failures = "".join(f"- {failure}\n" for failure in result.get("failures", []))
            lines += [
                "",
                f"## {part}: {result['status']}",
                "",
                failures or f"```\n{result.get('output', '')[-3000:]}\n```",
            ]
        if left_out := result.get("counts", {}).get("left out"):
            lines += ["", f"{part}: left out: " + "; ".join(f"{name} {why}" for name, why in left_out.items())]
    figures = [result["figures"] for result in found.values() if result.get("figures")]
    if figures:
        sys.path.insert(0, str(out / "path"))
        sys.path.insert(0, str(ROOT))
        from benchmarks.gpu.table import markdown

        lines += ["", "## Kernels against their floors", ""]
        lines += ["\n\n".join(markdown(share) for share in figures)]
    (out / "gpu-report.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
