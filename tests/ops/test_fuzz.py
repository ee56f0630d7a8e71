"""Random shapes, dtypes, axes, numbers and indexes for every operation.

The result equals NumPy's under the library's dtype rules, or the operation raises one of its
documented errors. What NumPy takes as floats of one dtype must not be refused.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import dlcore as dl

from .cases import ALL, FLOATS, INTEGERS, OPS

DOCUMENTED = (dl.ShapeError, dl.DTypeError, IndexError, ValueError, OverflowError, TypeError)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Out of bound index found:DeprecationWarning"),  # of NumPy before 2.4
    pytest.mark.filterwarnings("ignore:Conversion of an array with ndim > 0:DeprecationWarning"),  # likewise
]

TOLERANCE = {"float16": 2e-3, "float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}
FLOAT_FUNCTIONS = ("exp", "log", "log1p", "sqrt", "tanh")
UNARY = ("abs", "square", "negative", "positive", "real", "imag", "conj", *FLOAT_FUNCTIONS)
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
BINARY = ("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "pow", *COMPARISONS)
REDUCTIONS = ("sum", "mean", "max", "min")


# --- what is thrown ---------------------------------------------------------------------------------------

shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
dtypes = st.one_of(st.sampled_from(ALL), st.sampled_from(FLOATS))
numbers = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.floats(-3, 3),
    st.complex_numbers(max_magnitude=10),
    st.sampled_from([np.float32(1.5), np.int8(-2), np.bool_(True), np.float64(2.5), np.uint64(7)]),
)
sizes = st.integers(-2, 4)
axes = st.one_of(st.none(), st.integers(-4, 4), st.lists(st.integers(-4, 4), max_size=3).map(tuple))


@st.composite
def arrays(draw: Any, shape: Any = shapes, dtype: Any = dtypes) -> np.ndarray:
    """Small values, special ones among them, in any layout."""
    shape, kind = draw(shape), np.dtype(draw(dtype))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind.kind == "b":
        values = rng.random(shape) < 0.5
    elif kind.kind in "iu":
        limits = np.iinfo(kind)
        values = rng.integers(-3 if kind.kind == "i" else 0, 4, shape)
        values = np.where(rng.random(shape) < 0.1, rng.choice([limits.min, limits.max], shape).astype(kind), values)
    else:
        values = rng.normal(size=shape) * 2
        values = np.where(
            rng.random(shape) < 0.15, rng.choice([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan], shape), values
        )
        if kind.kind == "c":
            values = values + 1j * rng.normal(size=shape)
    array = np.asarray(values).astype(kind)
    layout = draw(st.sampled_from(["plain", "reversed", "transposed", "strided"]))
    if layout == "reversed":
        array = array[(..., *(slice(None, None, -1),) * array.ndim)]
    elif layout == "transposed":
        array = np.ascontiguousarray(array.T).T
    elif layout == "strided" and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    return array


@st.composite
def broadcasting(draw: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast, more often than not."""
    shape = draw(shapes)
    other = tuple(1 if draw(st.booleans()) else size for size in shape)[draw(st.integers(0, len(shape))) :]
    return draw(st.sampled_from([(shape, other), (other, shape), (shape, draw(shapes))]))


@st.composite
def operands(draw: Any) -> list[Any]:
    first, second = draw(broadcasting())
    x, y = draw(arrays(st.just(first))), draw(arrays(st.just(second)))
    if draw(st.booleans()):
        y = y.astype(x.dtype)
    return draw(st.sampled_from([[x, y], [x, y], [x, draw(numbers)], [draw(numbers), y]]))


ends = st.one_of(st.none(), st.integers(-6, 6))
steps = st.one_of(st.none(), st.sampled_from([-3, -2, -1, 1, 2, 3, 0]))
parts = st.one_of(
    st.integers(-5, 5),
    st.builds(slice, ends, ends, steps),
    st.none(),
    st.just(Ellipsis),
    st.lists(st.integers(-4, 3), max_size=3),
    arrays(st.lists(st.integers(0, 3), max_size=2).map(tuple), st.sampled_from([*INTEGERS, "int64", "int64"])),
    arrays(st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple), st.just("bool")),
    st.just("mask"),
)
indexes = st.one_of(parts, st.lists(parts, max_size=4).map(tuple))


