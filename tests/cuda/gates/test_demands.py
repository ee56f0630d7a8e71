"""The machine-read lines beside a kernel."""

from __future__ import annotations

import pytest

from tools.cuda_check.demands import Demand, demanded, read

SOURCE = """
// registers: 99
struct Unrelated {};

// A kernel of two tiles.
// registers: 128 where TILE=8
// registers: 40
// local: 16
// ffma: 78% where TILE=8,16 arch=80
//   vector: 128 loads except 2
extern "C" __global__ void __launch_bounds__(256, (TILE > 4 ? 2 : 1))
    first(int n) {}
extern "C" __global__ void second() {}
"""


def test_the_lines_right_above_a_kernel_are_its_demands() -> None:
    found = read(SOURCE)
    assert set(found) == {"first", "second"}
    assert found["second"] == []
    assert [demand.kind for demand in found["first"]] == ["registers", "registers", "local", "ffma", "vector"]
    assert found["first"][-1] == Demand("vector", 128, exceptions=2, only="loads")


def test_a_line_may_say_why_accesses_are_narrow() -> None:
    (one,) = read('// scalar: loads, a window begins anywhere\nextern "C" __global__ void k() {}\n')["k"]
    assert one == Demand("scalar", 0, only="loads", reason="a window begins anywhere")
    (both,) = read('// scalar: a window begins anywhere\nextern "C" __global__ void k() {}\n')["k"]
    assert (both.only, both.reason) == (None, "a window begins anywhere")


@pytest.mark.parametrize(
    ("kind", "macros", "architecture", "value"),
    [
        ("registers", {"TILE": "8"}, 90, 128),
        ("registers", {"TILE": "4"}, 90, 40),  # the first that fits
        ("ffma", {"TILE": "16"}, 80, 78),
        ("ffma", {"TILE": "16"}, 90, None),
        ("ffma", {"TILE": "4"}, 80, None),
        ("lds", {"TILE": "8"}, 80, None),
    ],
)
def test_the_first_line_that_fits_holds(
    kind: str, macros: dict[str, str], architecture: int, value: int | None
) -> None:
    found = demanded(read(SOURCE)["first"], kind, macros, architecture)
    assert (None if found is None else found.value) == value


@pytest.mark.parametrize(
    "line", ["registers: many", "ffma: 78% if TILE=8", "local: 8 where TILE", "scalar: loads", "scalar:"]
)
def test_a_line_that_cannot_be_read_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="k: cannot read the line"):
        read(f'// {line}\nextern "C" __global__ void k() {{}}\n')
