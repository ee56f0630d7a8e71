"""einsum: reading subscripts, the other form of arguments, how operands are contracted, and bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl


def f(*shape: int, dtype: str = "float32") -> dl.Tensor:
    return dl.ones(shape, dtype=dtype)


def test_lists_of_labels(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5))
    x, y = dl.tensor(a), dl.tensor(b)
    for arguments in (
        [[0, 1, 2], [0, 2, 3], [0, 1, 3]],
        [[..., 1, 2], [..., 2, 3], [..., 1, 3]],
        [(0, 1, 2), (0, 2, 3)],
    ):
        left, right, *result = arguments
        expected = np.einsum(a, list(left), b, list(right), *[list(r) for r in result])
        np.testing.assert_allclose(dl.einsum(x, left, y, right, *result).numpy(), expected, rtol=1e-12)


def test_a_list_of_operands(rng: np.random.Generator) -> None:
    a = rng.normal(size=(2, 2))
    np.testing.assert_allclose(dl.einsum("ij,jk->ik", [dl.tensor(a)] * 2).numpy(), a @ a)


def test_small_integers_keep_their_dtype() -> None:
    x = f(2, 3, dtype="int8")
    assert [dl.einsum(s, x).dtype for s in ("ij->", "ij->i", "ij->ji")] == [dl.int8] * 3
    assert dl.einsum("ij,kj->ik", x, f(4, 3, dtype="int16")).dtype == dl.int16
    assert dl.einsum("ij,kj->ik", x, f(4, 3)).dtype == dl.float32


def test_an_ellipsis_that_the_result_leaves_out_is_summed() -> None:
    """As in PyTorch; NumPy refuses it."""
    assert dl.einsum("...i->i", f(2, 4, 3)).tolist() == [8.0] * 3
    assert dl.einsum("i->...i", f(3)).tolist() == [1.0] * 3


def test_what_changes_nothing_copies_nothing() -> None:
    x = f(2, 3)
    assert dl.einsum("ij->ij", x) is x
    assert np.shares_memory(dl.einsum("ij->ji", x).numpy(), x.numpy()) or not isinstance(x.array, np.ndarray)


@pytest.mark.parametrize("number", range(40))
def test_random_subscripts(number: int, rng: np.random.Generator) -> None:
    """One to four operands with up to four of five letters each, repeated ones among them, and any result."""
    sizes = dict(zip("abcdE", (2, 3, 1, 4, 2), strict=True))
    terms = ["".join(rng.choice(list(sizes), rng.integers(0, 5))) for _ in range(rng.integers(1, 5))]
    used = sorted(set("".join(terms)))
    result = "".join(rng.permutation(used)[: rng.integers(0, len(used) + 1)])
    subscripts = ",".join(terms) + ("->" + result if rng.random() < 0.8 else "")
    # an operand may have size 1 where others have more; within one operand a letter has one size
    shapes = []
    for term in terms:
        own = {letter: 1 if rng.random() < 0.15 else size for letter, size in sizes.items()}
        shapes.append(tuple([own[letter] for letter in term]))
    arrays = [rng.normal(size=shape) for shape in shapes]
    actual = dl.einsum(subscripts, *[dl.tensor(a) for a in arrays]).numpy()
    full = [np.broadcast_to(a, [max(s[t.index(c)] for t, s in zip(terms, shapes, strict=True) if c in t) for c in term])
            for a, term in zip(arrays, terms, strict=True)]  # fmt: skip
    np.testing.assert_allclose(actual, np.einsum(subscripts, *full), rtol=1e-9, atol=1e-9, err_msg=subscripts)


def largest(subscripts: str, *shapes: tuple[int, ...]) -> int:
    """The size of the largest tensor that is made on the way."""
    inputs = [dl.ones(shape, requires_grad=True) for shape in shapes]
    stack: list[Any] = [dl.einsum(subscripts, *inputs)._node]
    most = 0
    while stack:
        node = stack.pop()
        if isinstance(node, dl.Function):
            stack.extend(node._edges)
            for value, _, _ in node._saved or ():
                if isinstance(value, dl.Tensor):
                    most = max(most, value.size)
    return most


def test_the_order_of_contraction_keeps_what_is_between_small() -> None:
    """From the left, (500, 500) would be made; from the right, nothing is larger than the operands."""
    assert largest("ij,jk,k->i", (500, 2), (2, 500), (500,)) == 1000
    assert largest("i,j,j->i", (500,), (500,), (500,)) == 500


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "bij,bjk->bik", "...ij,kj->...ik"])
def test_two_operands_are_one_matrix_product(subscripts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    backend = dl.current_device().backend
    original = backend.matmul
    monkeypatch.setattr(backend, "matmul", lambda *a, **k: calls.append(1) or original(*a, **k))
    shapes = {
        "ij,jk->ik": [(2, 3), (3, 4)],
        "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
        "...ij,kj->...ik": [(2, 3, 4), (5, 4)],
    }
    dl.einsum(subscripts, *[f(*shape) for shape in shapes[subscripts]])
    assert len(calls) == 1


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: dl.einsum("ij", np.ones((2, 2))), TypeError, "operand 0 must be a Tensor, got ndarray"),
    (lambda: dl.einsum("ij,jk->ik", f(2, 3)), ValueError, r"for 2 operand\(s\), got 1"),
    (lambda: dl.einsum("ij", f(2, 3), f(2, 3)), ValueError, r"for 1 operand\(s\), got 2"),
    (lambda: dl.einsum("ij->i->j", f(2, 3)), ValueError, "more than one '->'"),
    (lambda: dl.einsum("i1->i", f(2, 3)), ValueError, "labels are the letters a-z and A-Z, got '1'"),
    (lambda: dl.einsum("i>j", f(2, 3)), ValueError, "got '>'"),
    (lambda: dl.einsum("..ij->i", f(2, 3)), ValueError, "no other dots"),
    (lambda: dl.einsum("...i...->i", f(2, 3)), ValueError, "one '...'"),
    (lambda: dl.einsum("ij->ik", f(2, 3)), ValueError, "label 'k' of the result is not one of any operand"),
    (lambda: dl.einsum("ij->ii", f(2, 3)), ValueError, "label 'i' stands 2 times in the result"),
    (lambda: dl.einsum("i->i", f(2, 3)), dl.ShapeError, r"operand 0 of shape \(2, 3\) has 2 axes, the subscripts 1"),
    (lambda: dl.einsum("ijk...->i", f(2, 3)), dl.ShapeError, "has 2 axes, the subscripts 3"),
    (lambda: dl.einsum("ij,jk->ik", f(2, 3), f(4, 5)), dl.ShapeError, "label 'j' has size 3, and 4 in operand 1"),
    (lambda: dl.einsum("...i,...i->i", f(2, 3), f(4, 3)), dl.ShapeError, "an axis under '...' has size 2, and 4"),
    (lambda: dl.einsum("ii->i", f(2, 3)), dl.ShapeError, "label 'i' stands twice in operand 0 .* sizes 2 and 3"),
    (lambda: dl.einsum("ii->i", f(1, 3)), dl.ShapeError, "label 'i' stands twice in operand 0 .* sizes 1 and 3"),
    (lambda: dl.einsum("i,i", f(2, dtype="bool"), f(2, dtype="bool")), dl.DTypeError, "not defined for bool"),
    (lambda: dl.einsum("i,i", f(2, dtype="int64"), f(2, dtype="uint64")), dl.DTypeError, "int64 and uint64"),
    (lambda: dl.einsum(1), TypeError, "subscripts must be a string, or operands with lists of labels, got 1"),
    (lambda: dl.einsum(f(2)), ValueError, "an operand needs subscripts"),
    (lambda: dl.einsum(f(2), "i"), TypeError, "expected a list of labels, got str"),
    (lambda: dl.einsum(f(2), [52]), ValueError, "an int in 0..51 or Ellipsis, got 52"),
    (lambda: dl.einsum(f(2), [-1]), ValueError, "an int in 0..51 or Ellipsis, got -1"),
    (lambda: dl.einsum(f(2), [True]), ValueError, "an int in 0..51 or Ellipsis, got True"),
    (lambda: dl.einsum(f(2), [..., ...]), ValueError, "one Ellipsis"),
    (lambda: dl.einsum(""), ValueError, "expected at least one operand"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_input(number: int) -> None:
    call, error, message = BAD[number]
    with pytest.raises(error, match=f"^einsum: .*{message}"):
        call()
