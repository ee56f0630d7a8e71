"""gradcheck must fail when a gradient is wrong."""

from __future__ import annotations

from typing import Any

import pytest

import dlcore as dl


def double(factor: Any, second: Any = None) -> type[dl.Function]:
    """A function 2x whose backward multiplies by `factor` instead."""

    class Wrong(dl.Function):
        def forward(self, x: Any) -> Any:
            return 2 * x

        def backward(self, grad: dl.Tensor) -> dl.Tensor:
            return factor(grad)

    return Wrong


X = [1.0, -2.0, 0.5]


@pytest.mark.parametrize(
    "factor",
    [lambda g: g * 2.001, lambda g: g * -2.0, lambda g: dl.index_update(g * 2, 1, 0.0), lambda g: g.sum() * 2 + g * 0],
    ids=["scaled", "sign", "one element", "mixed up"],
)
def test_a_wrong_gradient_is_found(factor: Any) -> None:
    x = dl.tensor(X, dtype="float64", requires_grad=True)
    with pytest.raises(AssertionError, match=r"gradcheck: input 0 \(shape \(3,\)\), element \(\d,\): the gradient is"):
        dl.gradcheck(lambda x: double(factor)()(x), x)


def test_a_missing_gradient_is_found() -> None:
    x = dl.tensor(X, dtype="float64", requires_grad=True)
    with pytest.raises(AssertionError, match="the gradient is 0"):
        dl.gradcheck(lambda x: x.detach() * x.detach(), x)


def test_a_wrong_second_derivative_is_found_in_the_second_order_only() -> None:
    class Square(dl.Function):
        saves = (0,)

        def forward(self, x: Any) -> Any:
            return x * x

        def backward(self, grad: dl.Tensor) -> dl.Tensor:
            return grad * 2 * self.saved[0].detach()  # right as a number, but its own derivative is lost

    x = dl.tensor(X, dtype="float64", requires_grad=True)
    assert dl.gradcheck(lambda x: Square()(x), x)
    with pytest.raises(AssertionError, match="second order"):
        dl.gradcheck(lambda x: Square()(x), x, second_order=True)


def test_a_wrong_imaginary_part_is_found() -> None:
    z = dl.tensor([1 + 2j, -1j], dtype="complex128", requires_grad=True)
    assert dl.gradcheck(lambda z: double(lambda g: g * 2)()(z), z)
    with pytest.raises(AssertionError, match="input 0"):
        dl.gradcheck(lambda z: double(lambda g: dl.conj(g) * 2)()(z), z)


def test_several_inputs_and_outputs_and_inputs_without_gradient() -> None:
    x = dl.tensor(X, dtype="float64", requires_grad=True)
    y = dl.tensor(X, dtype="float64")
    assert dl.gradcheck(lambda x, y: [x * y, x + y, (x > 0).astype("float64")], [x, y], second_order=True)
    assert x.grad is None
    assert x.tolist() == X


def test_what_cannot_be_checked_is_refused() -> None:
    with pytest.raises(dl.DTypeError, match=r"inputs\[0\] is float32"):
        dl.gradcheck(dl.exp, dl.ones((2,), requires_grad=True))
    with pytest.raises(ValueError, match="no input requires grad"):
        dl.gradcheck(dl.exp, dl.ones((2,), dtype="float64"))
    with pytest.raises(TypeError, match=r"inputs\[1\] must be a Tensor, got float"):
        dl.gradcheck(dl.multiply, [dl.ones((2,), dtype="float64", requires_grad=True), 2.0])


class TwoFaced(dl.Function):
    """exp, whose gradient is right unless it is recorded."""

    saves_output = True

    def forward(self, x: Any) -> Any:
        return self.xp.exp(x)

    def backward(self, grad: dl.Tensor) -> dl.Tensor:
        return grad * self.output * (1.5 if dl.is_grad_enabled() else 1.0)


def test_second_order_also_checks_the_recorded_gradient() -> None:
    x = dl.tensor([0.5, 1.0], dtype="float64", requires_grad=True)
    dl.gradcheck(lambda x: TwoFaced()(x), x)
    with pytest.raises(AssertionError, match="with create_graph"):
        dl.gradcheck(lambda x: TwoFaced()(x), x, second_order=True)
