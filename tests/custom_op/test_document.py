"""The code of docs/custom_op.md runs from top to bottom, and prints what it should."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import dlcore as dl
from dlcore import _build

PAGE = (Path(__file__).parents[2] / "docs" / "custom_op.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^(?:<!-- needs: (\w+) -->\n)?```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
COMPILERS = {"c": "c", "cusim": "c++"}


def missing(need: str) -> bool:
    if not need:
        return False
    try:
        _build.find_compiler(COMPILERS[need])
    except _build.BuildError:
        return True
    return False


def test_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert [need for need, _ in BLOCKS if need] == ["cusim", "c"]
    assert len(BLOCKS) == 7
    names: dict[str, Any] = {"__name__": "page"}
    ran = 0
    with dl.device("numpy"):
        for number, (need, code) in enumerate(BLOCKS):
            if not missing(need):
                exec(compile(code, f"docs/custom_op.md block {number}", "exec"), names)
                ran += 1
    said = capsys.readouterr().out
    shown = re.findall(r"tensor\(\[(.*?)\]", said)
    assert len(shown) == 1 + (not missing("cusim"))
    for numbers in shown:
        values = [float(number) for number in numbers.split(",")]
        assert values == pytest.approx([-0.11920292, 0.0, 1.9640276], rel=1e-6)
    assert "custom op 'only_cuda': device 'numpy' cannot run it: it has CUDA source only" in said
    if ran < len(BLOCKS):
        pytest.skip("there is no compiler for some of the blocks")
