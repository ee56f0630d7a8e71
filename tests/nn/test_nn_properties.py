"""Any shapes, dtypes and settings: the result is that of the reference primitives, or a documented exception."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import dlcore as dl
from dlcore import _device
from dlcore.backend import Backend
from dlcore.nn import functional as F

DOCUMENTED = (dl.ShapeError, dl.DTypeError, ValueError, IndexError)
TOLERANCE = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-10}


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

sizes = st.integers(0, 4)
dtypes = st.sampled_from(["float32"] * 6 + ["float64"] * 3 + ["float16", "int64", "bool", "complex64"])
small = st.integers(-1, 3)
settings_2d = st.one_of(st.just(1), st.integers(1, 2), st.tuples(st.integers(1, 3), st.integers(1, 2)), small)
reductions = st.sampled_from(["none", "mean", "sum", "max"])


@st.composite
def arrays(draw: Any, *shapes: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    shape = draw(st.one_of(*shapes, st.lists(sizes, max_size=4).map(tuple)) if shapes else st.lists(sizes).map(tuple))
    kind = dtype or draw(dtypes)
    values = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape) * 2
    layout = draw(st.sampled_from(["C", "F"]))
    return np.asarray(values.astype(kind), order=layout)


@st.composite
def calls(draw: Any) -> tuple[str, list[Any], dict[str, Any]]:
    """A function, its arrays (which fit more often than chance would have it) and its settings."""
    name = draw(st.sampled_from(sorted(set(F.__all__) - {"dropout", "one_hot"})))
    dtype = draw(dtypes)
    n, c, d = draw(sizes), draw(sizes), draw(sizes)
    if name in ("softmax", "log_softmax"):
        return name, [draw(arrays(dtype=dtype))], {"dim": draw(small)}
    if name == "linear":
        given_arrays = [draw(arrays(st.just((n, c)), st.just((n, d, c)), st.just((c,)), dtype=dtype))]
        given_arrays.append(draw(arrays(st.just((d, c)), dtype=dtype)))
        if draw(st.booleans()):
            given_arrays.append(draw(arrays(st.just((d,)), dtype=dtype)))
        return name, given_arrays, {}
    if name == "conv2d":
        groups = draw(st.sampled_from([1, 1, 2, 2, 0]))
        height, width = draw(st.integers(0, 7)), draw(st.integers(2, 7))
        x = draw(arrays(st.just((n, c * groups, height, width)), st.just((c * groups, height, width)), dtype=dtype))
        kernel = (d * groups, c, draw(st.sampled_from([1, 2, 3, 0])), draw(st.integers(1, 3)))
        given_arrays = [x, draw(arrays(st.just(kernel), dtype=dtype))]
        if draw(st.booleans()):
            given_arrays.append(draw(arrays(st.just((d * groups,)), dtype=dtype)))
        keys = ("stride", "padding", "dilation")
        return name, given_arrays, {"groups": groups, **{k: draw(settings_2d) for k in keys if draw(st.booleans())}}
    if name.endswith("pool2d"):
        shape = (n, c, draw(st.integers(0, 6)), draw(st.integers(1, 6)))
        options = {"kernel_size": draw(settings_2d), "ceil_mode": draw(st.booleans())}
        keys = ("stride", "padding") if name == "avg_pool2d" else ("stride", "padding", "dilation")
        options |= {k: draw(settings_2d) for k in keys if draw(st.booleans())}
        if name == "avg_pool2d":
            options["count_include_pad"] = draw(st.booleans())
            options["divisor_override"] = draw(st.sampled_from([None, None, 3, 0, -1]))
        return name, [draw(arrays(st.just(shape), st.just(shape[1:]), dtype=dtype))], options
    if name == "cross_entropy":
        shape = draw(st.sampled_from([(n, c), (n, c), (c,), (n, c, d)]))
        x = draw(arrays(st.just(shape), dtype=dtype))
        target = shape[:1] + shape[2:] if len(shape) > 1 else ()
        labels = np.random.default_rng(draw(st.integers(0, 99))).integers(-1, max(c, 1), target)
        options = {"ignore_index": draw(st.sampled_from([-1, -1, 0, -100])), "reduction": draw(reductions)}
        options["label_smoothing"] = draw(st.sampled_from([0.0, 0.3, 2.0]))
        given_arrays = [x, np.asarray(labels)]
        if draw(st.booleans()):
            given_arrays.append(draw(arrays(st.just((c,)), dtype=dtype)))
        return name, given_arrays, options
    if name in ("mse_loss", "binary_cross_entropy_with_logits"):
        shape = (n, c)
        given_arrays = [draw(arrays(st.just(shape), dtype=dtype)), draw(arrays(st.just(shape), dtype=dtype))]
        options = {"reduction": draw(reductions)}
        if name.startswith("binary") and draw(st.booleans()):
            options["pos_weight"] = draw(arrays(st.just((c,)), st.just((n, 1)), dtype=dtype))
        return name, given_arrays, options
    return name, [draw(arrays(dtype=dtype))], {}


def outcome(device: dl.device, name: str, given_arrays: list[Any], options: dict[str, Any]) -> Any:
    """The value and the gradients of the floats; or the type and text of the exception."""
    with device:
        weight_at = 2 if name == "cross_entropy" else 9
        tensors = [
            dl.tensor(a, requires_grad=a.dtype.kind in "fc" and position != weight_at)
            for position, a in enumerate(given_arrays)
        ]
        options = {k: dl.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        try:
            y = getattr(F, name)(*tensors, **options)
        except DOCUMENTED as error:
            return type(error), str(error)
        y.sum().backward()
        return [y.numpy(), *(t.grad.numpy() for t in tensors if t.requires_grad)]


@settings(max_examples=600, deadline=None)
@given(calls())
def test_the_result_is_the_references_or_a_documented_exception(call: tuple[str, list[Any], dict[str, Any]]) -> None:
    name, given_arrays, options = call
    before = [a.copy() for a in given_arrays]
    with np.errstate(all="ignore"):
        actual, expected = (outcome(d, name, given_arrays, options) for d in (dl.device("numpy"), REFERENCE))
    for now, then in zip(given_arrays, before, strict=True):
        np.testing.assert_array_equal(now, then)
    if isinstance(expected, tuple):
        assert actual == expected
        assert name in expected[1] or "pool2d" in expected[1]
        return
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == e.dtype
        tolerance = TOLERANCE[str(e.dtype)]
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance, strict=True)
