"""The command for machines with a GPU, run where there is none, and on the simulator in its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools import gpu_check

ROOT = gpu_check.ROOT


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "gpu_check.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_without_a_gpu_it_says_so_in_one_line(tmp_path: Path) -> None:
    done = run("--out", str(tmp_path), CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2, done.stdout
    assert done.stdout.startswith("gpu-check: no GPU: device 'cuda' cannot be used: ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_parts_on_the_simulator_make_a_report_that_can_be_resumed(tmp_path: Path) -> None:
    options = ("--out", str(tmp_path), "--device", "cusim", "--tiny")
    first = run(*options, "--part", "kernels:1/2")
    assert first.returncode == 0, first.stdout + first.stderr
    second = run(*options, "--resume", "--part", "kernels:1/2", "--part", "sanitizer:memcheck")
    assert "kernels:1/2: has a result" in second.stdout
    report = (tmp_path / "gpu-report.md").read_text()
    assert "| kernels:1/2 | passed |" in report
    assert "| sanitizer:memcheck | skipped |" in report
    assert "Without a result: parity, tests:1/4" in report
    assert "| case | error | floor us |" in report
    assert json.loads((tmp_path / "gpu-report.json").read_text())["parts"]["kernels:1/2"]["figures"]["rows"]


@pytest.fixture
def options(tmp_path: Path) -> Any:
    return SimpleNamespace(device="cusim", tiny=False, out=tmp_path)


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("print('fine')", "passed"),
        ("raise SystemExit(1)", "failed"),
        ("import os; os.abort()", "crashed"),
        ("import time; time.sleep(60)", "stopped after 8 minutes"),
    ],
)
def test_how_parts_end(program: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_check, "LIMIT", 3)
    ended = gpu_check._ended(*gpu_check._run([sys.executable, "-c", program], dict(os.environ)), "")
    assert ended["status"] == status


def test_failed_tests_are_named_in_the_report(tmp_path: Path, options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "test_bad.py"
    bad.write_text(
        "def test_one():\n    pass\n"
        "def test_two():\n    assert 1 == 2\n"
        "def test_three():\n    from dlcore import _build\n    _build.find_compiler('c++')\n"
    )
    monkeypatch.setattr(gpu_check, "test_files", lambda: ([str(bad)], {"tests/x.py": "needs scipy"}))
    environment = gpu_check.environment_for(tmp_path, "numpy") | {"CXX": "no-such-compiler"}
    result = gpu_check.run_part("tests:1/1", environment, options, tmp_path)
    assert result["status"] == "failed"
    assert {name: result["counts"][name] for name in ("tests", "failures", "skipped")} == {
        "tests": 3, "failures": 1, "skipped": 1,  # without a compiler for the simulator
    }  # fmt: skip
    assert result["failures"][0].endswith("test_bad::test_two: assert 1 == 2")
    (tmp_path / "machine.json").write_text('{"device": "planted"}')
    (tmp_path / "tests-1-of-1.json").write_text(json.dumps(result))
    gpu_check.write_report(tmp_path)
    report = (tmp_path / "gpu-report.md").read_text()
    assert "## tests:1/1: failed" in report
    assert "test_two: assert 1 == 2" in report
    assert "left out: tests/x.py needs scipy" in report


def test_every_test_file_is_chosen_or_left_out_for_a_reason() -> None:
    files, left_out = gpu_check.test_files()
    assert "tests/primitives/test_parity.py" in files
    assert not any(name.startswith(gpu_check.NOT_FOR_A_GPU) for name in files)
    assert all(reason.startswith("needs ") for reason in left_out.values())
    assert "numpy" not in " ".join(left_out.values())


def test_the_checkout_is_found_as_if_installed(tmp_path: Path) -> None:
    environment = gpu_check.environment_for(tmp_path, "cusim")
    program = "import dlcore.backends.cupy, dlcore.kernels as k; print(dlcore.__file__, k.__file__)"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == [
        str(tmp_path / "path" / "dlcore" / name) for name in ("__init__.py", "kernels/__init__.py")
    ]


def test_an_unknown_part(options: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no part paritys; there are parity, tests:1/4"):
        gpu_check.run_part("paritys", {}, options, tmp_path)
