"""Every override of every built-in device against the reference implementation, over one table of cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock
from zlib import crc32

import numpy as np
import pytest

from dlcore import _device, reference
from dlcore.backend import Backend, PhiloxCounter, primitives

from .case_tools import OwnMask
from .cases import CASES, Case

#: The simulator stands for the GPU: it runs the same backend and the same kernels.
DEVICES = ["numpy", *(["cusim"] if _device._lack("cusim", 0) is None else [])]

PRIMITIVES = set(primitives())

# Random numbers have the same bits everywhere; a mask or a move of values rounds nothing.
BIT_EQUAL = {
    "philox", "random_uniform", "random_normal", "random_integers", "random_permutation", "dropout_forward",
    "dropout_backward", "max_pool2d_forward", "min_pool2d_forward", "index_pool2d_gather", "scatter_add",
    "top_places",
    "adaptive_max_pool2d_forward", "adaptive_pool2d_gather", "fill_zero",
    "cast",
}  # fmt: skip
#: Relative to the largest value: the order of sums differs. Sums before an activation that saturates are short here,
#: for their rounding grows with them and that value does not; tests/cuda/test_convolution.py has long ones.
TOLERANCE = {"float64": 1e-12, "float32": 5e-6, "float16": 2e-3, "complex128": 1e-12, "complex64": 5e-6}


class Reference(Backend):
    """The reference implementations on NumPy arrays."""

    name = "reference"
    xp = np
    array_type = np.ndarray

    def from_host(self, array: Any, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(array, dtype=dtype, copy=copy)

    def to_host(self, x: Any) -> Any:
        return x


def backend_for(device: str) -> Backend:
    create: Callable[[int], Backend] = import_module(f"dlcore.backends.{device}").create
    return create(0)


def overrides(backend: Backend) -> list[str]:
    """The primitives that a device's class, or a parent of it other than Backend, defines."""
    classes = type(backend).__mro__
    defined = {name for cls in classes[: classes.index(Backend)] for name in vars(cls)}
    return sorted(defined & PRIMITIVES)


def test_every_primitive_has_cases() -> None:
    assert set(CASES) == PRIMITIVES


def test_case_names_are_unique() -> None:
    for primitive, cases in CASES.items():
        names = [case.name for case in cases]
        assert len(names) == len(set(names)), primitive


@pytest.mark.parametrize(
    ("device", "primitive"), [(device, name) for device in DEVICES for name in overrides(backend_for(device))]
)
def test_parity(device: str, primitive: str) -> None:
    check_override(backend_for(device), primitive)


def check_override(backend: Backend, primitive: str) -> None:
    """Every case of the primitive; and in one case at least the override must not just do what it would inherit."""
    assert CASES.get(primitive), f"{backend.name}: {primitive}: an override without cases"
    inherited = []
    for case in CASES[primitive]:
        try:
            inherited.append(check(backend, primitive, case))
        except Exception as error:
            raise AssertionError(f"{backend.name}: {primitive}: case {case.name!r}: {error}") from error
    assert not all(inherited), f"{backend.name}: {primitive}: every case goes on to the reference implementation"


def check(backend: Backend, primitive: str, case: Case) -> bool:
    """Compare the device with the reference; returns whether all the device did was to call the reference."""
    # Equal sets of arguments from one seed: the reference's, and the device's.
    expected_arguments, options = arguments_for(Reference(), case)
    arguments, device_options = arguments_for(backend, case)
    untouched, _ = arguments_for(backend, case)

    expected = outcome(Reference(), primitive, expected_arguments, options)
    with counted_reference(primitive) as calls:
        actual = outcome(backend, primitive, arguments, device_options)

    exact = primitive in BIT_EQUAL
    if isinstance(expected, Exception) or isinstance(actual, Exception):
        assert repr(actual) == repr(expected)
        expected = actual = ()
    if primitive == "dropout_forward":  # what the device keeps for the backward pass is its own business
        expected, actual = expected[0], actual[0]
    results = zip(as_tuple(expected), as_tuple(actual), strict=True)
    for position, (wanted, got) in enumerate(results):
        compare(backend, wanted, got, exact, f"result {position}")
        for argument in arguments:
            shared = (
                isinstance(argument, backend.array_type)
                and isinstance(got, backend.array_type)
                and backend.shares_memory(argument, got)
            )
            assert not shared or case.in_place, f"result {position} shares memory with an argument"

    for position, (wanted, got, original) in enumerate(zip(expected_arguments, arguments, untouched, strict=True)):
        if isinstance(got, backend.array_type):
            changed = position in case.in_place
            compare(
                backend, wanted if changed else backend.to_host(original), got, exact or not changed,
                f"argument {position}",
            )  # fmt: skip
    return len(calls) == 1


