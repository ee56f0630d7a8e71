"""The Makefile: what `make full` adds to the other targets. Its recipe is run with `echo` instead of Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("lint", "test", "oracle", "demo", "wheel-check", "test-cusim", "cuda-check")
DONE = [part for target in TARGETS for part in ("-o", target)]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make_full(run: str, data: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")} | {"DLCORE_DATA": data}
    command = ["make", "full", *DONE, f"RUN={run}"]
    stamps = _stamps()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert _stamps() == stamps, "what only echoes was taken for an installation"
    return done


def _stamps() -> dict[Path, float]:
    return {path: path.stat().st_mtime for path in ROOT.glob(".venv*/.*installed")}


def test_full_trains_on_mnist_where_it_is_and_says_so_where_it_is_not() -> None:
    with_data, without = make_full("echo ran", "somewhere"), make_full("echo ran", "")
    assert (with_data.returncode, without.returncode) == (0, 0)
    assert "ran tools/mnist_accuracy.py\n" in with_data.stdout
    assert "ran tools/mnist_accuracy.py\n" not in without.stdout
    assert "tools/mnist_accuracy.py: skipped, as DLCORE_DATA does not say" in without.stdout
    assert "ran benchmarks/mlp_step.py\n" in with_data.stdout
    assert "ran benchmarks/mlp_step.py\n" in without.stdout


def test_full_fails_with_the_training_but_not_with_the_benchmark() -> None:
    assert make_full("sh -c 'case $$0 in *mnist*) exit 1; esac'", "somewhere").returncode != 0
    assert make_full("sh -c 'case $$0 in *mlp*) exit 1; esac'", "somewhere").returncode == 0