# --- what is expected -------------------------------------------------------------------------------------


def tensor(x: Any) -> Any:
    return dl.asarray(x) if isinstance(x, np.ndarray) else x


def number_of(x: Any) -> Any:
    return x.item() if isinstance(x, np.generic) else x


def common(x: Any, y: Any, inexact: bool = False) -> np.dtype[Any]:
    """The dtype that the library promises for an operation on x and y, arrays or numbers."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        a, b = x.dtype, y.dtype
        if (a.kind in "fc") != (b.kind in "fc"):
            result = a if a.kind in "fc" else b
        else:
            result = np.result_type(a, b)
            if result.kind == "f" and a.kind not in "fc":
                raise TypeError("int64 with uint64")
    else:
        array, number = (x, number_of(y)) if isinstance(x, np.ndarray) else (y, number_of(x))
        result = array.dtype
        if isinstance(number, complex) and result.kind != "c":
            result = np.dtype("complex128" if result == np.float64 else "complex64")
        elif isinstance(number, float) and result.kind not in "fc":
            result = np.dtype("float32")
        elif isinstance(number, int) and not isinstance(number, bool) and result.kind == "b":
            result = np.dtype("int64")
    return np.dtype("float32") if inexact and result.kind not in "fc" else result


def at(dtype: np.dtype[Any], x: Any) -> Any:
    """An array in that dtype; a number as a Python number, which NumPy does not widen for either."""
    return x.astype(dtype) if isinstance(x, np.ndarray) else number_of(x)


def check(
    name: str, call: Callable[[], Any], expect: Callable[[], Any], given_: list[Any], accepted: bool | None = None
) -> None:
    """Compare one call with NumPy's; see the head of this file. `accepted`: whether it must not be refused."""
    before = [x.copy() if isinstance(x, np.ndarray) else x for x in given_]
    with np.errstate(all="ignore"):
        try:
            expected: Any = expect()
        except (*DOCUMENTED, ZeroDivisionError) as error:
            expected = error
        try:
            actual = call()
            dl.current_device().backend.synchronize()  # a GPU says only then what is wrong with values
        except DOCUMENTED as error:
            actual = error
    for now, then in zip(given_, before, strict=True):
        if isinstance(now, np.ndarray):
            np.testing.assert_array_equal(now, then)
    if isinstance(actual, Exception):
        refused = f"{type(actual).__name__}: {actual}"
        assert str(actual).startswith(name) or "too large to convert to float" in str(actual), refused
        if accepted is None:
            kinds = {x.dtype for x in given_ if isinstance(x, np.ndarray)}
            numbers_ = [number_of(x) for x in given_ if not isinstance(x, np.ndarray)]
            accepted = len(kinds) == 1 and kinds.pop().kind == "f" and not any(isinstance(n, complex) for n in numbers_)
        assert isinstance(expected, Exception) or not accepted, f"NumPy takes this, dlcore refused: {refused}"
        return
    if isinstance(expected, Exception):
        raise AssertionError(f"NumPy refuses this ({expected!r}), dlcore answers {actual!r}") from expected
    expected = np.asarray(expected)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    tolerance = TOLERANCE.get(str(expected.dtype), 0)
    np.testing.assert_allclose(actual.numpy(), expected, rtol=tolerance, atol=tolerance)


# --- the operations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNARY)
@given(x=arrays())
@SETTINGS
def test_functions_of_one_tensor(name: str, x: np.ndarray) -> None:
    def expect() -> Any:
        dtype = x.dtype if x.dtype.kind in "fc" or name not in FLOAT_FUNCTIONS else np.dtype("float32")
        if name == "imag" and x.dtype.kind != "c":
            raise TypeError  # NumPy gives zeros; the standard defines it for complex numbers
        y = x if name in ("positive", "conj") and x.dtype.kind != "c" else getattr(np, name)(x.astype(dtype))
        return y.astype(x.dtype) if name == "square" else y

    check(name, lambda: getattr(dl, name)(tensor(x)), expect, [x])


