"""The check of wrong variants tells those that are caught from those that survive, and from mistakes in the list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlcore.backends.cupy import table
from tools.cuda_check import mutants
from tools.cuda_check.mutants import Mutant, Verdict


def judge(text: str, replacement: str, kernel: str = "scale") -> Verdict:
    (verdict,) = mutants.judged(["scale"], [Mutant("planted", "scale", kernel, text, replacement)])
    return verdict


@pytest.mark.parametrize(
    ("text", "replacement", "by"),
    [
        ("* factor", "", "AssertionError"),  # wrong values
        ("n; i +=", "n + 4; i +=", "KernelError"),  # out of bounds
        ("n; i +=", "n; i += 0 *", "KernelError"),  # without end
    ],
)
def test_wrong_variants_are_caught(text: str, replacement: str, by: str) -> None:
    verdict = judge(text, replacement)
    assert verdict.mistake is None
    assert verdict.caught_by is not None
    assert by in verdict.caught_by


def test_a_variant_that_changes_nothing_survives() -> None:
    verdict = judge("* factor", "* REAL(factor)")
    assert (verdict.caught_by, verdict.mistake) == (None, None)


@pytest.mark.parametrize(
    ("text", "replacement", "kernel", "mistake"),
    [
        ("no such text", "", "scale", "the text occurs 0 times"),
        ("REAL", "float", "scale", r"the text occurs \d+ times"),
        ("* factor", "* fact", "scale", "CompileException"),
        ("* factor", "", "scales", "no small case of the family's primitives launches this kernel"),
    ],
)
def test_mistakes_in_the_list(text: str, replacement: str, kernel: str, mistake: str) -> None:
    verdict = judge(text, replacement, kernel)
    assert verdict.caught_by is None
    assert re.search(mistake, verdict.mistake or ""), verdict.mistake


def test_each_source_needs_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "TABLE", (table.Row("scale", {}), table.Row("sgd", {})))
    listed = [Mutant("a", "scale", "scale", str(i), "") for i in range(4)]
    listed += [Mutant("b", "sgd", "sgd_update", str(i), "") for i in range(5)]
    assert mutants.missing(listed) == ["scale.cu: 4 wrong variants in tests/cuda/mutants_*.py, at least 5 are wanted"]
    chosen = mutants.sample(listed, 2)
    assert [mutant.source for mutant in chosen] == ["scale", "scale", "sgd", "sgd"]
    assert chosen == mutants.sample(list(reversed(listed)), 2)


def test_the_lists_are_read(tmp_path: Path) -> None:
    (tmp_path / "mutants_a.py").write_text('PRIMITIVES = ["sum"]\nMUTANTS = [("reductions", "k", "x", "y")]\n')
    (tmp_path / "test_b.py").write_text("raise AssertionError\n")
    assert mutants.families(tmp_path) == {"a": (["sum"], [Mutant("a", "reductions", "k", "x", "y")])}
    listed = [mutant for _, family in mutants.families().values() for mutant in family]
    for mutant in listed:
        mutant.patched()  # each text is where it should be, once
    assert len(set(listed)) == len(listed)


def test_kernels_that_are_not_needed_are_left_out() -> None:
    text = """// before
extern "C" __global__ void __launch_bounds__(2) first(int n) {
    if (n) { /* } */ asm("}"); }  // }
}
int between;
extern "C" __global__ void second() {}
extern "C" __global__ void third() { if (1) {} }
// after
"""
    left = mutants.with_kernels(text, {"second"})
    assert left == '// before\n\n\n\nint between;\nextern "C" __global__ void second() {}\n\n// after\n'
    assert mutants.with_kernels(text, {"first", "second", "third"}) == text
