"""dl.custom_op: what an operation from Python functions does, and what is refused."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore import _device
from dlcore.backends.numpy import NumpyBackend


def like(x: dl.Tensor, *, scale: float = 1.0) -> tuple[Any, Any]:
    return x.shape, x.dtype


def square_forward(xp: Any, x: Any, scale: float) -> Any:
    return scale * x * x


def square_backward(grad: dl.Tensor, x: dl.Tensor, scale: float) -> dl.Tensor:
    return grad * x * (2 * scale)


square = dl.custom_op("square", like, forward=square_forward, backward=square_backward)


def weighted(x: dl.Tensor, y: dl.Tensor, *, power: int) -> tuple[Any, Any]:
    if x.shape != y.shape:
        raise dl.ShapeError(f"weighted: shapes {x.shape} and {y.shape} differ")
    return x.shape[:1], x.dtype


dot = dl.custom_op(
    "dot",
    weighted,
    forward=lambda xp, x, y, power: xp.sum(x * y**power, axis=1),
    backward=lambda grad, x, y, power: (
        dl.expand_dims(grad, axis=1) * y**power,
        dl.expand_dims(grad, axis=1) * x * y ** (power - 1) * power,
    ),
)
tanh = dl.custom_op(
    "own_tanh", lambda x: (x.shape, x.dtype), forward=lambda xp, x: xp.tanh(x),
    backward=lambda g, output: g * (1 - output * output),
)  # fmt: skip
affine = dl.custom_op(
    "own_affine",
    lambda x, weight=None: (x.shape, x.dtype),
    forward=lambda xp, x, weight: x + 0 if weight is None else x * weight,
    backward=lambda grad, x, weight: (grad, None) if weight is None else (grad * weight, grad * x),
)


def numbers(rng: np.random.Generator, *shape: int) -> dl.Tensor:
    return dl.tensor(rng.uniform(0.5, 2.0, size=shape), requires_grad=True)


# --- values and gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 3)])
def test_values(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=shape).astype(dtype)
    y = square(dl.tensor(x), scale=3.0)
    assert isinstance(y, dl.Tensor)
    np.testing.assert_array_equal(y.numpy(), np.asarray(3.0 * x * x), strict=True)
    np.testing.assert_array_equal(square(dl.tensor(x)).numpy(), np.asarray(x * x), strict=True)


CHECKED: dict[str, tuple[Callable[..., dl.Tensor], list[tuple[int, ...]]]] = {
    "square": (lambda x: square(x, scale=2.0), [(2, 3)]),
    "dot": (lambda x, y: dot(x, y, power=3), [(2, 3), (2, 3)]),
    "the output": (tanh, [(4,)]),
    "an input that is left out": (affine, [(4,)]),
    "an optional input": (affine, [(4,), (4,)]),
    "by name": (lambda x, y: dot(y=y, x=x, power=2), [(2, 3), (2, 3)]),
    "in a graph": (lambda x: square(dl.exp(square(x))).sum(), [(3,)]),
    "one tensor twice": (lambda x: dot(x, x, power=2), [(2, 3)]),
}


@pytest.mark.parametrize("name", CHECKED)
def test_first_and_second_derivatives(name: str, rng: np.random.Generator) -> None:
    function, shapes = CHECKED[name]
    inputs = [numbers(rng, *shape) for shape in shapes]
    assert dl.gradcheck(function, inputs, atol=1e-6, rtol=1e-6, second_order=True)


def test_a_backward_that_is_an_operation(rng: np.random.Generator) -> None:
    """Its arguments are known by its signature, and its own backward is for the second derivative."""
    cube_gradient = dl.custom_op(
        "cube_gradient", lambda grad, x, *, scale: (x.shape, x.dtype),
        forward=lambda xp, grad, x, scale: 3 * scale * grad * x * x,
        backward=lambda gg, grad, x, scale: (gg * x * x * (3 * scale), gg * grad * x * (6 * scale)),
    )  # fmt: skip
    cube = dl.custom_op("cube", lambda x, *, scale: (x.shape, x.dtype),
                        forward=lambda xp, x, scale: scale * x**3, backward=cube_gradient)  # fmt: skip
    x = numbers(rng, 4)
    assert dl.gradcheck(lambda x: cube(x, scale=0.5), [x], second_order=True)
    once = dl.custom_op("once", lambda grad, x: (x.shape, x.dtype), forward=lambda xp, grad, x: 2 * grad * x)
    twice_wrong = dl.custom_op("sq", lambda x: (x.shape, x.dtype), forward=lambda xp, x: x * x, backward=once)
    (first,) = dl.grad(twice_wrong(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(first.numpy(), 2 * x.numpy())
    with pytest.raises(RuntimeError, match="custom op 'once': it was given no backward"):
        first.sum().backward()


def test_only_what_backward_asks_for_is_kept() -> None:
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    linear = dl.custom_op("linear", like, forward=lambda xp, x, scale: scale * x,
                          backward=lambda grad, scale: grad * scale)  # fmt: skip
    for op, kept in ((square, True), (linear, False)):
        own = x * 1
        y = op(own, scale=2.0)
        with dl.no_grad():
            own += 1
        if kept:
            with pytest.raises(RuntimeError, match=r"^square: .* modified in place"):
                y.sum().backward()
        else:
            y.sum().backward()
            assert x.grad is not None
            assert x.grad.tolist() == [2.0, 2.0]


def test_it_is_trained_with(rng: np.random.Generator) -> None:
    class Scaled(dl.nn.Module):
        def __init__(self) -> None:
            self.weight = dl.nn.Parameter(dl.tensor([2.0, 2.0, 2.0]))

        def forward(self, x: dl.Tensor) -> dl.Tensor:
            return affine(x, self.weight)

    model = Scaled()
    optimizer = dl.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(100):
        optimizer.zero_grad()
        x = dl.tensor(rng.normal(size=(8, 3)).astype("float32"))
        dl.mean(dl.square(model(x.sum(axis=0)) - x.sum(axis=0))).backward()
        dl.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    np.testing.assert_allclose(model.weight.numpy(), 1.0, atol=0.1)


def test_nothing_is_recorded_where_nothing_needs_it() -> None:
    assert not square(dl.ones(3)).requires_grad
    with dl.no_grad():
        assert not square(dl.ones(3).requires_grad_()).requires_grad
    assert "node=square" in repr(square(dl.ones(3, dtype="float32").requires_grad_()))


def test_a_result_is_new_memory() -> None:
    same = dl.custom_op("same", lambda x, y: (x.shape, x.dtype), forward=lambda xp, x, y: y)
    x, y = dl.ones(3), dl.ones(3)
    z = same(x, y)
    z += 1
    assert y.tolist() == [1.0, 1.0, 1.0]


def test_integer_inputs_have_no_gradient() -> None:
    take = dl.custom_op(
        "take", lambda x, index: (index.shape, x.dtype), forward=lambda xp, x, index: x[index],
        backward=lambda grad, x, index: (dl.zeros_like(x) + grad.sum(), None),
    )  # fmt: skip
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    y = take(x, dl.tensor([1, 1, 0]))
    assert y.tolist() == [2.0, 2.0, 1.0]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 3.0]


def test_copies() -> None:
    for twin in (copy.deepcopy(square), copy.copy(square), pickle.loads(pickle.dumps(square))):
        assert twin(dl.tensor([3.0]), scale=2.0).tolist() == [18.0]
    assert repr(square) == "<custom op square(x: 'dl.Tensor', *, scale: 'float' = 1.0) -> 'tuple[Any, Any]'>"
    assert square.__name__ == "square"


# --- devices ------------------------------------------------------------------------------------------------


class OtherBackend(NumpyBackend):
    """Host memory that runs CUDA "source": it notes what it was asked to compile and to launch."""

    name = "other"

    def __init__(self) -> None:
        self.compiled: list[Any] = []
        self.launched: list[Any] = []

    def compile_cuda(self, source: str, kernel: str, macros: Any = None) -> Any:
        self.compiled.append((source, kernel, macros))

        def launch(grid: Any, block: Any, arguments: Any, shared_memory: int = 0) -> None:
            self.launched.append((kernel, grid, block, shared_memory))
            x, out = arguments[:2]
            assert x.flags.c_contiguous
            assert out.flags.c_contiguous
            out[...] = 2 * x

        return launch


class Elsewhere(np.ndarray):
    """Arrays of a device whose memory is not the host's."""


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> OtherBackend:
    made = object.__new__(_device.device)
    made.type, made.index, made.backend = "other", 0, OtherBackend()
    monkeypatch.setitem(_device._loaded, ("other", 0), made)
    return made.backend