@pytest.mark.parametrize("name", BINARY)
@given(xy=operands())
@SETTINGS
def test_functions_of_two_operands(name: str, xy: list[Any]) -> None:
    x, y = xy

    def expect() -> Any:
        dtype = common(x, y, inexact=name == "divide")
        symbol = {"floor_divide": operator.floordiv, "remainder": operator.mod, "pow": operator.pow}.get(name)
        return (symbol or getattr(np, name))(at(dtype, x), at(dtype, y))

    check(name, lambda: getattr(dl, name)(tensor(x), tensor(y)), expect, xy)


SYMBOLS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "<": operator.lt,
           "==": operator.eq, "**": operator.pow, "@": operator.matmul}  # fmt: skip


@pytest.mark.parametrize("symbol", SYMBOLS)
@given(xy=operands())
@SETTINGS
def test_operators_are_the_functions(symbol: str, xy: list[Any]) -> None:
    names = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "<": "less", "==": "equal", "**": "pow",
             "@": "matmul"}  # fmt: skip
    outcomes = []
    for function in (SYMBOLS[symbol], getattr(dl, names[symbol])):
        with np.errstate(all="ignore"):
            try:
                y = function(*[tensor(a) for a in xy])
                outcomes.append((y.dtype, y.shape, y.numpy().tobytes()))
            except DOCUMENTED as error:
                outcomes.append(type(error))
    mirrored = symbol in "<==" and not isinstance(xy[0], np.ndarray)  # Python turns 2 < x into x > 2
    if not (mirrored and isinstance(outcomes[0], type)):
        assert outcomes[0] == outcomes[1]


@given(xy=operands(), symbol=st.sampled_from(["iadd", "isub", "imul", "itruediv"]))
@settings(SETTINGS, max_examples=200)
def test_in_place_operators(xy: list[Any], symbol: str) -> None:
    x, y = xy
    if not isinstance(x, np.ndarray):
        x, y = y, x
    x, changed = x.copy(), x.copy()
    t = dl.asarray(changed)
    with np.errstate(all="ignore"):
        try:
            getattr(operator, symbol)(t, tensor(y))
        except DOCUMENTED as error:
            message = str(error)
            assert message.startswith("x ") or "too large" in message
            np.testing.assert_array_equal(t.numpy(), x)
            assert t._version[0] == 0
            return
        expected = getattr(operator, symbol)(x.copy(), y.astype(x.dtype) if isinstance(y, np.ndarray) else number_of(y))
    np.testing.assert_array_equal(t.numpy(), expected)
    assert t._version[0] == 1


@given(xy=operands(), condition=st.one_of(arrays(dtype=st.just("bool")), arrays()))
@settings(SETTINGS, max_examples=150)
def test_where(xy: list[Any], condition: np.ndarray) -> None:
    x, y = xy

    def expect() -> Any:
        if condition.dtype != np.bool_:
            raise TypeError
        dtype = common(x, y)
        filled = [a.astype(dtype) if isinstance(a, np.ndarray) else np.asarray(number_of(a)).astype(dtype) for a in xy]
        return np.where(condition, *filled)

    check("where", lambda: dl.where(tensor(condition), tensor(x), tensor(y)), expect, [condition, x, y], False)


@given(x=arrays(), bounds=st.lists(st.one_of(st.none(), numbers, arrays()), min_size=2, max_size=2))
@settings(SETTINGS, max_examples=150)
def test_clip(x: np.ndarray, bounds: list[Any]) -> None:
    def expect() -> Any:
        dtype = x.dtype
        for bound in bounds:
            if bound is not None:
                dtype = common(np.empty(0, dtype), bound)
        if dtype.kind in "bc":
            raise TypeError
        y = x.astype(dtype)
        for function, bound in zip((np.maximum, np.minimum), bounds, strict=True):
            if bound is not None:
                y = function(y, at(dtype, bound))
        return y

    check("clip", lambda: dl.clip(tensor(x), *map(tensor, bounds)), expect, [x, *[b for b in bounds if b is not None]])


