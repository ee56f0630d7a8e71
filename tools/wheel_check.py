"""Builds the wheel as a release would, and checks it as a user would meet it.

    python tools/wheel_check.py

1. The working tree, without what git ignores, is copied, so that no stale build/ takes part; the sdist is built from
   the copy and the wheel from the sdist.
2. The files in the wheel are the tracked files of dlcore/, backends/ and kernels/: each one, and no other.
3. The wheel is installed with its dependencies into an empty environment, and tools/wheel_smoke.py runs there.

Needs git, the packages of the extra `dev`, and a package index that pip can reach.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Where the folders of the checkout lie in the wheel (tool.setuptools.package-dir in pyproject.toml).
FOLDERS = {"dlcore/": "dlcore/", "backends/": "dlcore/backends/", "kernels/": "dlcore/kernels/"}


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    # What would make the environment less empty than a user's stays outside.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DLCORE_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def git_files(*options: str) -> list[str]:
    listed = run("git", "ls-files", "-z", *options).split("\0")
    return [name for name in listed if name and (ROOT / name).is_file()]


def build(work: Path) -> Path:
    """The wheel, built from the sdist, built from a copy of the working tree."""
    tree = work / "tree"
    for name in git_files("--cached", "--others", "--exclude-standard"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    run(sys.executable, "-m", "build", "--outdir", work / "dist", tree)  # without options: sdist, then wheel from it
    (wheel,) = (work / "dist").glob("*.whl")
    return wheel


def compare(wheel: Path, tracked: list[str]) -> int:
    """The number of files in the wheel. Ends the program if they are not the tracked ones."""
    expected = {
        inside + name.removeprefix(top) for name in tracked for top, inside in FOLDERS.items() if name.startswith(top)
    }
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    found = {name for name in names if ".dist-info/" not in name}
    for licence in ("LICENSE", "dlcore/data/LICENSE-digits.txt", "dlcore/data/LICENSE-tables.txt"):
        if not any(name.endswith(f".dist-info/licenses/{licence}") for name in names):
            raise SystemExit(f"the wheel lacks the licence {licence}")
    problems = [f"tracked, but not in the wheel: {name}" for name in sorted(expected - found)]
    problems += [f"in the wheel, but not tracked: {name}" for name in sorted(found - expected)]
    if problems:
        raise SystemExit("\n".join([*problems, "git add or remove them, or see package-data in pyproject.toml"]))
    return len(found)


def try_out(wheel: Path, work: Path) -> str:
    """Install the wheel into an empty environment and use it from another folder."""
    environment = work / "environment"
    elsewhere = work / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "venv", environment)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "--disable-pip-version-check", "install", wheel, cwd=elsewhere)
    shutil.copy2(ROOT / "tools" / "wheel_smoke.py", elsewhere)
    return run(python, "wheel_smoke.py", cwd=elsewhere)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel = build(work)
        count = compare(wheel, git_files())
        print(f"{wheel.name}: {count} files, each of them tracked, {wheel.stat().st_size / 1024:.0f} KB")
        print(try_out(wheel, work), end="")


if __name__ == "__main__":
    main()
