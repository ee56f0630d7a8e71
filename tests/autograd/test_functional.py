"""Products with the Jacobian, Jacobian and Hessian: by hand, in every form of arguments, and bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore.autograd import hessian, jacobian, jvp, vjp


def arrays(*shapes: tuple[int, ...]) -> list[dl.Tensor]:
    rng = np.random.default_rng(0)
    return [dl.tensor(rng.normal(size=shape)) for shape in shapes]


def two(x: dl.Tensor, y: dl.Tensor) -> tuple[dl.Tensor, dl.Tensor]:
    """(3,), (2, 3) -> (2,), (3,)"""
    return dl.sum(dl.exp(x) * y, axis=1), x * x


def test_products_are_those_with_the_jacobian() -> None:
    x, y, u, w, v = arrays((3,), (2, 3), (2,), (3,), (2, 3))
    (jxx, jxy), (jwx, jwy) = jacobian(two, (x, y))
    assert (jxx.shape, jxy.shape, jwx.shape, jwy.shape) == ((2, 3), (2, 2, 3), (3, 3), (3, 2, 3))
    outputs, (gx, gy) = vjp(two, (x, y), (u, w))
    np.testing.assert_allclose(gx.numpy(), u.numpy() @ jxx.numpy() + w.numpy() @ jwx.numpy())
    np.testing.assert_allclose(gy.numpy(), np.tensordot(u.numpy(), jxy.numpy(), 1))
    again, (t0, t1) = jvp(two, (x, y), (w, v))
    np.testing.assert_allclose(t0.numpy(), jxx.numpy() @ w.numpy() + np.tensordot(jxy.numpy(), v.numpy(), 2))
    np.testing.assert_allclose(t1.numpy(), jwx.numpy() @ w.numpy())
    assert not jwy.numpy().any()
    for a, b, expected in zip(outputs, again, two(x, y), strict=True):
        np.testing.assert_array_equal(a.numpy(), expected.numpy())
        np.testing.assert_array_equal(b.numpy(), expected.numpy())
        assert not a.requires_grad
        assert not b.requires_grad


def test_the_form_of_the_inputs_is_that_of_the_results() -> None:
    x, y = arrays((3,), (3,))
    assert isinstance(jacobian(dl.exp, x), dl.Tensor)
    assert [type(part) for part in jacobian(dl.exp, (x,))] == [dl.Tensor]
    assert isinstance(vjp(dl.sum, x)[1], dl.Tensor)
    assert isinstance(vjp(dl.sum, (x,))[1], tuple)
    assert isinstance(jvp(lambda x: (x, x), x, y)[1], tuple)
    assert isinstance(hessian(lambda x: (x**3).sum(), x), dl.Tensor)
    table = hessian(lambda x, y: (x * x * y).sum(), (x, y))
    assert [[part.shape for part in row] for row in table] == [[(3, 3), (3, 3)], [(3, 3), (3, 3)]]
    np.testing.assert_allclose(table[0][1].numpy(), np.diag(2 * x.numpy()))
    assert not table[1][1].numpy().any()


def test_0d_and_empty() -> None:
    (x,) = arrays(())
    assert jacobian(lambda x: x * x, x).shape == ()
    assert hessian(lambda x: x**3, x).item() == pytest.approx(6 * x.item())
    empty = dl.zeros((0,), dtype="float64")
    assert jacobian(lambda x: x * 2, empty).shape == (0, 0)
    assert jacobian(lambda x: x * dl.ones((3, 0), dtype="float64"), empty).shape == (3, 0, 0)


def test_without_create_graph_the_graph_of_the_inputs_is_left_alone() -> None:
    (leaf,) = arrays((3,))
    x = leaf.requires_grad_() * 2
    _, g = vjp(lambda x: (x**2).sum(), x)
    assert not g.requires_grad
    assert leaf.grad is None
    x.sum().backward()  # nothing of its graph was released
    assert leaf.grad is not None


def test_with_create_graph_results_are_functions_of_the_inputs() -> None:
    (x,) = arrays((3,))
    x.requires_grad_()
    for function in (
        lambda x: vjp(lambda x: dl.exp(x) * x, x, dl.ones_like(x), create_graph=True)[1],
        lambda x: jvp(lambda x: dl.exp(x) * x, x, dl.ones_like(x), create_graph=True)[1],
        lambda x: jacobian(lambda x: dl.exp(x) * x.sum(), x, create_graph=True),
        lambda x: hessian(lambda x: (dl.exp(x) * x).sum(), x, create_graph=True),
    ):
        assert dl.gradcheck(function, x)


def test_recording_is_on_inside_even_where_it_is_off() -> None:
    (x,) = arrays((3,))
    with dl.no_grad():
        np.testing.assert_allclose(jacobian(dl.square, x).numpy(), np.diag(2 * x.numpy()))


def test_complex_products_follow_the_conjugate_convention() -> None:
    z = dl.tensor([1 + 2j, -1j], dtype="complex128")
    v = dl.tensor([1j, 2 + 1j], dtype="complex128")
    np.testing.assert_allclose(vjp(dl.square, z, v)[1].numpy(), v.numpy() * np.conj(2 * z.numpy()))
    np.testing.assert_allclose(jvp(dl.square, z, v)[1].numpy(), v.numpy() * 2 * z.numpy())


def test_strict_does_not_take_what_is_independent() -> None:
    x, y = arrays((3,), (3,))
    constant: Callable[..., Any] = lambda x: dl.ones((), dtype="float64")  # noqa: E731
    for call in (vjp, jvp, jacobian, hessian):
        with pytest.raises(RuntimeError, match="strict=True"):
            call(constant, x, strict=True) if call is not jvp else jvp(constant, x, y, strict=True)
    assert not hessian(constant, x).numpy().any()
    assert not jvp(constant, x, y)[1].numpy().any()
    with pytest.raises(RuntimeError, match="input 1; strict=True"):
        vjp(lambda x, y: x.sum(), (x, y), strict=True)
    with pytest.raises(RuntimeError, match="derivative with respect to input 0"):
        jacobian(lambda x: x * 2, x.requires_grad_(), create_graph=True, strict=True)


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "inputs are no tensors": (lambda: vjp(dl.exp, 1.0), TypeError, "vjp: inputs must be a Tensor or a tuple"),
    "an input is no tensor": (lambda: jacobian(dl.exp, (1.0,)), TypeError, r"jacobian: inputs\[0\] must be a Tensor"),
    "integer inputs": (lambda: jacobian(dl.exp, dl.tensor([1])), TypeError, "only float and complex tensors"),
    "an output that is no tensor": (lambda: vjp(lambda x: 1, dl.ones((2,))), TypeError, "vjp: what func returns"),
    "no v": (lambda: vjp(dl.exp, dl.ones((2,))), ValueError, "v may be left out .* outputs: \\(2,\\)"),
    "no direction": (lambda: jvp(dl.exp, dl.ones((2,))), ValueError, "v may be left out .* inputs: \\(2,\\)"),
    "too many v": (lambda: vjp(dl.exp, dl.ones((2,)), (dl.ones((2,)),) * 2), ValueError, "v has 2 tensor"),
    "the shape of v": (lambda: vjp(dl.exp, dl.ones((2,)), dl.ones((3,))), ValueError, r"v\[0\] has shape \(3,\)"),
    "the dtype of v": (
        lambda: vjp(dl.exp, dl.ones((2,)), dl.ones((2,), dtype="float64")), TypeError, r"v\[0\] is float64"),
    "v is no tensor": (lambda: vjp(dl.exp, dl.ones((2,)), [1.0, 2.0]), TypeError, r"v\[0\] must be a Tensor"),
    "a complex Jacobian": (
        lambda: jacobian(dl.exp, dl.ones((2,), dtype="complex64")), TypeError, "jacobian: output 0 is complex64"),
    "the Hessian of a vector": (lambda: hessian(dl.exp, dl.ones((2,))), ValueError, "one element, got shape"),
    "the Hessian of two values": (lambda: hessian(lambda x: (x, x), dl.ones(())), TypeError, "must return one tensor"),
}  # fmt: skip


@pytest.mark.parametrize("what", ERRORS)
def test_bad_input(what: str) -> None:
    call, error, message = ERRORS[what]
    with pytest.raises(error, match=message):
        call()
