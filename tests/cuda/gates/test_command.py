"""The command: what it prints, writes and ends with."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tools.cuda_check import __main__ as command
from tools.cuda_check import report
from tools.cuda_check.compiling import Job
from tools.cuda_check.demands import read


def run(monkeypatch: pytest.MonkeyPatch, problems: list[str], *arguments: str) -> int:
    def check(options: argparse.Namespace, findings: command.Findings) -> None:
        findings.section("Planted", "one thing looked at", problems, 0)

    monkeypatch.setattr(command, "CHECKS", {"planted": check})
    monkeypatch.setattr("sys.argv", ["cuda_check", *arguments])
    return command.main()


def test_a_problem_ends_in_an_error_and_stands_in_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "report.md"
    assert run(monkeypatch, ["this is wrong"], "planted", "--report", str(path)) == 1
    assert "cuda-check: 1 problems" in capsys.readouterr().out
    assert "## Planted\n\none thing looked at\n\n1 problems\n- this is wrong\n" in path.read_text()


def test_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, []) == 0


def test_an_unknown_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, [], "plants")
    assert "no check plants; there are planted" in capsys.readouterr().err


def test_quick_compiles_every_source() -> None:
    every, quick = command.compiling.jobs(), command.quick_jobs()
    assert {job.source for job in quick} == {job.source for job in every}
    assert {job.architecture for job in quick} == set(command.QUICK_ARCHITECTURES)
    assert len(quick) < len(every) / 5


def test_tables() -> None:
    def found(registers: int) -> dict[str, object]:
        facts = {"registers": registers, "spill_stores": 0, "spill_loads": 0, "stack": 0, "shared": 128}
        code = {"hot": {"instructions": 100, "ffma": 81, "lds": {"128": 4}}}
        return {"kernels": {"gemm": facts | {"code": code}, "other": facts}, "functions": {}}

    stated = {"conv": read('// registers: 64\n// ffma: 80%\nextern "C" __global__ void gemm() {}')}
    results = [(Job("conv", (("SCALAR", s), ("TILE", "8")), 80), found(n)) for s, n in (("float", 40), ("double", 60))]
    assert "| conv.cu | gemm | 2 | 60 | 64 | 0 | 0 | 128 |" in report.kernels(results, stated)
    assert "| conv.cu | other | 2 | 60 | none | 0 | 0 | 128 |" in report.kernels(results, stated)
    assert "| conv.cu | gemm | TILE=8 | 81% |" in report.machine_code(results, stated)
    assert report.unstated(stated | {"b": {"plain": []}}) == ["b.cu: plain"]
