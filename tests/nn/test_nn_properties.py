"""Any shapes, dtypes, layouts and settings: the result is that of the reference primitives, or a documented exception.

Three calls of four are such as should succeed, so that values and gradients are compared; what the fourth gets is
anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore import _device
from dlcore.backend import Backend
from dlcore.nn import functional as F

DOCUMENTED = (dl.ShapeError, dl.DTypeError, ValueError, IndexError)
TOLERANCE = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-10}
NAMES = sorted(F.__all__)


class Reference(Backend):
    """A device with an array namespace and not one override."""

    name = "reference"
    xp = np
    array_type = np.ndarray

    def from_host(self, array: Any, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(array, dtype=dtype, copy=copy)

    def to_host(self, x: Any) -> Any:
        return x

    def shares_memory(self, x: Any, y: Any) -> bool:
        return bool(np.may_share_memory(x, y))


def reference_device() -> dl.device:
    made = object.__new__(_device.device)
    made.type, made.index, made.backend = "reference", 0, Reference()
    return made


REFERENCE = reference_device()

# --- what is thrown -----------------------------------------------------------------------------

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": lambda x: x,
    "F": lambda x: np.asarray(x, order="F"),
    "negative steps": lambda x: np.ascontiguousarray(np.flip(x))[(..., *(slice(None, None, -1),) * x.ndim)],
    "every second": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim else x,
}
Call = tuple[list[Any], dict[str, Any]]  # arrays, and settings by name


class Draw:
    """Draws arguments: such as fit, or with `wild` whatever comes."""

    def __init__(self, draw: Any, wild: bool) -> None:
        self.draw, self.wild = draw, wild
        floats = ["float32", "float32", "float64", "float16"]
        self.dtype = draw(st.sampled_from([*floats, "int64", "bool", "complex64"] if wild else floats))

    def size(self, least: int = 1, most: int = 4) -> int:
        """A size, now and then 0 (but not where at least 2 are asked for)."""
        if least < 2 and self.draw(st.integers(0, 9)) == 9:
            return 0
        return int(self.draw(st.integers(0 if self.wild else least, most)))

    def shape(self) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.draw(st.integers(0, 4))))

    def one_of(self, valid: list[Any], invalid: list[Any]) -> Any:
        return self.draw(st.sampled_from([*valid, *invalid] if self.wild else valid))

    def pair(self, least: int, most: int, bad: int) -> Any:
        """An int, or two of them."""
        one = st.integers(least, most)
        choices = [one, st.tuples(one, one)]
        return self.draw(st.one_of(*choices, st.just(bad)) if self.wild else st.one_of(*choices))

    def array(self, *shapes: tuple[int, ...]) -> Any:
        """Of one of the shapes; with `wild` perhaps of another, or of another dtype."""
        shape = self.draw(st.sampled_from(shapes))
        dtype = self.dtype
        if self.wild and self.draw(st.integers(0, 3)) == 3:
            shape = self.shape()
        if self.wild and self.draw(st.integers(0, 3)) == 3:
            dtype = self.draw(st.sampled_from(["float64", "float32", "int64"]))
        values = np.random.default_rng(self.draw(st.integers(0, 99))).normal(size=shape) * 2
        return LAYOUTS[self.draw(st.sampled_from(sorted(LAYOUTS)))](np.asarray(values.astype(dtype)))

    def labels(self, shape: tuple[int, ...], classes: int) -> Any:
        low, high = (-2, classes + 2) if self.wild else (0, max(classes, 1))
        drawn = np.random.default_rng(self.draw(st.integers(0, 99))).integers(low, high, shape)
        return np.asarray(drawn).astype(self.one_of(["int64", "int8"], ["float32", "bool"]))

    def some(self, **choices: Callable[[], Any]) -> dict[str, Any]:
        """Some of the settings; the others keep their defaults."""
        return {name: choose() for name, choose in choices.items() if self.draw(st.booleans())}


def elementwise(d: Draw) -> Call:
    return [d.array(d.shape())], {}


def softmax(d: Draw) -> Call:
    x = d.array((d.size(), *d.shape()[:3]))
    return [x], {"dim": d.draw(st.integers(-x.ndim - d.wild, x.ndim - 1 + d.wild)) if x.ndim else 0}


def linear(d: Draw) -> Call:
    n, c, k = d.size(), d.size(), d.size()
    x, weight = d.array((n, c), (n, 2, c), (c,)), d.array((k, c))
    return [x, weight, *([d.array((k,))] if d.draw(st.booleans()) else [])], {}


def conv2d(d: Draw) -> Call:
    groups = d.one_of([1, 1, 2, 3], [0, -1, True])
    c, k, n = d.size() * groups, d.size() * groups, d.size(most=9)
    kernel = (d.size(1, 3), d.size(1, 3)) if d.wild else (d.draw(st.integers(1, 3)), d.draw(st.integers(1, 3)))
    size = (d.size(5, 8), d.size(5, 8))
    options = d.some(stride=lambda: d.pair(1, 3, 0), padding=lambda: d.pair(0, 3, -1), dilation=lambda: d.pair(1, 2, 0))
    c, k = max(c, 0), max(k, 0)
    arrays = [d.array((n, c, *size), (c, *size)), d.array((k, c // max(groups, 1), *kernel))]
    return [*arrays, *([d.array((k,))] if d.draw(st.booleans()) else [])], {"groups": groups, **options}


def pool2d(d: Draw) -> Call:
    shape = (d.size(most=9), d.size(), d.size(5, 8), d.size(5, 8))
    kernel = d.pair(1, 3, 0)
    half = min(kernel) // 2 if isinstance(kernel, tuple) else kernel // 2
    options = d.some(stride=lambda: d.pair(1, 4, 0), padding=lambda: d.pair(0, half + d.wild, -1))
    return [d.array(shape, shape[1:])], {"kernel_size": kernel, "ceil_mode": d.draw(st.booleans()), **options}


def extremum_pool2d(d: Draw) -> Call:
    arrays, options = pool2d(d)
    return arrays, options | d.some(dilation=lambda: d.pair(1, 2, 0))


def avg_pool2d(d: Draw) -> Call:
    arrays, options = pool2d(d)
    divisors = d.some(divisor_override=lambda: d.one_of([3, -1, None], [0, 1.5]))
    return arrays, options | divisors | d.some(count_include_pad=lambda: d.draw(st.booleans()))


def cross_entropy(d: Draw) -> Call:
    n, c, k = d.size(), d.size(1, 5), d.size()
    shape = d.draw(st.sampled_from([(n, c), (n, c), (c,), (n, c, k)]))
    arrays = [d.array(shape), d.labels(shape[:1] + shape[2:] if len(shape) > 1 else (), c)]
    options = d.some(
        ignore_index=lambda: d.one_of([-1, 0, 2], []),
        reduction=lambda: d.one_of(["none", "mean", "sum"], ["max"]),
        label_smoothing=lambda: d.one_of([0.0, 0.3, 1.0], [2.0]),
    )
    return [*arrays, *([d.array((c,))] if d.draw(st.booleans()) else [])], options


def mse_loss(d: Draw) -> Call:
    shape = d.shape()
    return [d.array(shape), d.array(shape)], d.some(reduction=lambda: d.one_of(["none", "mean", "sum"], ["max"]))


def binary_cross_entropy_with_logits(d: Draw) -> Call:
    shape = (d.size(), d.size())
    options = d.some(
        reduction=lambda: d.one_of(["none", "mean", "sum"], ["max"]),
        weight=lambda: d.array(shape, shape[1:], (shape[0], 1)),
        pos_weight=lambda: d.array(shape[1:], (1,), ()),
    )
    return [d.array(shape), d.array(shape)], options


def dropout(d: Draw) -> Call:
    p = d.one_of([0.0, 0.3, 0.5, 1.0], [-0.1, float("nan")])
    return [d.array(d.shape())], {"p": p, "training": d.draw(st.booleans()), "generator": 3}


def conv1d(d: Draw) -> Call:
    (x, weight, *bias), options = conv2d(d)
    options |= {key: value[0] for key, value in options.items() if isinstance(value, tuple)}
    return [
        x[..., 0] if x.shape[-1:] > (0,) else x,
        weight[..., 0] if weight.shape[-1:] > (0,) else weight,
        *bias,
    ], options


def conv_transpose2d(d: Draw) -> Call:
    groups = d.one_of([1, 1, 2, 3], [0, -1, True])
    c, k = d.size() * groups, d.size()
    shape = (d.size(most=9), max(c, 0), d.draw(st.integers(1, 5)), d.draw(st.integers(1, 5)))
    weight = (max(c, 0), k, d.draw(st.integers(1, 3)), d.draw(st.integers(1, 3)))
    options = d.some(stride=lambda: d.pair(1, 3, 0), padding=lambda: d.pair(0, 1, -1), dilation=lambda: d.pair(1, 2, 0))
    options |= d.some(output_padding=lambda: d.pair(0, d.wild, -1))
    bias = [d.array((k * max(groups, 0),))] if d.draw(st.booleans()) else []
    return [d.array(shape, shape[1:]), d.array(weight), *bias], {"groups": groups, **options}


def pool1d(d: Draw) -> Call:
    shape, kernel = (d.size(most=9), d.size(), d.size(5, 8)), d.draw(st.integers(1 - d.wild, 3))
    options = d.some(stride=lambda: d.draw(st.integers(1, 4)), padding=lambda: d.draw(st.integers(0, kernel // 2)))
    return [d.array(shape, shape[1:])], {"kernel_size": kernel, "ceil_mode": d.draw(st.booleans()), **options}


def adaptive_pool2d(d: Draw) -> Call:
    shape = (d.size(most=9), d.size(), d.size(2, 8), d.size(2, 8))
    one = st.one_of(st.integers(1 - d.wild, 9), st.none())
    return [d.array(shape, shape[1:])], {"output_size": d.draw(st.one_of(one, st.tuples(one, one)))}


def adaptive_pool1d(d: Draw) -> Call:
    shape = (d.size(most=9), d.size(), d.size(2, 8))
    return [d.array(shape, shape[1:])], {"output_size": d.draw(st.integers(-d.wild, 9))}


def interpolate(d: Draw) -> Call:
    shape = (d.size(), d.size(), *[d.draw(st.integers(1 - d.wild, 6)) for _ in range(d.draw(st.integers(1, 3)))])
    if d.draw(st.booleans()):
        return [d.array(shape)], {"size": d.draw(st.integers(1 - d.wild, 9))}
    factors = [1.0, 2, 3.0, 1.7, 2.5] if max(shape[2:]) < 6 or d.wild else [2.0]
    return [d.array(shape)], {"scale_factor": d.one_of(factors, [0.0, -1.0, float("nan"), 0.1])}


def channel_dropout(d: Draw) -> Call:
    return [d.array((d.size(), d.size(), d.size()))], dropout(d)[1]


def one_hot(d: Draw) -> Call:
    return [d.labels(d.shape(), 4)], {"num_classes": d.one_of([4, 9], [-1, 0, 2, -2])}


FUNCTIONS: dict[str, Callable[[Draw], Call]] = {
    **dict.fromkeys(("relu", "sigmoid", "tanh"), elementwise),
    **dict.fromkeys(("softmax", "log_softmax"), softmax),
    **dict.fromkeys(("max_pool2d", "min_pool2d"), extremum_pool2d),
    "linear": linear,
    "conv2d": conv2d,
    "avg_pool2d": avg_pool2d,
    "cross_entropy": cross_entropy,
    "mse_loss": mse_loss,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "dropout": dropout,
    "one_hot": one_hot,
    "conv1d": conv1d,
    "conv_transpose2d": conv_transpose2d,
    **dict.fromkeys(("max_pool1d", "min_pool1d", "avg_pool1d"), pool1d),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), adaptive_pool2d),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_max_pool1d"), adaptive_pool1d),
    "interpolate": interpolate,
    **dict.fromkeys(("dropout1d", "dropout2d"), channel_dropout),
}
NAMES = sorted(FUNCTIONS)

# --- what is expected ---------------------------------------------------------------------------


def outcome(device: dl.device, name: str, arrays: list[Any], options: dict[str, Any]) -> Any:
    """The value and the gradients of the floats; or the type and text of the exception."""
    without_gradient = 2 if name == "cross_entropy" else None  # the position of `weight`
    with device:
        tensors = [
            dl.asarray(a, device=device).requires_grad_(a.dtype.kind in "fc" and position != without_gradient)
            for position, a in enumerate(arrays)
        ]
        options = {k: dl.asarray(v, device=device) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        if "generator" in options:
            options["generator"] = dl.Generator(options["generator"])
        try:
            y = getattr(F, name)(*tensors, **options)
        except DOCUMENTED as error:
            return type(error), str(error)
        if y.requires_grad:
            y.sum().backward()
        return [y.numpy(), *(t.grad.numpy() for t in tensors if t.requires_grad)]


def check(name: str, call: Call) -> str:
    """Compare both devices; returns "error", "empty" or "value"."""
    arrays, options = call
    before = [a.copy() for a in arrays]
    with np.errstate(all="ignore"):
        actual, expected = (outcome(d, name, arrays, options) for d in (dl.device("numpy"), REFERENCE))
    for now, then in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(now, then)
    if isinstance(expected, tuple):
        assert actual == expected
        assert name in expected[1]
        return "error"
    assert isinstance(actual, list), actual
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == e.dtype
        tolerance = TOLERANCE.get(str(e.dtype), 0)
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance, strict=True)
    return "value" if expected[0].size else "empty"


def test_what_is_thrown_at_is_there() -> None:
    assert sorted(set(NAMES) - set(F.__all__)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_result_is_the_references_or_a_documented_exception(name: str) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data(), st.sampled_from([False, False, False, True]))
    def throw(data: st.DataObject, wild: bool) -> None:
        seen[check(name, FUNCTIONS[name](Draw(data.draw, wild)))] += 1

    throw()
    assert seen["value"] > 20, seen  # else hardly anything is compared
