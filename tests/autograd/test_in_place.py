"""Writes in place: what is allowed, and that backward notices when one spoiled what it saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl


def leaf() -> dl.Tensor:
    return dl.tensor([[1.0, 2.0], [3.0, 4.0]], dtype="float64", requires_grad=True)


# how a tensor may be written to, given the tensor
WRITES: dict[str, Callable[[dl.Tensor], Any]] = {
    "+=": lambda x: x.__iadd__(1),
    "item": lambda x: x.__setitem__((0, 0), 9.0),
    "rows by array": lambda x: x.__setitem__([0], 9.0),
    "a view": lambda x: x[0].__imul__(2),
    "an element's view": lambda x: x[0, 1].__imul__(2),
    "reshape": lambda x: x.reshape(-1).__isub__(1),
    "transpose": lambda x: x.mT.__setitem__(0, 5.0),
    "squeeze of expand_dims": lambda x: dl.squeeze(dl.expand_dims(x)).__iadd__(1),
    "view of a view": lambda x: x[:, ::-1][1:].__iadd__(1),
    "detach": lambda x: x.detach().__iadd__(1),
    "view of detach": lambda x: x.detach()[1].__iadd__(1),
    "asarray": lambda x: dl.asarray(x.detach()).__iadd__(1),
}

# operations that need something for their gradient, and which tensor it is
NEEDS: dict[str, Callable[[dl.Tensor], tuple[dl.Tensor, dl.Tensor]]] = {
    "an input": lambda h: (dl.log(h), h),
    "either factor": lambda h: (h * leaf().detach(), h),
    "an output": lambda h: (lambda y: (y * 1.0, y))(dl.exp(h)),
    "a matrix": lambda h: (h @ leaf(), h),
    "a bound": lambda h: (dl.clip(leaf(), h), h),
    "a maximum's input": lambda h: (dl.max(h, axis=0), h),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("need", NEEDS)
def test_backward_refuses_what_was_modified(need: str, write: str) -> None:
    x = leaf()
    hidden = x * 1.5
    y, needed = NEEDS[need](hidden)
    with dl.no_grad():
        WRITES[write](needed)
    with pytest.raises(RuntimeError, match=r"needs was modified in place after the forward pass \(1 write"):
        y.sum().backward()
    assert x.grad is None


def test_a_factor_that_is_not_in_the_graph_counts_too() -> None:
    x, scale = leaf(), dl.ones((2, 2), dtype="float64")
    y = x * scale
    scale += 1
    with pytest.raises(RuntimeError, match="Multiply: a tensor of shape"):
        y.sum().backward()


def test_the_condition_of_where_counts_too() -> None:
    x = leaf()
    condition = x > 2
    y = dl.where(condition, x, 0.0)
    condition[0] = True
    with pytest.raises(RuntimeError, match="Where: a tensor of shape"):
        y.sum().backward()


@pytest.mark.parametrize("kind", ["tensor", "array", "list"])
def test_an_index_may_be_reused_before_backward(kind: str) -> None:
    x = leaf()
    index: Any = {"tensor": dl.tensor([0, 0]), "array": np.array([0, 0]), "list": [0, 0]}[kind]
    y = x[index].sum()
    index[0] = 1
    y.backward()
    assert x.grad.tolist() == [[2, 2], [0, 0]]


@pytest.mark.parametrize("part", [dl.real, dl.imag])
def test_the_parts_of_a_complex_tensor_are_views(part: Any) -> None:
    z = dl.tensor([1 + 2j, 3 - 1j])
    w = dl.ones((2,), requires_grad=True)
    y = w * part(z)
    z *= 2
    with pytest.raises(RuntimeError, match="modified in place"):
        y.sum().backward()


def test_what_is_not_needed_may_be_modified() -> None:
    x = leaf()
    hidden = x * 2.0
    y = hidden + 1.0
    with dl.no_grad():
        hidden += 5
        y -= 3
    y.sum().backward()
    assert x.grad.tolist() == [[2, 2], [2, 2]]


def test_writing_to_a_copy_is_harmless() -> None:
    x = leaf()
    y = dl.exp(x)
    copies = [dl.tensor(x), dl.tensor(y.detach()), x.to("float32"), x[[0, 1]], x + 0]
    with dl.no_grad():
        for copy in copies:
            copy += 1
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(leaf().numpy()))


def test_updates_of_a_leaf_between_steps() -> None:
    w = leaf()
    for _ in range(3):
        w.grad = None
        (w * w).sum().backward()
        with dl.no_grad():
            w -= 0.25 * w.grad
    np.testing.assert_allclose(w.numpy(), leaf().numpy() / 8)
    assert w.is_leaf
    assert w.requires_grad


def test_in_place_on_a_leaf_that_requires_grad() -> None:
    x = leaf()
    before = x.tolist()
    for write in (lambda: x.__iadd__(1), lambda: x.__itruediv__(x)):
        with pytest.raises(RuntimeError, match=r"x is a leaf that requires grad; update it under dl\.no_grad\(\)"):
            write()
    for write in (lambda: x.__setitem__(0, 1.0), lambda: (x * 2).__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match=r"use x = dl\.index_update\(x, index, value\)"):
            write()
    assert x.tolist() == before


def test_in_place_in_the_graph_makes_a_new_tensor() -> None:
    x = leaf()
    y = first = x * 1
    y += x
    y *= 3
    assert y is not first
    assert first.tolist() == x.tolist()
    y.sum().backward()
    assert x.grad.tolist() == [[6, 6], [6, 6]]


def test_a_plain_tensor_takes_part_in_the_graph_by_in_place_operators() -> None:
    x, total = leaf(), dl.zeros((2, 2), dtype="float64")
    kept = total
    total += x
    total.sum().backward()
    assert x.grad.tolist() == [[1, 1], [1, 1]]
    assert kept.tolist() == [[0, 0], [0, 0]]


def test_a_value_in_the_graph_cannot_be_assigned_to_a_plain_tensor() -> None:
    x = dl.zeros((2, 2), dtype="float64")
    with pytest.raises(RuntimeError, match="index_update"):
        x[0] = leaf()[0]
    assert x.tolist() == [[0, 0], [0, 0]]


def test_item_assignment_works_through_views_and_of_overlapping_parts() -> None:
    x = dl.arange(6).reshape(2, 3)
    row = x[1]
    row[::2] = dl.tensor([7, 8])
    assert x.tolist() == [[0, 1, 2], [7, 4, 8]]
    flat = x.reshape(-1)
    flat[1:] = flat[:-1]
    assert x.tolist() == [[0, 0, 1], [2, 7, 4]]
    x[...] = 1
    x[[0, 0], [1, 2]] = dl.tensor([5, 6], dtype="int8")
    assert x.tolist() == [[1, 5, 6], [1, 1, 1]]


def test_operators_without_in_place_form_make_new_tensors() -> None:
    x = y = dl.tensor([7.0])
    y //= 2
    y **= 2
    y %= 5
    assert (x.tolist(), y.tolist()) == ([7], [4])
