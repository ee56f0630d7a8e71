"""The README's code runs, and does what its text says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_there_are_code_blocks() -> None:
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_runs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[number], f"README block {number}", "exec"), {})
    if number == 0:
        accuracy = float(re.search(r"accuracy ([\d.]+)%", capsys.readouterr().out)[1])  # type: ignore[index]
        assert accuracy >= 95, "the quickstart should learn the digits"


def test_the_page_on_cuda_runs() -> None:
    page = (Path(__file__).parent.parent / "docs" / "cuda.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/cuda.md", "exec"), {})


def test_quickstart_is_about_twenty_lines() -> None:
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 20


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.search(r"<!--|FIGURE|TODO", README)


def test_every_folder_in_the_table_exists() -> None:
    root = Path(__file__).parent.parent
    folders = re.findall(r"`([a-z/]+/)`", README.split("## Where things are")[1].split("**To add")[0])
    assert len(folders) >= 10
    for folder in folders:
        assert (root / folder).is_dir(), folder