@pytest.mark.parametrize("name", REDUCTIONS)
@given(x=arrays(), axis=axes, keepdims=st.booleans())
@SETTINGS
def test_reductions(name: str, x: np.ndarray, axis: Any, keepdims: bool) -> None:
    def expect() -> Any:
        if x.ndim == 0 and axis not in (None, ()):
            raise ValueError  # NumPy takes 0 and -1 for an axis of a 0-d array
        y = x.astype("float32") if name == "mean" and x.dtype.kind not in "fc" else x
        if y.dtype == np.float16 and name in ("sum", "mean"):
            return getattr(np, name)(y.astype("float32"), axis=axis, keepdims=keepdims).astype("float16")
        return getattr(np, name)(y, axis=axis, keepdims=keepdims)

    check(name, lambda: getattr(dl, name)(tensor(x), axis=axis, keepdims=keepdims), expect, [x])


@given(x=arrays(), shape=st.one_of(sizes, st.lists(sizes, max_size=3).map(tuple)))
@settings(SETTINGS, max_examples=150)
def test_reshape_and_broadcast_to(x: np.ndarray, shape: Any) -> None:
    wanted = (shape,) if isinstance(shape, int) else shape
    if min(wanted, default=0) >= -1:  # NumPy takes any negative number for -1
        check("reshape", lambda: dl.reshape(tensor(x), shape), lambda: np.reshape(x, shape), [x])
    check("broadcast_to", lambda: dl.broadcast_to(tensor(x), shape), lambda: np.broadcast_to(x, shape), [x])


@given(x=arrays(), order=st.lists(st.integers(-4, 3), max_size=4).map(tuple), axis=axes, position=st.integers(-5, 5))
@settings(SETTINGS, max_examples=150)
def test_axes(x: np.ndarray, order: tuple[int, ...], axis: Any, position: int) -> None:
    def squeezed() -> Any:
        if x.ndim == 0 and axis not in (None, ()):
            raise ValueError  # NumPy takes 0 and -1 for an axis of a 0-d array
        return np.squeeze(x, axis)

    for axes_ in (order, tuple(np.random.default_rng(len(order)).permutation(x.ndim).tolist())):
        check("permute_dims", lambda a=axes_: dl.permute_dims(tensor(x), a), lambda a=axes_: np.transpose(x, a), [x])
    check("squeeze", lambda: dl.squeeze(tensor(x), axis), squeezed, [x])
    check("expand_dims", lambda: dl.expand_dims(tensor(x), axis=position), lambda: np.expand_dims(x, position), [x])
    check("matrix_transpose", lambda: dl.matrix_transpose(tensor(x)), lambda: np.matrix_transpose(x), [x])


@given(
    xs=st.lists(arrays(), max_size=3), like=arrays(), same=st.booleans(), axis=st.one_of(st.none(), st.integers(-3, 3))
)
@settings(SETTINGS, max_examples=150)
def test_concat(xs: list[np.ndarray], like: np.ndarray, same: bool, axis: int | None) -> None:
    parts_ = [like, *[like[:1] if same and like.ndim else x for x in xs]]

    def expect() -> Any:
        dtype = parts_[0].dtype
        for x in parts_[1:]:
            dtype = common(np.empty(0, dtype), x)
        return np.concatenate([x.astype(dtype) for x in parts_], axis=axis)

    check("concat", lambda: dl.concat([tensor(x) for x in parts_], axis=axis), expect, parts_)


@given(x=arrays(), y=arrays(), fits=st.booleans())
@settings(SETTINGS, max_examples=150)
def test_matmul(x: np.ndarray, y: np.ndarray, fits: bool) -> None:
    if fits and x.ndim and y.ndim:
        y = np.resize(y, (*y.shape[:-2], x.shape[-1], y.shape[-1]) if y.ndim > 1 else (x.shape[-1],)).astype(x.dtype)

    x, y = (np.nan_to_num(a) if a.dtype.kind == "c" else a for a in (x, y))  # complex inf * inf has many answers

    def expect() -> Any:
        dtype = common(x, y)
        if dtype.kind == "b":
            raise TypeError
        a, b = x.astype(dtype), y.astype(dtype)
        if dtype == np.float16:
            return np.matmul(a.astype("float32"), b.astype("float32")).astype(dtype)
        return np.matmul(a, b)

    check("matmul", lambda: dl.matmul(tensor(x), tensor(y)), expect, [x, y])


