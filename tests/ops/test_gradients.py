"""First and second derivatives of every operation against finite differences, in float64 and complex128."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl

from .cases import Case, Op, parameters, tensors


@pytest.mark.parametrize(("op", "case"), parameters(lambda op: op.differentiable))
def test_gradients(op: Op, case: Case, rng: np.random.Generator) -> None:
    for dtype in op.float_dtypes:
        arguments = tensors(case.arrays(rng, dtype))
        positions = [i for i, varies in enumerate(case.varies()) if varies]
        for i in positions:
            arguments[i] = arguments[i].detach().requires_grad_()

        def call(*varied: dl.Tensor, arguments: list[Any] = arguments, positions: list[int] = positions) -> dl.Tensor:
            filled = list(arguments)
            for i, x in zip(positions, varied, strict=True):
                filled[i] = x
            return op.here(*filled, **case.keywords)

        inputs = [arguments[i] for i in positions]
        assert call(*inputs).requires_grad
        assert dl.gradcheck(call, inputs, second_order=True)


@pytest.mark.parametrize(("op", "case"), parameters(lambda op: op.differentiable))
def test_a_gradient_has_the_shape_dtype_and_device_of_its_tensor(op: Op, case: Case, rng: np.random.Generator) -> None:
    for dtype in set(op.dtypes) & {"float16", "float32", "complex64"}:
        arguments = tensors(case.arrays(rng, dtype))
        leaves = [a.requires_grad_() for a, varies in zip(arguments, case.varies(), strict=True) if varies]
        y = op.here(*arguments, **case.keywords)
        y.backward(dl.ones_like(y))
        for leaf in leaves:
            assert leaf.grad is not None
            assert (leaf.grad.shape, leaf.grad.dtype, leaf.grad.device) == (leaf.shape, leaf.dtype, leaf.device)


@pytest.mark.parametrize(("op", "case"), parameters(lambda op: op.differentiable))
def test_only_the_gradients_that_are_wanted_are_computed(op: Op, case: Case, rng: np.random.Generator) -> None:
    """With one input in the graph at a time, its gradient is the one it has when all are."""
    dtype = op.float_dtypes[0]
    arrays = case.arrays(rng, dtype)
    positions = [i for i, varies in enumerate(case.varies()) if varies]

    def gradients(live: list[int]) -> list[Any]:
        arguments = tensors(arrays)
        for i in live:
            arguments[i].requires_grad_()
        y = op.here(*arguments, **case.keywords)
        y.backward(dl.ones_like(y))
        return [arguments[i].grad.numpy() for i in live]

    together = gradients(positions)
    for i, expected in zip(positions, together, strict=True):
        (alone,) = gradients([i])
        np.testing.assert_array_equal(alone, expected)


def test_mixed_dtypes_give_each_input_a_gradient_of_its_own_dtype() -> None:
    x = dl.ones((2,), dtype="float32").requires_grad_()
    y = dl.ones((2,), dtype="float64").requires_grad_()
    z = dl.ones((2,), dtype="complex128").requires_grad_()
    total = (x * y * z).sum()
    total.backward(dl.ones_like(total))
    assert [x.grad.dtype, y.grad.dtype, z.grad.dtype] == [dl.float32, dl.float64, dl.complex128]


@pytest.mark.parametrize(
    "loss",
    [lambda z: dl.abs(z).sum(), lambda z: dl.real(z * dl.conj(z)).sum(), lambda z: (dl.real(z) ** 2).sum()
     + (dl.imag(z) ** 2).sum(), lambda z: dl.real(dl.exp(z)).sum()],
)  # fmt: skip
def test_a_step_against_the_gradient_of_a_complex_number_descends(loss: Callable[[Any], dl.Tensor]) -> None:
    z = dl.tensor([1 + 2j, -0.5 + 0.3j], dtype="complex128", requires_grad=True)
    before = loss(z)
    before.backward()
    after = loss(z.detach() - 1e-3 * z.grad)
    assert after.item() < before.item()


def test_what_has_no_gradient_gives_a_tensor_outside_of_the_graph() -> None:
    x = dl.ones((2,), requires_grad=True)
    for y in (x > 0, x == x, x // 2, dl.zeros_like(x), x.detach(), dl.astype(x, "int64")):
        assert not y.requires_grad
        assert y.is_leaf