def launch_twice(kernels: Any, out: Any, x: Any, scale: float) -> None:
    kernels["twice"]((-(-x.size // 128), 1), (128,), (x, out, x.size))
    kernels["twice"]((1,), (1,), (x, out, x.size), shared_memory=64)


CUDA = dl.CudaSource("SCALAR text", launch_twice, {"TILE": 8})


def test_cuda_source_is_compiled_once_for_each_dtype_and_launched(other: OtherBackend) -> None:
    op = dl.custom_op("op", like, forward=square_forward, cuda=CUDA)
    with dl.device("other"):
        for dtype in ("float32", "float64", "float32", "float16", "int64", "bool"):
            x = dl.ones((300, 2)).astype(dtype)
            assert op(x.mT).shape == (2, 300)
    common = {"TILE": 8}
    assert other.compiled == [
        ("SCALAR text", "twice", {"SCALAR": "float", "REAL": "float", "SCALAR_BYTES": 4, "VECTOR": 4, **common}),
        ("SCALAR text", "twice", {"SCALAR": "double", "REAL": "double", "SCALAR_BYTES": 8, "VECTOR": 2, **common}),
        ("SCALAR text", "twice", {"SCALAR": "half_t", "REAL": "float", "SCALAR_BYTES": 2, "VECTOR": 8, **common}),
        ("SCALAR text", "twice", {"SCALAR": "long long", **common}),
        ("SCALAR text", "twice", {"SCALAR": "bool", **common}),
    ]
    assert other.launched == [("twice", (5, 1), (128,), 0), ("twice", (1,), (1,), 64)] * 6


def test_an_empty_result_launches_nothing(other: OtherBackend) -> None:
    op = dl.custom_op("op", like, cuda=CUDA)
    with dl.device("other"):
        assert op(dl.zeros((0, 2))).shape == (0, 2)
    assert other.launched == []


def test_a_dtype_that_has_no_scalar(other: OtherBackend) -> None:
    op = dl.custom_op("op", like, cuda=CUDA)
    with (
        dl.device("other"),
        pytest.raises(dl.DTypeError, match=r"custom op 'op': SCALAR .* complex64; expected.*float32"),
    ):
        op(dl.ones(2, dtype="complex64"))
    plain = dl.custom_op("plain", like, cuda=dl.CudaSource("no such word", launch_twice))
    with dl.device("other"):
        plain(dl.ones(2, dtype="complex64"))
    assert other.compiled == [("no such word", "twice", {})]


def test_a_device_without_an_implementation() -> None:
    op = dl.custom_op("op", like, cuda=CUDA)
    with dl.device("numpy"), pytest.raises(
        dl.DeviceError, match=r"custom op 'op': device 'numpy' .* CUDA source only; give c \(a dl.CSource\) or forward"
    ):  # fmt: skip
        op(dl.ones(2))


def test_c_source_is_not_for_memory_elsewhere(other: OtherBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    op = dl.custom_op("op", like, c=dl.CSource("", launch_twice))
    monkeypatch.setattr(other, "array_type", Elsewhere)
    monkeypatch.setattr(OtherBackend, "compile_cuda", dl.current_device().backend.__class__.compile_cuda)
    x = dl.ones(2, device="numpy")
    x._device = dl.device("other")
    with pytest.raises(dl.DeviceError, match=r"device 'other' .* C source only; give forward \(a Python function\)$"):
        op(x)


def test_devices_that_differ(other: OtherBackend) -> None:
    with pytest.raises(dl.DeviceError, match=r"^dot: .* numpy, other"):
        dot(dl.ones((2, 2), device="numpy"), dl.ones((2, 2), device="other"), power=1)


def test_the_contract_refuses_cuda_source() -> None:
    with pytest.raises(dl.DeviceError, match="device 'numpy' cannot run CUDA source; give a Python function"):
        dl.device("numpy").backend.compile_cuda("", "f")


# --- what is refused: calls ---------------------------------------------------------------------------------

X = dl.tensor([[1.0, 2.0]])


def returning(value: Any, rule: Any = None) -> Any:
    return dl.custom_op("op", like if rule is None else rule, forward=lambda xp, x, scale: value)


BAD_CALLS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no tensor": (lambda: square(3.0), TypeError, "custom op 'square': x must be a Tensor, got float"),
    "an array": (lambda: square(np.ones(3)), TypeError, "x must be a Tensor, got ndarray"),
    "None": (lambda: square(None), TypeError, "x must be a Tensor, got NoneType"),
    "nothing": (lambda: square(), TypeError, r"missing a required argument: 'x'; expected square\(x"),
    "too many": (lambda: square(X, X), TypeError, "too many positional arguments; expected square"),
    "unknown": (lambda: square(X, power=2), TypeError, "unexpected keyword argument 'power'; expected square"),
    "missing": (lambda: dot(X, X), TypeError, "missing a required .*'power'"),
    "optional": (lambda: affine(X, 3.0), TypeError, "weight must be a Tensor, got float"),
    "only None": (
        lambda: dl.custom_op("op", lambda x=None: ((), "float32"), forward=abs)(), TypeError, "at least one of x must",
    ),
    "the signature's": (lambda: dot(X, X[:, :1], power=1), dl.ShapeError, r"weighted: shapes \(1, 2\) and \(1, 1\)"),
    "no pair": (
        lambda: returning(1, lambda x, *, scale=1: x.shape)(X[0, 0]), TypeError, r"a shape and a dtype, got \(\)",
    ),
    "no shape": (lambda: returning(1, lambda x, *, scale=1: (3, "float32"))(X), TypeError, "a tuple of ints, got 3"),
    "half a shape": (
        lambda: returning(1, lambda x, *, scale=1: ((1.5,), "float32"))(X), TypeError, r"a tuple of ints, got \(1.5,\)",
    ),
    "negative": (lambda: returning(1, lambda x, *, scale=1: ((-1,), "float32"))(X), dl.ShapeError, r"\(-1,\)"),
    "no dtype": (lambda: returning(1, lambda x, *, scale=1: ((1,), "floaty"))(X), dl.DTypeError, "'floaty'"),
    "result": (lambda: returning(3)(X), TypeError, "forward must return an array of the device, got int"),
    "result None": (lambda: returning(None)(X), TypeError, "must return an array of the device, got NoneType"),
    "result shape": (
        lambda: returning(np.ones(3, "float32"))(X), dl.ShapeError,
        r"custom op 'op': forward returned shape \(3,\), but the signature says \(1, 2\)",
    ),
    "result dtype": (
        lambda: returning(np.ones((1, 2)))(X), dl.DTypeError,
        "custom op 'op': forward returned dtype float64, but the signature says float32",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CALLS)
@pytest.mark.host_memory
def test_a_bad_call(name: str) -> None:
    call, error, message = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        call()


# --- what is refused: gradients ---------------------------------------------------------------------------------

BAD_BACKWARDS: dict[str, tuple[Callable[..., Any] | None, type[Exception], str]] = {
    "none": (None, RuntimeError, "custom op 'op': it was given no backward"),
    "None": (lambda g: None, RuntimeError, "the gradient of x .* is None, but that input requires grad; return zeros"),
    "shape": (lambda g: g.sum(), dl.ShapeError, r"the gradient of x .* has shape \(\), expected \(2,\)"),
    "dtype": (lambda g: g.astype("float64"), dl.DTypeError, "the gradient of x .* has dtype float64, expected float32"),
    "array": (lambda g: g.numpy(), TypeError, "the gradient of x .* must be a Tensor, got ndarray"),
    "number": (lambda g: (g, g), ValueError, r"backward returned 2 gradient\(s\) for 1 input"),
}


@pytest.mark.parametrize("name", BAD_BACKWARDS)
def test_a_bad_gradient(name: str) -> None:
    backward, error, message = BAD_BACKWARDS[name]
    op = dl.custom_op("op", like, forward=square_forward, backward=backward)
    x = dl.tensor([1.0, 2.0], requires_grad=True)
    y = op(x).sum()
    with pytest.raises(error, match=message):
        y.backward()
    assert x.grad is None


def test_a_gradient_on_another_device(other: OtherBackend) -> None:
    op = dl.custom_op("op", like, forward=square_forward, backward=lambda g: dl.ones(2, device="other"))
    x = dl.ones(2, device="numpy").requires_grad_()
    with pytest.raises(dl.DeviceError, match=r"the gradient of x .* is on other, expected numpy"):
        op(x).sum().backward()


# --- what is refused: definitions ---------------------------------------------------------------------------------

forward = square_forward
BAD_DEFINITIONS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "name": (lambda: dl.custom_op("two words", like, forward=forward), ValueError, "name must be .*, got 'two words'"),
    "name type": (lambda: dl.custom_op(3, like, forward=forward), ValueError, "name must be .*, got 3"),
    "signature": (lambda: dl.custom_op("op", (3,), forward=forward), TypeError, r"signature must be a .*, got \(3,"),
    "forward": (lambda: dl.custom_op("op", like, forward="x"), TypeError, "forward must be a function, got 'x'"),
    "backward": (lambda: dl.custom_op("op", like, forward=forward, backward=3), TypeError, "backward must be a"),
    "nothing": (lambda: dl.custom_op("op", like, backward=forward), ValueError, "give forward, cuda or c"),
    "cuda": (lambda: dl.custom_op("op", like, cuda="text"), TypeError, "cuda must be a dl.CudaSource, got 'text'"),
    "c": (lambda: dl.custom_op("op", like, c=CUDA), TypeError, "c must be a dl.CSource, got CudaSource"),
    "text": (lambda: dl.custom_op("op", like, cuda=dl.CudaSource(like, "text")), TypeError, "a text and a function"),
    "no inputs": (lambda: dl.custom_op("op", lambda *, a: 0, forward=forward), ValueError, "at least one positional"),
    "variable": (lambda: dl.custom_op("op", lambda *x: 0, forward=forward), ValueError, r"signature cannot take \*x"),
    "keywords": (lambda: dl.custom_op("op", lambda x, **k: 0, forward=forward), ValueError, r"cannot take \*\*k"),
    "output": (lambda: dl.custom_op("op", lambda output: 0, forward=forward), ValueError, "cannot be called 'output'"),
    "takes": (
        lambda: dl.custom_op("op", like, forward=forward, backward=lambda g, y: g), ValueError,
        "backward takes y, which is none of output, scale, x",
    ),
    "takes all": (lambda: dl.custom_op("op", like, forward=forward, backward=lambda g, *x: g), ValueError, "takes .x"),
    "takes nothing": (
        lambda: dl.custom_op("op", like, forward=forward, backward=lambda: 0), ValueError, "must be the gradient",
    ),
    "by name only": (
        lambda: dl.custom_op("op", like, forward=forward, backward=lambda *, x: 0), ValueError, "must be the gradient",
    ),
    "builtin": (lambda: dl.custom_op("op", min, forward=forward), TypeError, "cannot be known"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_DEFINITIONS)
def test_a_bad_definition(name: str) -> None:
    define, error, message = BAD_DEFINITIONS[name]
    with pytest.raises(error, match=message):
        define()


def test_a_backward_may_have_arguments_of_its_own() -> None:
    op = dl.custom_op("op", like, forward=square_forward, backward=lambda g, x, factor=2: g * x * factor)
    x = dl.tensor([3.0], requires_grad=True)
    op(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0]
