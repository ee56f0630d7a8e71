"""Facts read from machine code, here a few lines of it: an outer loop around a hot one, then a loop of its own."""

from __future__ import annotations

from typing import Any

import pytest

from tools.cuda_check.sass import basic_blocks, facts, innermost_loops, parse

TEXT = """
//--------------------- .text.gemm                --------------------------
\t.section\t.text.gemm,"ax",@progbits
\t.sectioninfo\t@"SHI_REGISTERS=14"
gemm:
.text.gemm:
        /*0000*/                   MOV R1, c[0x0][0x28] ;
.L_x_outer:
        /*0010*/                   LDG.E.128.CONSTANT R4, [R2.64] ;
        /*0020*/               @P0 LDG.E.U8 R8, desc[UR4][R2.64] ;
.L_x_hot:
        /*0030*/                   LDS.U.128 R4, [R0] ;
        /*0040*/                   FFMA R1, R2, R3, R1 ;
        /*0050*/                   FFMA.FTZ R1, R2, R3, R1 ;
        /*0060*/              @!P1 BRA `(.L_x_hot) ;
        /*0070*/                   STG.E.64 [R2.64], R4 ;
        /*0080*/               @P0 BRA `(.L_x_outer) ;
.L_x_other:
        /*0090*/                   FFMA R1, R2, R3, R1 ;
        /*00a0*/               @P0 BRA `(.L_x_other) ;
.L_x_2:
        /*00b0*/                   EXIT ;
.L_x_trap:
        /*00c0*/                   BRA `(.L_x_trap);
        /*00d0*/                   NOP;
.L_x_end:
\t.section\t.text.other,"ax",@progbits
other:
        /*0000*/                   STG.E.128 [R2.64], R4 ;
        /*0010*/                   EXIT ;
"""


def test_the_hot_loop_is_the_innermost_with_the_most_multiply_adds() -> None:
    code = parse(TEXT)
    assert set(code) == {"gemm", "other"}
    assert [loop[0].address for loop in innermost_loops(code["gemm"])] == [0x30, 0x90]
    assert facts(code["gemm"])["hot"] == {"instructions": 4, "ffma": 2, "lds": {"128": 1}, "ahead": 0}
    assert facts(code["other"])["hot"] is None


@pytest.mark.parametrize(
    ("order", "ahead"),
    [
        ("LDG FFMA FFMA STS FFMA", 2),
        ("FFMA LDG STS", 0),
        ("LDG FFMA LDG FFMA STS", 1),
        ("FFMA STS", 0),
        ("LDG FFMA", 1),
    ],
)
def test_what_is_computed_while_the_last_load_is_on_its_way(order: str, ahead: int) -> None:
    lines = "".join(f"        /*{16 * i:04x}*/  {name} R1 ;\n" for i, name in enumerate(order.split()))
    end = f"        /*{16 * len(order.split()):04x}*/  @P0 BRA `(.L_x_hot) ;\n"
    found: dict[str, Any] = facts(parse(f"\t.section\t.text.k,\n.L_x_hot:\n{lines}{end}")["k"])
    assert found["hot"]["ahead"] == ahead


def test_widths_are_counted_by_basic_block() -> None:
    found: dict[str, Any] = facts(parse(TEXT)["gemm"])
    assert found["widths"] == {"loads": {"128": 1, "8": 1}, "stores": {"64": 1}}
    assert (found["loads"], found["stores"]) == ([{"128": 1, "8": 1}], [])
    assert [block[0].address for block in basic_blocks(parse(TEXT)["gemm"])] == [0, 0x10, 0x30, 0x70, 0x90, 0xB0, 0xC0]
    assert facts(parse(TEXT)["other"])["stores"] == [{"128": 1}]