@given(x=arrays(), index=indexes, as_tensors=st.booleans())
@settings(SETTINGS, max_examples=400)
def test_indexing(x: np.ndarray, index: Any, as_tensors: bool) -> None:
    index = _with_masks(x, index)
    host = _with_int_lists(index)
    here = _with_tensors(index) if as_tensors else index
    accepted = False if _reads_nothing(x, host) else None
    check("indexing", lambda: tensor(x)[here], lambda: x[host], [x], accepted)


@given(x=arrays(), index=indexes, value=st.one_of(numbers, arrays(), st.just("fits")))
@settings(SETTINGS, max_examples=400)
def test_index_update_and_item_assignment(x: np.ndarray, index: Any, value: Any) -> None:
    index = _with_masks(x, index)
    host = _with_int_lists(index)
    if isinstance(value, str):
        try:
            value = np.ones_like(x[host])
        except (IndexError, ValueError):
            value = 1

    def expect() -> Any:
        out = x.copy()
        order = "bifc"  # a value may be of a lower kind than x, not of a higher one
        if isinstance(value, np.ndarray) and order.index(value.dtype.kind.replace("u", "i")) > order.index(
            x.dtype.kind.replace("u", "i")
        ):
            raise TypeError
        out[host] = value.astype(x.dtype) if isinstance(value, np.ndarray) else value
        target = x[host].shape
        if isinstance(value, np.ndarray) and np.broadcast_shapes(value.shape, target) != target:
            raise ValueError("NumPy drops leading axes of size 1")
        return out

    repeated = _repeats(x, host)
    real = isinstance(number_of(value), (bool, int, float)) and not isinstance(value, np.ndarray)
    fits = real or (isinstance(value, np.ndarray) and value.dtype == x.dtype)
    accepted = x.dtype.kind == "f" and fits and not repeated and not _reads_nothing(x, host)

    def assign() -> dl.Tensor:
        t = dl.tensor(x)
        t[index] = value if not isinstance(value, np.ndarray) else dl.tensor(value)
        return t

    check("index_update", lambda: dl.index_update(tensor(x), index, tensor(value)), expect, [x], accepted)
    if not repeated:
        check("item assignment", assign, expect, [x], False)


@given(x=arrays(), index=indexes)
@settings(SETTINGS, max_examples=200)
def test_the_gradient_of_indexing_counts_how_often_a_place_is_read(x: np.ndarray, index: Any) -> None:
    try:
        places = np.arange(x.size).reshape(x.shape)[_with_int_lists(index)]
    except (IndexError, ValueError):
        return
    if _reads_nothing(x, _with_int_lists(index)):
        return
    t = dl.zeros(x.shape, dtype="float64", requires_grad=True)
    t[index].backward(dl.ones(places.shape, dtype="float64"))
    assert t.grad is not None
    expected = np.bincount(places.ravel(), minlength=x.size).reshape(x.shape)
    np.testing.assert_array_equal(t.grad.numpy(), expected)


def _reads_nothing(x: np.ndarray, index: Any) -> bool:
    """NumPy then does not look at the index arrays; here they must be in range all the same."""
    try:
        return x[index].size == 0
    except (IndexError, ValueError):
        return False


def _with_masks(x: np.ndarray, index: Any, axis: int = 0) -> Any:
    """Masks in place of the word, which fit the axis that they would be at if all before them took one."""
    if isinstance(index, tuple):
        return tuple(_with_masks(x, part, axis) for axis, part in enumerate(index))
    if not isinstance(index, str):
        return index
    return np.random.default_rng(x.size).random(x.shape[axis : axis + 1 + x.size % 2] or (1,)) < 0.6


def _with_int_lists(index: Any) -> Any:
    """NumPy takes an empty list for floats."""
    if isinstance(index, tuple):
        return tuple(_with_int_lists(part) for part in index)
    return np.asarray(index, dtype=np.int64) if isinstance(index, list) else index


def _with_tensors(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_with_tensors(part) for part in index)
    if isinstance(index, np.ndarray) and index.dtype == np.bool_:
        return dl.tensor(index)
    return dl.tensor(index, dtype="int64") if isinstance(index, (list, np.ndarray)) and np.size(index) else index


def _repeats(x: np.ndarray, index: Any) -> bool:
    try:
        places = np.arange(x.size).reshape(x.shape)[index]
    except (IndexError, ValueError):
        return False
    return np.unique(places).size != places.size


