"""Products with the Jacobian, the Jacobian itself and the Hessian: `torch.autograd.functional`, in its words.

`inputs` are one tensor or a tuple of them, and what comes back has the same form. Without `create_graph` they are
looked at as values only: nothing hangs on their graph, and they need not require grad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dlcore._errors import DTypeError, ShapeError
from dlcore._tensor import Tensor, wrap
from dlcore.autograd._backward import grad
from dlcore.autograd.recording import enable_grad

Tensors = Tensor | tuple[Tensor, ...]


def vjp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """The product of v with the Jacobian of `func`, v^T J: what backward computes.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: a float or complex tensor, or a tuple of them.
        v: of the form, shapes and dtypes of the outputs; None for an output with one element means 1.
        create_graph: record the computation, so that the results can be differentiated, also with respect to `inputs`.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    Returns:
        (outputs, product): `func(*inputs)`, and tensors of the shapes of `inputs`.

    Raises:
        TypeError, ShapeError, DTypeError: inputs, outputs or `v` that are not as above.
        RuntimeError: with `strict`, something is independent.

    >>> y, g = dl.autograd.vjp(lambda x: x * x, dl.tensor([1.0, 2.0]), dl.tensor([1.0, 10.0]))
    >>> g
    tensor([ 2., 40.])
    """
    with enable_grad():
        single, ins = _inputs("vjp", inputs, create_graph)
        one, outs = _outputs("vjp", func(*ins), strict)
        seeds = _seeds("vjp", v, outs, "outputs")
        found = _gradients("vjp", outs, ins, seeds, create_graph, strict)
        return _finished(outs, one, create_graph), _finished(found, single, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    """The product of the Jacobian of `func` with v, J v: the derivative in the direction v.

    It is computed by two backward passes: u^T J is linear in u, and its gradient with respect to u, weighed with v,
    is J v, whatever u is (J. Townsend, 2017, "A new trick for calculating Jacobian vector products").

    Args:
        func, inputs, create_graph, strict: as `vjp`.
        v: of the form, shapes and dtypes of the inputs; None for an input with one element means 1.

    Returns:
        (outputs, product): `func(*inputs)`, and tensors of the shapes of the outputs.

    >>> y, t = dl.autograd.jvp(lambda x: x * x, dl.tensor([1.0, 2.0]), dl.tensor([1.0, 10.0]))
    >>> t
    tensor([ 2., 40.])
    """
    with enable_grad():
        _, ins = _inputs("jvp", inputs, create_graph)
        directions = _seeds("jvp", v, ins, "inputs")
        one, outs = _outputs("jvp", func(*ins), strict)
        dummies = [_zeros(x).requires_grad_() for x in outs]
        first = _gradients("jvp", outs, ins, dummies, True, strict)
        found = _gradients("jvp", first, dummies, directions, create_graph, strict)
        return _finished(outs, one, create_graph), _finished(found, one, create_graph)


def jacobian(func: Callable[..., Any], inputs: Tensors, create_graph: bool = False, strict: bool = False) -> Any:
    """All first derivatives of `func`, by one backward pass for each element of its outputs.

    Args:
        func, inputs, create_graph, strict: as `vjp`; the outputs must be real.

    Returns:
        For one output and one input a tensor of shape (*output.shape, *input.shape); with a tuple of inputs a tuple
        of these, and with a tuple of outputs a tuple of such results, an entry for each output.

    Raises:
        DTypeError: a complex output.

    >>> dl.autograd.jacobian(lambda x: x * x, dl.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with enable_grad():
        single, ins = _inputs("jacobian", inputs, create_graph)
        one, outs = _outputs("jacobian", func(*ins), strict)
        for i, out in enumerate(outs):
            if out.dtype.kind == "c":
                raise DTypeError(f"jacobian: output {i} is {out.dtype}; take real and imaginary part apart")
        rows = []
        for out in outs:
            columns = _jacobian_of(out, ins, create_graph, strict)
            rows.append(_finished(columns, single, create_graph))
        return rows[0] if one else tuple(rows)


def hessian(func: Callable[..., Any], inputs: Tensors, create_graph: bool = False, strict: bool = False) -> Any:
    """All second derivatives of a function with one real value: the Jacobian of its gradient.

    Args:
        func: takes the inputs, returns a tensor with one element.
        inputs, create_graph, strict: as `vjp`.

    Returns:
        For one input a tensor of shape (*input.shape, *input.shape); for a tuple of inputs a tuple of tuples, of which
        entry [i][j] has shape (*inputs[i].shape, *inputs[j].shape).

    Raises:
        ShapeError: the output has not just one element.

    >>> dl.autograd.hessian(lambda x: (x**3).sum(), dl.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    single = isinstance(inputs, Tensor)

    def value(*xs: Tensor) -> Tensor:
        out = func(*xs)
        if not isinstance(out, Tensor):
            raise TypeError(f"hessian: func must return one tensor, got {type(out).__name__}")
        if out.size != 1:
            raise ShapeError(f"hessian: func must return a tensor with one element, got shape {out.shape}")
        return out.reshape(())

    def gradient(*xs: Tensor) -> Any:
        return jacobian(value, xs[0] if single else xs, create_graph=True, strict=strict)

    return jacobian(gradient, inputs, create_graph, strict)


# --- what they share ------------------------------------------------------------------------------------------------


def _tensors(name: str, what: str, given: Any) -> tuple[bool, list[Tensor]]:
    """Whether it is a single tensor, and the tensors in a list."""
    if isinstance(given, Tensor):
        return True, [given]
    if not isinstance(given, (tuple, list)):
        raise TypeError(f"{name}: {what} must be a Tensor or a tuple of Tensors, got {type(given).__name__}")
    for i, x in enumerate(given):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: {what}[{i}] must be a Tensor, got {type(x).__name__}")
    return False, list(given)


def _inputs(name: str, inputs: Any, create_graph: bool) -> tuple[bool, list[Tensor]]:
    """New tensors of the same values: with `create_graph` made from the inputs, else leaves."""
    single, given = _tensors(name, "inputs", inputs)
    return single, [
        x.reshape(x.shape) if create_graph and x._requires_grad else x.detach().requires_grad_() for x in given
    ]


def _outputs(name: str, outputs: Any, strict: bool) -> tuple[bool, list[Tensor]]:
    one, outs = _tensors(name, "what func returns", outputs)
    for i, x in enumerate(outs):
        if strict and not x._requires_grad:
            raise RuntimeError(f"{name}: output {i} does not depend on the inputs; strict=True does not allow that")
    return one, outs


def _seeds(name: str, v: Any, like: Sequence[Tensor], what: str) -> list[Tensor]:
    if v is None:
        if len(like) != 1 or like[0].size != 1:
            shapes = ", ".join(str(x.shape) for x in like)
            raise ShapeError(f"{name}: v may be left out for one tensor with one element only; {what}: {shapes}")
        return [_zeros(like[0]) + 1]
    _, seeds = _tensors(name, "v", v)
    if len(seeds) != len(like):
        raise ValueError(f"{name}: v has {len(seeds)} tensor(s), expected {len(like)} as there are {what}")
    for i, (x, expected) in enumerate(zip(seeds, like, strict=True)):
        if x.shape != expected.shape:
            raise ShapeError(f"{name}: v[{i}] has shape {x.shape}, expected {expected.shape} as of the {what}")
        if x.dtype != expected.dtype:
            raise DTypeError(f"{name}: v[{i}] is {x.dtype}, expected {expected.dtype} as of the {what}")
    return seeds


def _zeros(x: Tensor) -> Tensor:
    return wrap(x._device.backend.xp.zeros(x.shape, dtype=x.dtype), x._device)


def _gradients(
    name: str, outs: Sequence[Tensor], ins: Sequence[Tensor], seeds: Sequence[Tensor], create_graph: bool, strict: bool
) -> list[Tensor]:
    """`grad`, with zeros for what nothing depends on."""
    live = [(x, seed) for x, seed in zip(outs, seeds, strict=True) if x._requires_grad]
    found: Sequence[Tensor | None] = [None] * len(ins)
    if live:
        found = grad(
            [x for x, _ in live], ins, [seed for _, seed in live], create_graph, retain_graph=True, allow_unused=True
        )
    for i, gradient in enumerate(found):
        if strict and gradient is None:
            raise RuntimeError(f"{name}: the outputs do not depend on input {i}; strict=True does not allow that")
        if strict and create_graph and gradient is not None and not gradient._requires_grad:
            raise RuntimeError(
                f"{name}: the derivative with respect to input {i} does not depend on the inputs; strict=True with "
                "create_graph=True does not allow that"
            )
    return [_zeros(x) if gradient is None else gradient for x, gradient in zip(ins, found, strict=True)]


def _jacobian_of(out: Tensor, ins: Sequence[Tensor], create_graph: bool, strict: bool) -> list[Tensor]:
    """The Jacobian of one output with respect to each input, row by row."""
    from dlcore.ops import concat

    rows: list[list[Tensor]] = [[] for _ in ins]
    xp, count = out._device.backend.xp, out.size
    for i in range(count):
        unit = xp.reshape(xp.astype(xp.arange(count) == i, out.dtype), out.shape)
        found = _gradients("jacobian", [out], ins, [wrap(unit, out._device)], create_graph, strict)
        for column, gradient in zip(rows, found, strict=True):
            column.append(gradient.reshape((1, *gradient.shape)))
    return [
        concat(column, axis=0).reshape((*out.shape, *x.shape)) if count
        else wrap(xp.zeros((*out.shape, *x.shape), dtype=x.dtype), out._device)
        for column, x in zip(rows, ins, strict=True)
    ]  # fmt: skip


def _finished(results: Sequence[Tensor], single: bool, create_graph: bool) -> Any:
    """The results in the form that was asked for, without a graph unless that was wanted."""
    made = tuple(results) if create_graph else tuple([x.detach() for x in results])
    return made[0] if single else made
