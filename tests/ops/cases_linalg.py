"""Products by axes for the table of operations: tensordot, vecdot, einsum. The rest of linear algebra: tests/linalg."""

from __future__ import annotations

from typing import Any

import numpy as np

import dlcore as dl

from .cases import NUMERIC, Case, In, Op, wide


def torch_tensordot(torch: Any, x: Any, y: Any, axes: Any = 2) -> Any:
    return torch.tensordot(x, y, axes)


def torch_vecdot(torch: Any, x: Any, y: Any, axis: int = -1) -> Any:
    x, y = x.movedim(axis, -1), y.movedim(axis, -1)
    return torch.linalg.vecdot(x, y)


def numpy_vecdot(x: Any, y: Any, axis: int = -1) -> Any:
    x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    return (x.conj() * y).sum(axis=-1, dtype=x.dtype)


def einsum(*arguments: Any, subscripts: str) -> dl.Tensor:
    return dl.einsum(subscripts, *arguments)


def numpy_einsum(*arguments: Any, subscripts: str) -> Any:
    return np.einsum(subscripts, *arguments)


def torch_einsum(torch: Any, *arguments: Any, subscripts: str) -> Any:
    return torch.einsum(subscripts, *arguments)


def contracted(name: str, subscripts: str, *inputs: In) -> Case:
    return Case(name, inputs, {"subscripts": subscripts})


TABLE = (
    Op("tensordot", dl.tensordot, wide(np.tensordot), (
        Case("two axes", (In((2, 3, 4)), In((3, 4, 5)))),
        Case("one axis", (In((2, 3)), In((3, 2))), {"axes": 1}),
        Case("outer", (In((2,)), In((3, 2))), {"axes": 0}),
        Case("0-d", (In(()), In((2,))), {"axes": 0}),
        Case("named axes", (In((2, 3, 4)), In((4, 5, 2))), {"axes": ((0, -1), (2, 0))}),
        Case("all axes", (In((2, 3)), In((3, 2))), {"axes": ((0, 1), (1, 0))}),
        Case("over nothing", (In((2, 0)), In((0, 3))), {"axes": 1}),
        Case("zero batch", (In((0, 3)), In((3, 2))), {"axes": 1}),
        Case("transposed", (In((3, 2), "any", "transposed"), In((2, 4), "any", "strided")), {"axes": 1}),
        Case("negative steps", (In((2, 3), "any", "negative"), In((3, 2), "any", "broadcast")), {"axes": 1}),
    ), torch_tensordot, dtypes=NUMERIC),
    Op("vecdot", dl.vecdot, wide(numpy_vecdot), (
        Case("vectors", (In((3,)), In((3,)))),
        Case("rows", (In((2, 3)), In((3,)))),
        Case("first axis", (In((3, 2)), In((3, 1))), {"axis": 0}),
        Case("batch", (In((2, 1, 4)), In((3, 4)))),
        Case("over nothing", (In((2, 0)), In((2, 0)))),
        Case("zero batch", (In((0, 3)), In((3,)))),
        Case("transposed", (In((3, 2), "any", "transposed"), In((3, 2), "any", "strided"))),
        Case("negative steps", (In((2, 3), "any", "negative"), In((2, 3), "any", "broadcast"))),
    ), torch_vecdot, dtypes=NUMERIC),
    Op("einsum", einsum, wide(numpy_einsum), (
        contracted("matrix product", "ij,jk->ik", In((2, 3)), In((3, 4))),
        contracted("without a result", "ij,jk", In((2, 3)), In((3, 4))),
        contracted("result in alphabetical order", "bj,ja", In((2, 3)), In((3, 4))),
        contracted("capitals first", "bj,jA", In((2, 3)), In((3, 4))),
        contracted("batch", "bij,bjk->bik", In((2, 2, 3)), In((2, 3, 2))),
        contracted("batch in the middle", "ibj,jbk->kbi", In((2, 2, 3)), In((3, 2, 2))),
        contracted("ellipsis", "...ij,...jk->...ik", In((2, 2, 3)), In((1, 3, 2))),
        contracted("ellipsis of other lengths", "...i,i...->...", In((2, 3)), In((3,))),
        contracted("outer", "i,j->ji", In((2,)), In((3,))),
        contracted("element by element", "ij,j->ij", In((2, 3)), In((3,))),
        contracted("inner", "i,i->", In((3,)), In((3,))),
        contracted("row by row", "ij,ij->i", In((2, 3)), In((2, 3))),
        contracted("diagonal and row", "ii,ij->ij", In((3, 3)), In((3, 2))),
        contracted("trace", "ii", In((3, 3))),
        contracted("diagonal of three", "iii,i->i", In((2, 2, 2)), In((2,))),
        contracted("sum of one operand", "ij,jk->k", In((2, 3)), In((3, 2))),
        contracted("size 1 stands for any", "ij,jk->ik", In((2, 1)), In((3, 2))),
        contracted("three operands", "ij,jk,kl->il", In((2, 3)), In((3, 4)), In((4, 2))),
        contracted("a letter in three operands", "bi,bj,bk->bijk", In((2, 2)), In((2, 1)), In((2, 3))),
        contracted("0-d", ",i->i", In(()), In((3,))),
        contracted("over nothing", "ij,jk->ik", In((2, 0)), In((0, 3))),
        contracted("zero batch", "bij,bjk->bik", In((0, 2, 3)), In((0, 3, 2))),
        contracted("transposed", "ij,jk->ik", In((3, 2), "any", "transposed"), In((2, 3), "any", "strided")),
        contracted("negative steps", "ij,kj->ik", In((2, 3), "any", "negative"), In((2, 3), "any", "broadcast")),
        contracted("spaces", " i j , j k -> i k ", In((2, 3)), In((3, 4))),
    ), torch_einsum, dtypes=NUMERIC),
)  # fmt: skip