@given(labels=arrays(), classes=st.integers(-2, 300))
@settings(SETTINGS, max_examples=150)
def test_one_hot(labels: np.ndarray, classes: int) -> None:
    def expect() -> Any:
        if labels.dtype.kind not in "iu":
            raise TypeError
        count = classes
        if classes == -1:
            if labels.size == 0 or int(labels.max()) > 1000:
                raise ValueError
            count = int(labels.max()) + 1
        if count < 1 or (labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < count):
            raise ValueError
        return (labels[..., None].astype("float64") == np.arange(count)).astype(np.int64)

    if labels.size and labels.dtype.kind in "iu" and classes == -1 and int(labels.max()) > 1000:
        return  # it would be as long as the label says
    check("one_hot", lambda: dl.one_hot(tensor(labels), classes), expect, [labels])


@given(x=arrays(), dtype=dtypes)
@settings(SETTINGS, max_examples=150)
def test_astype(x: np.ndarray, dtype: str) -> None:
    if x.dtype.kind == "f" and np.dtype(dtype).kind in "iu":  # what does not fit has no defined value
        x = np.asarray(np.nan_to_num(x))
        x = np.asarray(x.clip(0 if np.dtype(dtype).kind == "u" else -100, 100))

    def expect() -> Any:
        if x.dtype.kind == "c" and np.dtype(dtype).kind != "c":
            raise TypeError
        return x.astype(dtype)

    check("astype", lambda: dl.astype(tensor(x), dtype), expect, [x])
    check("astype", lambda: tensor(x).to(dtype), expect, [x])


@given(shape=st.one_of(sizes, st.lists(sizes, max_size=3).map(tuple)), value=numbers, dtype=st.none() | dtypes)
@settings(SETTINGS, max_examples=150)
def test_full(shape: Any, value: Any, dtype: str | None) -> None:
    def expect() -> Any:
        default = {bool: "bool", int: "int64", float: "float32", complex: "complex64"}
        kind = np.dtype(dtype or (value.dtype if isinstance(value, np.generic) else default[type(value)]))
        number = number_of(value)
        if "biufc".index(np.asarray(number).dtype.kind if abs(number) < 2**63 else "i") > "biufc".index(
            "i" if kind.kind in "bu" else kind.kind
        ):
            raise TypeError
        return np.full(shape, number, dtype=kind)

    check("full", lambda: dl.full(shape, value, dtype=dtype), expect, [], False)


whole_or_not = st.one_of(st.integers(-5, 5), st.sampled_from([0.25, -0.5, 1.5, 2.0, math.inf, math.nan]))


@given(start=whole_or_not, stop=st.none() | whole_or_not, step=whole_or_not)
@settings(SETTINGS, max_examples=100)
def test_arange(start: Any, stop: Any, step: Any) -> None:
    def expect() -> Any:
        ends_ = (start, step) if stop is None else (start, stop, step)
        if not all(map(math.isfinite, ends_)):
            raise ValueError
        dtype = "int64" if all(isinstance(end, int) for end in ends_) else "float32"
        return np.arange(0 if stop is None else start, start if stop is None else stop, step, dtype=dtype)

    check("arange", lambda: dl.arange(start, stop, step), expect, [], False)


def test_every_operation_is_thrown_at() -> None:
    elsewhere = {"where", "clip", "reshape", "broadcast_to", "permute_dims", "squeeze", "expand_dims", "concat",
                 "full", "matrix_transpose", "matmul", "getitem", "index_update", "one_hot", "astype", "to",
                 "arange"}  # fmt: skip
    fills = {"zeros", "ones", "zeros_like", "ones_like", "full_like"}  # all of them are `full`
    from . import test_fuzz_elementwise, test_fuzz_shape

    in_files = test_fuzz_elementwise.THROWN | test_fuzz_shape.THROWN
    by_the_table_alone = {
        "bitwise_left_shift", "bitwise_right_shift", "einsum", "logsumexp", "sign", "tensordot", "vecdot",
        "vector_norm", *test_fuzz_shape.BY_THE_TABLE_ALONE,
    }  # fmt: skip
    assert set(OPS) == {*UNARY, *BINARY, *REDUCTIONS} | in_files | by_the_table_alone | elsewhere | fills