def outcome(backend: Backend, primitive: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What the primitive returns, or the error for a wrong value, which may come when the device is waited for."""
    try:
        result = getattr(backend, primitive)(*arguments, **options)
        backend.synchronize()
    except (IndexError, ValueError) as error:
        if not primitive.startswith("check_"):
            raise
        return error
    return result


@contextmanager
def counted_reference(primitive: str) -> Iterator[list[None]]:
    """A list that grows with each call of the reference function (for a few primitives the method of Backend)."""
    owner: Any = reference if hasattr(reference, primitive) else Backend
    original, calls = getattr(owner, primitive), []

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(None)
        return original(*arguments, **options)

    with mock.patch.object(owner, primitive, counted):
        yield calls


def arguments_for(backend: Backend, case: Case) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The case's arguments on the device, new ones for each call."""
    arguments, options = case.make(np.random.default_rng(crc32(case.name.encode())))
    return (
        tuple(to_device(backend, argument) for argument in arguments),
        {key: to_device(backend, value) for key, value in options.items()},
    )


def to_device(backend: Backend, value: Any) -> Any:
    if isinstance(value, OwnMask):
        return backend.dropout_forward(backend.from_host(value.x), value.p, value.counter)[1]
    return backend.from_host(value) if isinstance(value, np.ndarray) else value


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def compare(backend: Backend, wanted: Any, got: Any, exact: bool, what: str) -> None:
    if wanted is None:
        assert got is None, f"{what}: expected None"
        return
    assert isinstance(got, backend.array_type), f"{what}: not an array of the device: {type(got)}"
    got = backend.to_host(got)
    assert got.dtype == wanted.dtype, f"{what}: dtype {got.dtype}, expected {wanted.dtype}"
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, expected {wanted.shape}"
    if exact or wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, wanted, err_msg=what)
        return
    finite = np.abs(wanted[np.isfinite(wanted)])
    largest = float(finite.max()) if finite.size else 0.0
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE[wanted.dtype.name] * largest, err_msg=what)


# --- the parity test itself --------------------------------------------------------------------------


class Planted(Reference):
    """A device with an override that is right, one that is wrong, and some that only call what they override."""

    name = "planted"

    def shares_memory(self, x: Any, y: Any) -> bool:
        return bool(np.may_share_memory(x, y))

    def l2_norm(self, x: Any) -> Any:
        return reference.l2_norm(np, x) if x.size < 100 else np.asarray(np.sqrt((x.astype("f8") ** 2).sum()), x.dtype)

    def scatter_add(self, values: Any, index: Any, size: int) -> Any:
        return 2 * super().scatter_add(values, index, size)

    def sum(self, x: Any, axes: tuple[int, ...], keepdims: bool = False, out: Any = None) -> Any:
        return super().sum(x, axes, keepdims, out)

    def softmax_forward(self, x: Any, axis: int, log: bool = False) -> Any:
        return reference.softmax_forward(np, x, axis, log)

    def fill_zero(self, x: Any) -> None:
        super().fill_zero(x)


def test_a_good_override_passes() -> None:
    assert overrides(Planted()) == ["fill_zero", "l2_norm", "scatter_add", "softmax_forward", "sum"]
    check_override(Planted(), "l2_norm")


def test_a_wrong_override_fails() -> None:
    with pytest.raises(AssertionError, match=r"planted: scatter_add: case '[^']*': \sArrays are not equal"):
        check_override(Planted(), "scatter_add")


@pytest.mark.parametrize("primitive", ["sum", "softmax_forward", "fill_zero"])
def test_an_override_that_no_case_reaches_fails(primitive: str) -> None:
    with pytest.raises(AssertionError, match=f"planted: {primitive}: every case goes on to the reference"):
        check_override(Planted(), primitive)


@pytest.mark.parametrize("missing", [True, False])
def test_an_override_without_cases_fails(missing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing:
        monkeypatch.delitem(CASES, "l2_norm")
    else:
        monkeypatch.setitem(CASES, "l2_norm", [])
    with pytest.raises(AssertionError, match="planted: l2_norm: an override without cases"):
        check_override(Planted(), "l2_norm")


# --- single primitives --------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dropout_backward_uses_the_mask_of_the_forward(device: str, dtype: str, rng: np.random.Generator) -> None:
    backend = backend_for(device)
    grad = rng.normal(size=(6, 7)).astype(dtype)
    p, counter = 0.5, PhiloxCounter(3, 1, 4)
    ones = backend.from_host(np.ones((6, 7), dtype))
    y, mask = backend.dropout_forward(ones, p, counter)
    for _ in range(2):  # using the mask does not use it up
        result = backend.to_host(backend.dropout_backward(backend.from_host(grad), p, counter, mask))
        np.testing.assert_array_equal(result, backend.to_host(y) * grad)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("wrong", "message"), [(-1, "labels: -1"), (10, "labels: 10")])
def test_check_index_range_names_the_value(device: str, wrong: int, message: str) -> None:
    backend = backend_for(device)
    index = backend.from_host(np.array([[3, wrong], [0, 9]]))

    def check_and_wait() -> None:
        backend.check_index_range(index, 0, 10, "labels: ", ignore=3)
        backend.synchronize()

    with pytest.raises(IndexError, match=message):
        check_and_wait()


@pytest.mark.parametrize("device", DEVICES)
def test_gather_and_scatter_are_transposes(device: str, rng: np.random.Generator) -> None:
    """<gather(x), g> = <x, scatter(g)> for every pooling of the table."""
    backend = backend_for(device)
    for case in CASES["index_pool2d_gather"]:
        (x, index, spec), _ = case.make(rng)
        x = rng.normal(size=x.shape)
        grad = rng.normal(size=index.shape)
        arguments = [backend.from_host(array) for array in (x, grad, index)]
        gathered = backend.to_host(backend.index_pool2d_gather(arguments[0], arguments[2], spec))
        scattered = backend.to_host(backend.index_pool2d_scatter(arguments[1], arguments[2], x.shape, spec))
        np.testing.assert_allclose(np.vdot(gathered, grad), np.vdot(x, scattered), rtol=1e-12, atol=1e-10)
