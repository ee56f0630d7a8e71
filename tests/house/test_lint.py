"""The checks themselves: mypy as `make lint` runs it looks into backends/, too."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_finds_a_type_error_planted_in_backends(tmp_path: Path) -> None:
    """`make lint` runs mypy without arguments, so what it checks stands in pyproject.toml; so does this test."""
    assert "-m mypy\n" in (ROOT / "Makefile").read_text()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("dlcore", "backends", "kernels"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "backends" / "planted.py").write_text('def count() -> int:\n    return "three"\n')
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1, done.stderr
    assert 'backends/planted.py:2: error: Incompatible return value type (got "str", expected "int")' in done.stdout


def test_no_package_index_is_named() -> None:
    """The set-up works wherever pip works: mirrors and proxies are the user's settings."""
    for name in ("Makefile", ".ci/run", "pyproject.toml", "tools/wheel_check.py"):
        text = (ROOT / name).read_text()
        for word in ("index-url", "find-links", "trusted-host", "http://", "https://"):
            assert word not in text, f"{name} names {word}"


def test_only_the_ci_script_may_name_data_beside_the_checkout() -> None:
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    files = [*ROOT.iterdir(), *(path for folder in folders for path in folder.rglob("*"))]
    ours = [path for path in files if path.suffix in (".py", ".md", ".toml") or path.name == "Makefile"]
    assert len(ours) > 20
    named = [path.name for path in ours if "../" + "shared" in path.read_text(encoding="utf-8")]
    assert named == []
