"""The walk through the graph: accumulation, release, create_graph, and what goes wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dlcore as dl


def leaf(*values: float, dtype: str = "float64") -> dl.Tensor:
    return dl.tensor(list(values), dtype=dtype, requires_grad=True)


# --- leaves and their grad --------------------------------------------------------------------------------


def test_gradients_add_up_until_grad_is_cleared() -> None:
    x = leaf(1, 2)
    (x * 3).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [5, 7]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_a_leaf_used_several_times_gets_the_sum() -> None:
    x = leaf(2, 3)
    (x * x + x - 2 * x).sum().backward()
    assert x.grad.tolist() == [3, 5]


def test_the_leaf_itself_may_be_the_output() -> None:
    x = leaf(5)
    x.backward()
    assert x.grad.tolist() == [1]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "combine", [lambda x, y: x + y, lambda x, y: (x + y) ** 2, lambda x, y: dl.reshape(x, (3, 1)).squeeze() + y]
)
def test_no_two_leaves_share_the_memory_of_their_grad(combine: Any, create_graph: bool) -> None:
    x, y, seed = leaf(1, 2, 3), leaf(4, 5, 6), dl.ones((3,), dtype="float64")
    combine(x, y).backward(seed, create_graph=create_graph)
    assert x.grad is not y.grad
    assert not np.shares_memory(x.grad.array, y.grad.array)
    assert not np.shares_memory(x.grad.array, seed.array)
    before = y.grad.tolist()
    with dl.no_grad():
        x.grad.detach().__imul__(0)
    assert y.grad.tolist() == before
    combine(x, y).backward(seed)
    assert seed.tolist() == [1, 1, 1]
    assert y.grad.tolist() == [2 * g for g in before]


def test_a_grad_does_not_share_the_memory_of_the_tensor() -> None:
    x = leaf(1, 2)
    (x * x.detach()).sum().backward()
    assert not np.shares_memory(x.grad.array, x.array)


def test_only_leaves_get_a_grad() -> None:
    x = leaf(1, 2)
    y = x * 2
    y.sum().backward()
    assert y.grad is None
    assert x.is_leaf
    assert not y.is_leaf


def test_grad_must_fit_its_tensor() -> None:
    x = leaf(1, 2)
    for value, error in ((dl.ones((3,), dtype="float64"), dl.ShapeError), (dl.ones((2,)), dl.DTypeError),
                         (np.ones(2), TypeError)):  # fmt: skip
        with pytest.raises(error, match="grad: "):
            x.grad = value
    assert x.grad is None


def test_requires_grad_belongs_to_floating_leaves() -> None:
    with pytest.raises(dl.DTypeError, match="int64"):
        dl.tensor([1, 2], requires_grad=True)
    x = leaf(1)
    with pytest.raises(RuntimeError, match="only a leaf"):
        (x * 2).requires_grad = False
    assert not x.requires_grad_(False).requires_grad
    (x * 2).requires_grad_()  # a tensor outside of the graph becomes a leaf


# --- the graph and its release ----------------------------------------------------------------------------


def test_a_graph_is_used_once_unless_retained() -> None:
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4, 8]
    with pytest.raises(RuntimeError, match=r"Multiply.*already used and released.*retain_graph=True"):
        y.backward()
    assert x.grad.tolist() == [4, 8]


def test_a_part_of_a_released_graph_cannot_be_used_again() -> None:
    x = leaf(1, 2)
    y = dl.exp(x)
    y.sum().backward()
    with pytest.raises(RuntimeError, match=r"Exp.*released"):
        (y * 2).sum().backward()


def test_grad_leaves_the_grads_alone() -> None:
    x = leaf(3)
    x.grad = dl.ones((1,), dtype="float64")
    (g,) = dl.grad(x * x, x)
    assert g.tolist() == [6]
    assert x.grad.tolist() == [1]
    assert not g.requires_grad


def test_grad_of_inputs_inside_of_the_graph() -> None:
    x = leaf(2)
    y = x * 3
    z = y * y
    gy, gx, gz = dl.grad(z, [y, x, z])
    assert (gy.tolist(), gx.tolist(), gz.tolist()) == ([12], [36], [1])


def test_grad_of_several_outputs_is_that_of_their_sum() -> None:
    x = leaf(2)
    outputs = [x * 3, x * x]
    assert dl.grad(outputs, x, retain_graph=True)[0].tolist() == [7]
    seeds = [dl.tensor([10.0], dtype="float64"), None]
    assert dl.grad(outputs, x, seeds)[0].tolist() == [34]


def test_the_same_input_twice_and_the_same_output_twice() -> None:
    x = leaf(2)
    y = x * x
    assert [g.tolist() for g in dl.grad([y, y], [x, x])] == [[8], [8]]


def test_an_input_that_is_not_used() -> None:
    x, y = leaf(1), leaf(2)
    with pytest.raises(RuntimeError, match=r"do not depend on inputs\[1\].*allow_unused=True"):
        dl.grad(x * 2, [x, y])
    assert dl.grad(x * 2, [x, y], allow_unused=True)[1] is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: dl.grad(x * 2, dl.ones((1,))), RuntimeError, r"inputs\[0\] does not require grad"),
        (lambda x: dl.grad(x * 2, [x, 3.0]), TypeError, r"inputs\[1\] must be a Tensor, got float"),
        (lambda x: dl.grad(3.0, x), TypeError, "'float'|got float"),
        (lambda x: dl.grad(x.detach(), x), RuntimeError, "not computed from any tensor with requires_grad"),
        (lambda x: dl.grad([x * 2, x * 3], x, [None]), ValueError, "1 grad_outputs for 2 outputs"),
        (lambda x: dl.grad(x * 2, x, dl.ones((2,), dtype="float64")), dl.ShapeError, r"\(2,\).*\(1,\)"),
        (lambda x: dl.grad(x * 2, x, dl.ones((1,))), dl.DTypeError, "float32.*float64"),
        (lambda x: dl.grad(x * 2, x, [1.0]), TypeError, "must be a Tensor, got float"),
        (lambda x: dl.grad(dl.concat([x, x]), x), dl.ShapeError, r"shape \(2,\) needs a gradient"),
        (lambda x: dl.grad(x * 1j, x), dl.DTypeError, "complex128 needs a gradient"),
        (lambda x: x.detach().backward(), RuntimeError, "not computed from any tensor"),
        (lambda x: dl.concat([x, x]).backward(), dl.ShapeError, r"shape \(2,\) needs a gradient"),
        (lambda x: (x * 2).backward(1.0), TypeError, "must be a Tensor, got float"),
    ],
)  # fmt: skip
def test_wrong_arguments(call: Any, error: Any, message: str) -> None:
    x = leaf(1)
    with pytest.raises(error, match=message):
        call(x)
    assert x.grad is None


def test_an_error_in_the_middle_leaves_every_grad_as_it_was() -> None:
    class Broken(dl.Function):
        def forward(self, x: Any) -> Any:
            return x * 1

        def backward(self, grad: dl.Tensor) -> dl.Tensor:
            raise ArithmeticError("in backward")

    x, y = leaf(1, 2), leaf(3, 4)
    x.grad = dl.ones((2,), dtype="float64")
    loss = (x * 2).sum() + Broken()(y * 3).sum() + (y * 2).sum()
    with pytest.raises(ArithmeticError, match="in backward"):
        loss.backward()
    assert x.grad.tolist() == [1, 1]
    assert y.grad is None
    assert dl.is_grad_enabled()


# --- derivatives of higher order --------------------------------------------------------------------------


def test_three_derivatives() -> None:
    x = leaf(2)
    (first,) = dl.grad(x**4, x, create_graph=True)
    (second,) = dl.grad(first, x, create_graph=True)
    (third,) = dl.grad(second, x, create_graph=True)
    (fourth,) = dl.grad(third, x)
    assert [g.item() for g in (first, second, third, fourth)] == pytest.approx([32, 48, 48, 24])


def test_three_derivatives_of_functions_that_save_their_output() -> None:
    x = leaf(0.5)
    derivatives = [dl.tanh(x)]
    for _ in range(3):
        derivatives.append(dl.grad(derivatives[-1], x, create_graph=True)[0])
    t = np.tanh(0.5)
    expected = [t, 1 - t**2, -2 * t * (1 - t**2), (1 - t**2) * (6 * t**2 - 2)]
    assert [d.item() for d in derivatives] == pytest.approx(expected, rel=1e-12)


def test_backward_with_create_graph_gives_a_grad_that_can_be_differentiated() -> None:
    x = leaf(3)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = dl.grad(x.grad, x)
    assert second.tolist() == [18]


def test_a_gradient_penalty_reaches_the_weights() -> None:
    w, x = leaf(2), leaf(3)
    (g,) = dl.grad(w * x * x, x, create_graph=True)  # 2 w x
    (g**2).backward()  # d/dw 4 w^2 x^2 = 8 w x^2
    assert w.grad.tolist() == [144]
    assert x.grad.tolist() == [96]


def test_hessian_vector_products_accumulate() -> None:
    x = leaf(1, 2)
    (g,) = dl.grad((x**3).sum(), x, create_graph=True)
    for _ in range(2):
        g.backward(dl.tensor([1.0, 10.0], dtype="float64"), retain_graph=True)
    assert x.grad.tolist() == [12, 240]


# --- shapes of the graph ----------------------------------------------------------------------------------


def test_a_diamond() -> None:
    x = leaf(2)
    a = x * 3
    b, c = a * a, a + 1
    (b * c).backward()  # 9x^2 (3x + 1)
    assert x.grad.tolist() == [81 * 4 + 18 * 2]


def test_a_chain_of_10_000_operations() -> None:
    x = leaf(1)
    y = x
    for _ in range(10_000):
        y = y * 1.0001
    y.backward()
    assert x.grad.item() == pytest.approx(1.0001**10_000)


def test_second_derivative_through_a_chain_of_3000() -> None:
    x = leaf(1)
    y = x
    for _ in range(3000):
        y = y * 1.0 + 0.0
    (first,) = dl.grad(y * y, x, create_graph=True)
    (second,) = dl.grad(first, x)
    assert second.tolist() == [2]


def test_a_fan_of_10_000() -> None:
    x = leaf(1)
    parts = [x * float(i) for i in range(10_000)]
    dl.concat(parts).sum().backward()
    assert x.grad.item() == sum(range(10_000))


def test_a_graph_of_200_000_that_is_never_walked_is_released_without_recursion() -> None:
    x = leaf(1)
    y = x
    for _ in range(200_000):
        y = y + 1.0
    del y
    assert x.grad is None


# --- user-defined functions -------------------------------------------------------------------------------


class Cube(dl.Function):
    saves = (0,)

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forward(self, x: Any) -> Any:
        return self.factor * x**3

    def backward(self, grad: dl.Tensor) -> dl.Tensor:
        (x,) = self.saved
        return grad * (3 * self.factor) * x * x


def test_a_function_of_the_user() -> None:
    x = leaf(1, 2)
    assert Cube(2.0)(x).tolist() == [2, 16]
    assert dl.gradcheck(lambda x: Cube(2.0)(x), x, second_order=True)
    assert Cube.__name__ in repr(Cube(2.0)(x))


def test_a_function_may_keep_arrays_that_are_released_with_the_graph() -> None:
    class Mask(dl.Function):
        def forward(self, x: Any) -> Any:
            self.kept = x > 0
            return self.xp.where(self.kept, x, 0)

        def backward(self, grad: dl.Tensor) -> dl.Tensor:
            return grad * dl.asarray(self.kept)

    x = leaf(-1, 2)
    y = Mask()(x)
    y.sum().backward()
    assert x.grad.tolist() == [0, 1]
    with pytest.raises(RuntimeError, match=r"Mask.*released"):
        y.sum().backward()


def test_a_function_is_applied_once() -> None:
    x, cube = leaf(1, 2), Cube(1.0)
    cube(x)
    with pytest.raises(RuntimeError, match="Cube: an instance is one application"):
        cube(x)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda grad: (grad, grad), r"Returns: backward returned 2 gradient\(s\) for 1 argument"),
        (lambda grad: grad.sum(), r"gradient of shape \(\).*shape \(2,\)"),
        (lambda grad: grad.astype("float32"), "float32.*float64"),
    ],
)
def test_a_wrong_backward_is_told(result: Any, message: str) -> None:
    class Returns(dl.Function):
        def forward(self, x: Any) -> Any:
            return x * 2

        def backward(self, grad: dl.Tensor) -> Any:
            return result(grad)

    x, y = leaf(1, 2), leaf(3, 4)
    with pytest.raises(RuntimeError, match=message):
        (Returns()(x) + y).sum().backward()
    assert x.grad is None
    assert y.grad is None


def test_a_backward_may_give_none() -> None:
    class Stop(dl.Function):
        def forward(self, x: Any) -> Any:
            return x * 2

        def backward(self, grad: dl.Tensor) -> None:
            return None

    x = leaf(1)
    (Stop()(x) + x).backward()
    assert x.grad.tolist() == [1]


def test_grad_walks_only_between_outputs_and_inputs() -> None:
    """Below the inputs nothing is computed and nothing released, so that part can be used afterwards."""
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    h = dl.exp(x)
    loss = (h * h).sum()
    (g,) = dl.grad(loss, h)
    assert g is not None
    h.backward(g)
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(2 * x.numpy()), rtol=1e-6)


def test_grad_needs_no_part_that_was_released() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    h = dl.exp(x)
    h.sum().backward()
    (g,) = dl.grad((h * 3).sum(), h)
    assert g is not None
    assert g.tolist() == [3.0, 3.0]


def test_grad_of_a_node_and_of_what_lies_below_it() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    along_x, along_h = dl.grad((h * 3).sum() + (x * 2).sum(), [x, h])
    assert along_x is not None
    assert along_h is not None
    assert along_h.tolist() == [3.0, 3.0]
    assert along_x.tolist() == [8.0, 14.0]


def test_a_leaf_that_was_frozen_since_gets_no_gradient() -> None:
    w, v = dl.ones(2, requires_grad=True), dl.ones(2, requires_grad=True)
    y = (w * v).sum()
    w.requires_grad = False
    y.backward()
    assert w.grad is None
    assert v.grad is not None


class Greedy(dl.Function):
    """Its rule writes into the gradient it is given, which it must not."""

    def forward(self, x: Any) -> Any:
        return x * 1

    def backward(self, grad: dl.Tensor) -> dl.Tensor:
        with dl.no_grad():
            grad += 2
        return grad


def test_a_rule_that_writes_into_the_first_gradient_spoils_no_later_one() -> None:
    for expected in (3.0, 3.0):
        x = dl.tensor(5.0, requires_grad=True)
        Greedy()(x).backward()
        assert x.grad is not None
        assert x.grad.item() == expected
    x = dl.tensor(5.0, requires_grad=True)
    x.backward()
    assert x.grad is not None
    x.grad += 4
    y = dl.tensor(2.0, requires_grad=True)
    y.backward()
    assert y.grad is not None
    assert y.grad.item() == 1.0
