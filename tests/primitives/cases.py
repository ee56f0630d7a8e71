"""The case table: for every primitive of `Backend`, calls that each device must answer as the reference does.

A case is a function of a random generator that gives the arguments as NumPy arrays, some of them with unusual
strides. `in_place` names the positions of arguments that the primitive changes.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from dlcore import reference
from dlcore.backend import PhiloxCounter
from dlcore.reference import ACTIVATIONS

from . import (
    cases_adaptive_pooling,  # noqa: F401 - fills the table
    cases_conversion,  # noqa: F401 - fills the table
    cases_losses,  # noqa: F401 - fills the table
    cases_normalization,  # noqa: F401 - fills the table
    cases_pointwise,  # noqa: F401 - fills the table
    cases_special,  # noqa: F401 - fills the table
)
from .case_tools import (
    CASES,
    DTYPES,
    INTEGERS,
    LAYOUTS,
    LAYOUTS_4D,
    Arguments,
    Array,
    Case,
    OwnMask,
    add,
    normal,
    variants,
)
from .cases_windows import CONVOLUTIONS

__all__ = ["CASES", "CONVOLUTIONS", "Case"]

# --- activations --------------------------------------------------------------------------------

EXTREMES = (0.0, -0.0, 1e4, -1e4, np.nan, np.inf, -np.inf)


def _activation(name: str, shape: tuple[int, ...], axis: int, dtype: str, layout: str, alpha: float) -> None:
    case = f"{name}-{shape}-{axis}-{dtype}-{layout}-{alpha}"

    def x(rng: np.random.Generator) -> Array:
        values = np.asarray(3 * rng.normal(size=shape))
        values.reshape(-1)[: len(EXTREMES)] = EXTREMES[: values.size]
        return LAYOUTS_4D[layout](values.astype(dtype))

    def bias(rng: np.random.Generator) -> Array:
        return normal(rng, (shape[axis],), dtype, layout if layout in LAYOUTS else "contiguous")

    def backward(rng: np.random.Generator) -> tuple[Array, ...]:
        saved = np.asarray(3 * rng.normal(size=shape), dtype)
        saved.reshape(-1)[:3] = (0.0, 1.0, np.nan)[: saved.size]
        if ACTIVATIONS[name].saves == "output":
            saved = np.asarray(ACTIVATIONS[name].forward(np, saved, alpha))
        return normal(rng, shape, dtype, layout), LAYOUTS_4D[layout](saved), name, alpha, axis

    def backward_with_out(rng: np.random.Generator) -> Arguments:
        return (*backward(rng), True, np.full(shape[axis], 7, dtype)), {}

    add("bias_activation_forward", case, lambda rng: ((x(rng), None, name, alpha, axis), {}))
    add("bias_activation_backward", case, lambda rng: (backward(rng), {}))
    if not shape:
        return
    add("bias_activation_forward", f"{case}-bias", lambda rng: ((x(rng), bias(rng), name, alpha, axis), {}))
    add("bias_activation_backward", f"{case}-bias", lambda rng: (backward(rng), {"bias_grad": True}))
    add("bias_activation_backward", f"{case}-bias out", backward_with_out, in_place=(6,))
    if layout != "read-only":

        def with_out(rng: np.random.Generator) -> Arguments:
            return (x(rng), bias(rng), name, alpha, axis, np.full(shape, 7, dtype)), {}

        add("bias_activation_forward", f"{case}-out", with_out, in_place=(5,))


for _name in ACTIVATIONS:
    _activation(_name, (5, 4), -1, "float32", "contiguous", 0.3)
    _activation(_name, (3, 4, 5, 6), 1, "float32", "contiguous", 0.3)
    _activation(_name, (5, 4), 0, "float64", "contiguous", -0.5)
    _activation(_name, (5, 4), -1, "float16", "contiguous", 1.5)
    _activation(_name, (0, 4), -1, "float32", "contiguous", 0.3)
    _activation(_name, (0, 4, 2, 2), 1, "float32", "contiguous", 0.3)
    _activation(_name, (40, 6, 17, 19), 1, "float32", "batch inner", 0.3)
    _activation(_name, (), -1, "float32", "contiguous", 0.3)
    _activation(_name, (70, 16), -1, "float32", "contiguous", 0.3)
    _activation(_name, (5, 3, 4, 8), 1, "float32", "contiguous", 0.3)
    _activation(_name, (5, 2, 40, 64), 1, "float32", "contiguous", 0.3)
    _activation(_name, (37,), 0, "float32", "contiguous", 0.3)
    _activation(_name, (150, 7), -1, "float32", "contiguous", 0.3)
    _activation(_name, (2, 2, 3, 173), 1, "float32", "contiguous", 0.3)
    for _layout in LAYOUTS_4D:
        _activation(_name, (9, 3, 5, 6), 1, "float32", _layout, 0.3)


def _softmax(shape: tuple[int, ...], axis: int, dtype: str, layout: str, scale: float) -> None:
    def output(rng: np.random.Generator, log: bool) -> Array:
        x = rng.normal(size=shape)
        exponentials = np.exp(x)
        p = exponentials / exponentials.sum(axis=axis, keepdims=True)
        return LAYOUTS[layout]((np.log(p) if log else p).astype(dtype))

    for log in (False, True):
        case = f"{shape}-{axis}-{dtype}-{layout}-{scale}-log={log}"
        add("softmax_forward", case, lambda rng, log=log: ((normal(rng, shape, dtype, layout) * scale, axis, log), {}))
        add(
            "softmax_backward",
            case,
            lambda rng, log=log: ((normal(rng, shape, dtype, layout), output(rng, log), axis, log), {}),
        )


for _dtype, _layout in variants(LAYOUTS):
    _softmax((5, 7), -1, _dtype, _layout, 1.0)
_softmax((5, 7), 0, "float32", "contiguous", 1e4)
_softmax((3, 4, 2, 2), 1, "float32", "contiguous", 10.0)
for _dtype in DTYPES:
    for _shape in ((9, 64), (3, 1000), (3, 1037), (2, 1104), (2, 8200)):  # held in registers, by a warp or more; or not
        _softmax(_shape, -1, _dtype, "contiguous", 3.0)
    for _shape in ((2, 5, 16), (2, 300, 5), (3, 4, 1)):
        _softmax(_shape, 1, _dtype, "contiguous", 3.0)
_softmax((0, 4), 1, "float32", "contiguous", 1.0)
_softmax((4, 0), 1, "float32", "contiguous", 1.0)


# --- losses -------------------------------------------------------------------------------------


def _cross_entropy(name: str, n: int, dtype: str, layout: str, scale: float, classes: int = 5, **options: Any) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        chosen = dict(options)
        labels = rng.integers(0, classes, size=n).astype(chosen.pop("labels", "int64"))
        if "ignored" in chosen:
            labels[rng.random(n) < chosen.pop("ignored")] = chosen["ignore_index"]
        if chosen.pop("weighted", False):
            chosen["weight"] = rng.random(classes).astype(dtype)
        return (normal(rng, (n, classes), dtype, layout) * scale, labels), chosen

    add("softmax_cross_entropy", f"{name}-{dtype}-{layout}-{scale}", make)


for _reduction in ("none", "mean", "sum"):
    for _dtype, _layout in variants(LAYOUTS):
        _cross_entropy(f"plain {_reduction}", 9, _dtype, _layout, 1.0, reduction=_reduction)
    _cross_entropy(f"large {_reduction}", 9, "float32", "contiguous", 1e4, reduction=_reduction)
    for _weighted, _smoothing, _ignored in product((False, True), (0.0, 0.2), (0.0, 0.4, 1.0)):
        _cross_entropy(
            f"{_reduction} {_weighted} {_smoothing} {_ignored}", 9, "float32", "contiguous", 1.0,
            reduction=_reduction, weighted=_weighted, label_smoothing=_smoothing, ignored=_ignored, ignore_index=-1,
        )  # fmt: skip
    _cross_entropy(f"ignored class {_reduction}", 9, "float32", "contiguous", 1.0, ignored=0.3, ignore_index=2)
    _cross_entropy(f"no rows {_reduction}", 0, "float32", "contiguous", 1.0, reduction=_reduction)
for _rows, _classes in ((9, 64), (5, 1000), (3, 1037), (3, 1104), (2, 8200), (2100, 8)):
    for _dtype, _reduction in (("float32", "mean"), ("float64", "sum"), ("float16", "none"), ("float16", "mean")):
        _cross_entropy(
            f"{_rows} rows {_classes} classes {_reduction}", _rows, _dtype, "contiguous", 3.0, _classes,
            reduction=_reduction, weighted=True, label_smoothing=0.1, ignored=0.3, ignore_index=-1,
        )  # fmt: skip
for _labels in INTEGERS:
    _cross_entropy(f"{_labels} labels", 9, "float32", "contiguous", 1.0, labels=_labels)
    _cross_entropy(f"{_labels} labels", 9, "float64", "contiguous", 1.0, labels=_labels, label_smoothing=0.1)


def _bce(name: str, shape: tuple[int, ...], dtype: str, layout: str, scale: float, **options: Any) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        arrays = {
            key: np.asarray(rng.random(value) + 0.5, dtype) for key, value in options.items() if key != "reduction"
        }
        target = LAYOUTS[layout](np.asarray(rng.random(shape), dtype))
        chosen = arrays | {"reduction": options["reduction"]}
        return (np.asarray(normal(rng, shape, dtype, layout) * scale), target), chosen

    add("bce_with_logits", f"{name}-{shape}-{dtype}-{layout}-{scale}-{options}", make)


for _reduction in ("none", "mean", "sum"):
    for _dtype, _layout in variants(LAYOUTS):
        _bce("plain", (6, 4), _dtype, _layout, 1.0, reduction=_reduction)
    _bce("large", (6, 4), "float32", "contiguous", 1e4, reduction=_reduction)
    _bce("weight", (6, 4), "float32", "contiguous", 1.0, reduction=_reduction, weight=(4,))
    _bce("weights", (6, 4), "float32", "contiguous", 1.0, reduction=_reduction, weight=(6, 1), pos_weight=(4,))
    _bce("column of weights", (70, 64), "float64", "contiguous", 1.0, reduction=_reduction, weight=(70, 1))
    _bce("several blocks", (41, 50), "float64", "contiguous", 1.0, reduction=_reduction)
    _bce("inner weights", (3, 2, 5), "float16", "contiguous", 1.0, reduction=_reduction, pos_weight=(3, 1, 5))
    _bce("one weight", (30, 100, 2), "float32", "contiguous", 1.0, reduction=_reduction, weight=(), pos_weight=(100, 1))
    _bce("empty", (0, 4), "float32", "contiguous", 1.0, reduction=_reduction)
    _bce("scalar", (), "float32", "contiguous", 1.0, reduction=_reduction)


# --- random numbers -----------------------------------------------------------------------------

COUNTERS = {
    "zero": PhiloxCounter(0, 0, 0),
    "some": PhiloxCounter(0x123456789ABCDEF0, 77, 3),
    "carries into the high word": PhiloxCounter(5, 2**32 - 3, 2**40 + 1),
    "wraps around": PhiloxCounter(2**64 - 1, 2**64 - 2, 2**64 - 1),
}
RANDOM_SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (7,), (3, 5), (40000,))

for _counter, _shape in product(COUNTERS, RANDOM_SHAPES):
    _at, _case = COUNTERS[_counter], f"{_counter}-{_shape}"
    _count = int(np.prod(_shape))
    add("philox", _case, lambda rng, at=_at, count=_count: ((at, count), {}))
    add("random_permutation", _case, lambda rng, at=_at, count=_count: ((at, count), {}))
    for _low, _high in ((0, 1), (-3, 4), (0, 2**63), (-(2**63), 2**63), (10, 10 + 2**33)):
        add(
            "random_integers",
            f"{_case}-{_low}-{_high}",
            lambda rng, at=_at, shape=_shape, low=_low, high=_high: ((at, shape, low, high), {}),
        )
    for _dtype in DTYPES:
        for _primitive in ("random_uniform", "random_normal"):
            add(
                _primitive,
                f"{_case}-{_dtype}",
                lambda rng, at=_at, shape=_shape, dtype=_dtype: ((at, shape, np.dtype(dtype)), {}),
            )


def _with_infinities(x: Array) -> Array:
    if x.flags.writeable and x.size:
        x[(0,) * x.ndim] = np.inf
    return x


def _dropout(p: float, shape: tuple[int, ...], dtype: str, layout: str, forward_layout: str) -> None:
    """`layout`: of x and of the gradient; `forward_layout`: of the x whose mask the backward pass gets."""
    case = f"{p}-{shape}-{dtype}-{layout}-{forward_layout}"
    at = COUNTERS["some"]

    def array(rng: np.random.Generator) -> Array:
        return _with_infinities(normal(rng, shape, dtype, layout))

    def mask(rng: np.random.Generator) -> OwnMask:
        return OwnMask(normal(rng, shape, dtype, forward_layout), p, at)

    if layout == forward_layout:
        add("dropout_forward", case, lambda rng: ((array(rng), p, at), {}))
        add("dropout_backward", f"{case}-no mask", lambda rng: ((array(rng), p, at, None), {}))
    add("dropout_backward", case, lambda rng: ((array(rng), p, at, mask(rng)), {}))


for _p, (_dtype, _layout) in product((0.0, 0.3, 0.5, 1.0), variants(LAYOUTS_4D)):
    for _shape in ((9, 2, 3, 4), (0, 2, 3, 4)):
        _dropout(_p, _shape, _dtype, _layout, _layout)
    if _layout == "contiguous":
        for _shape in ((), (1,), (37,), (5, 2000)):
            _dropout(_p, _shape, _dtype, _layout, _layout)
    else:
        _dropout(_p, (9, 2, 3, 4), _dtype, _layout, "contiguous")
        _dropout(_p, (9, 2, 3, 4), _dtype, "contiguous", _layout)
_on_bound = int(reference.philox(np, COUNTERS["some"], 10)[9] >> 8) * 2.0**-24  # of p: element 9 is just kept
for _dtype in DTYPES:
    _dropout(_on_bound, (37,), _dtype, "contiguous", "contiguous")


# --- indexing -----------------------------------------------------------------------------------

for (_rows, _size, _width), (_dtype, _layout) in product(
    ((20, 4, ()), (0, 3, (2,)), (20, 6, (3,)), (10, 3, (2, 3)), (5, 2, (0,)), (9, 13, (256,)), (300, 7, (512,))),
    variants(LAYOUTS),
):
    add(
        "scatter_add",
        f"{_rows}-{_size}-{_width}-{_dtype}-{_layout}",
        lambda rng, rows=_rows, size=_size, width=_width, dtype=_dtype, layout=_layout: (
            (normal(rng, (rows, *width), dtype, layout), LAYOUTS[layout](rng.integers(0, size, size=rows)), size),
            {},
        ),
    )
for _dtype in DTYPES:  # a large result with few rows that are not zero, as of an embedding
    add(
        "scatter_add",
        f"large result-{_dtype}",
        lambda rng, dtype=_dtype: ((normal(rng, (20, 3), dtype), 7777 * rng.integers(0, 9, size=20), 70_000), {}),
    )
for _shape, _k, _axis in (
    ((5,), 2, 0), ((3, 4), 4, 1), ((3, 4), 0, 0), ((0, 70), 3, 1), ((3, 70), 5, 1), ((70, 3), 17, 0),
    ((2, 100, 2), 1, 1), ((300,), 64, 0),
):  # fmt: skip
    for _dtype in (*DTYPES, *INTEGERS, "bool"):
        for _largest in (True, False):
            for _spread in (3, 1000):  # many equal elements, or few
                add(
                    "top_places",
                    f"{_shape}-{_k}-{_axis}-{_dtype}-{_largest}-{_spread}",
                    lambda rng, shape=_shape, k=_k, axis=_axis, dtype=_dtype, largest=_largest, spread=_spread: (
                        (rng.integers(0, min(spread, 120), shape).astype(dtype)[..., ::-1], k, axis, largest),
                        {},
                    ),
                )
for _largest in (True, False):
    add(
        "top_places",
        f"NaN-{_largest}",
        lambda rng, largest=_largest: (
            (np.where(rng.random((4, 80)) < 0.1, np.nan, rng.random((4, 80))), 9, 1, largest),
            {},
        ),
    )
for _dtype in INTEGERS:
    add(
        "scatter_add",
        _dtype,
        lambda rng, dtype=_dtype: (
            (rng.integers(0, 9, size=(20, 3)).astype(dtype), rng.integers(0, 4, size=20), 5),
            {},
        ),
    )
for _dtype in INTEGERS:
    add(
        "check_index_range",
        _dtype,
        lambda rng, dtype=_dtype: ((rng.integers(2, 9, size=(3, 4)).astype(dtype), 2, 9, "index: "), {}),
    )
for _count, _first in ((1, 0), (5, 4), (300, 17), (3000, 2999)):
    for _dtype in INTEGERS:

        def _wrong(rng: np.random.Generator, n: int = _count, first: int = _first, dtype: str = _dtype) -> Arguments:
            """The first wrong value is at `first`; after it there are others, below the range and above it."""
            index = rng.integers(2, 9, size=n).astype(dtype)
            index[first::3] = rng.integers(9, 100, size=index[first::3].size)
            index[first + 1 :: 5] = rng.integers(0, 2, size=index[first + 1 :: 5].size)
            return (index, 2, 9, "index: "), {}

        add("check_index_range", f"wrong from {_first} of {_count}-{_dtype}", _wrong)
add("check_index_range", "wrong but for the ignored", lambda rng: ((np.array([1, 1, 9, 1]), 2, 9, "i: ", 1), {}))
add("check_index_range", "empty range", lambda rng: ((np.array([4, 5]), 5, 5, "index: "), {}))
add("check_index_range", "ignore", lambda rng: ((np.array([2, -100, 3]), 2, 9, "index: ", -100), {}))
add("check_index_range", "empty", lambda rng: ((np.zeros((0,), np.int64), 0, 0, "index: "), {}))


# --- flat buffers -------------------------------------------------------------------------------

SIZES = (0, 1, 37, 40000)
FLAT_LAYOUTS = ("contiguous", "reversed", "every second")

for _size, (_dtype, _layout) in product(SIZES, variants(LAYOUTS)):
    add(
        "l2_norm",
        f"{_size}-{_dtype}-{_layout}",
        lambda rng, size=_size, dtype=_dtype, layout=_layout: ((normal(rng, (size,), dtype, layout),), {}),
    )
    if _layout in FLAT_LAYOUTS:
        add(
            "fill_zero",
            f"{_size}-{_dtype}-{_layout}",
            lambda rng, size=_size, dtype=_dtype, layout=_layout: ((normal(rng, (size,), dtype, layout),), {}),
            in_place=(0,),
        )
        for _kind in ("float", "array"):
            add(
                "scale",
                f"{_size}-{_dtype}-{_layout}-{_kind}",
                lambda rng, size=_size, dtype=_dtype, layout=_layout, kind=_kind: (
                    (normal(rng, (size,), dtype, layout), 0.7 if kind == "float" else np.asarray(0.7, dtype)),
                    {},
                ),
                in_place=(0,),
            )

for _dtype in DTYPES:
    add("l2_norm", f"4103-{_dtype}", lambda rng, dtype=_dtype: ((normal(rng, (4103,), dtype),), {}))

# For each optimizer, its buffers: is each there, and may its values be negative; and its options.
Buffers = tuple[tuple[bool, bool], ...]
OPTIMIZERS: dict[str, list[tuple[Buffers, dict[str, Any]]]] = {
    "sgd_update": [
        (((False, True),), {}),
        (((True, True),), {"momentum": 0.9}),
        (((True, True),), {"momentum": 0.9, "first_step": True, "dampening": 0.5}),
        (((True, True),), {"momentum": 0.9, "dampening": 0.3}),
        (((True, True),), {"momentum": 0.9, "nesterov": True}),
        (((True, True),), {"momentum": 0.9, "nesterov": True, "first_step": True}),
    ],
    "adagrad_update": [(((True, False),), {"step": 5}), (((True, False),), {"lr_decay": 0.1, "eps": 1e-3, "step": 5})],
    "adadelta_update": [(((True, False), (True, False)), {"rho": 0.8, "eps": 1e-3})],
    "rmsprop_update": [
        (((True, False), (centered, True), (momentum > 0, True)), {"alpha": 0.9, "momentum": momentum, "eps": 1e-3})
        for centered, momentum in product((False, True), (0.0, 0.9))
    ],
    "adam_update": [
        (((True, True), (True, False), (amsgrad, False)), {"decoupled": decoupled, "step": step, "eps": 1e-3})
        for amsgrad, decoupled, step in product((False, True), (False, True), (1, 7))
    ],
    "nadam_update": [
        (
            ((True, True), (True, False)),
            {"decoupled": decoupled, "step": step, "eps": 1e-3, "grad_factor": 0.7, "mean_factor": 1.1},
        )
        for decoupled, step in product((False, True), (1, 7))
    ],
    "lion_update": [(((True, True),), {"beta1": 0.6, "beta2": 0.8})],
}


def _optimizer(
    primitive: str, buffers: Buffers, options: dict[str, Any], size: int, dtype: str, layout: str, scalars: str
) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        state = [
            LAYOUTS[layout]((values if signed else 1 + np.abs(values)).astype(dtype)) if present else None
            for present, signed in buffers
            for values in (rng.normal(size=size) / 2,)
        ]
        chosen = {"lr": 0.1} | options
        if scalars == "array":
            places = ("lr",) if primitive == "nadam_update" else ("lr", "step")
            chosen |= {key: np.asarray(chosen[key]) for key in places if key in chosen}
        return (normal(rng, (size,), dtype, layout), normal(rng, (size,), dtype, layout), *state), chosen

    changed = (0, *(2 + i for i, (present, _) in enumerate(buffers) if present))
    add(primitive, f"{options}-{buffers}-{size}-{dtype}-{layout}-{scalars}", make, changed)


for _primitive, _table in OPTIMIZERS.items():
    for _buffers, _options in _table:
        for _decay, _maximize in product((0.0, 0.1), (False, True)):
            _all = _options | {"weight_decay": _decay, "maximize": _maximize}
            _optimizer(_primitive, _buffers, _all, 37, "float32", "contiguous", "number")
        _all = _options | {"weight_decay": 0.1}
        for _dtype, _layout in variants(dict.fromkeys(FLAT_LAYOUTS)):
            _optimizer(_primitive, _buffers, _all, 37, _dtype, _layout, "array")
        for _size in SIZES:
            _optimizer(_primitive, _buffers, _options, _size, "float32", "contiguous", "number")


# --- matrix products ----------------------------------------------------------------------------


def _matmul(x_shape: tuple[int, ...], y_shape: tuple[int, ...], dtype: str, layout: str = "contiguous") -> None:
    shape = (*np.broadcast_shapes(x_shape[:-2], y_shape[:-2]), x_shape[-2], y_shape[-1])
    case = f"{x_shape}-{y_shape}-{dtype}-{layout}"

    def operands(rng: np.random.Generator) -> tuple[Array, Array]:
        return normal(rng, x_shape, dtype, layout), normal(rng, y_shape, dtype, layout)

    add("matmul", case, lambda rng: (operands(rng), {}))
    add("matmul", f"{case}-out", lambda rng: ((*operands(rng), np.full(shape, 7, dtype)), {}), in_place=(2,))


for _dtype in ("float32", "float64", "float16", "complex128"):
    _matmul((5, 3), (3, 4), _dtype)
    _matmul((2, 1, 5, 3), (4, 3, 2), _dtype)
for _layout in LAYOUTS:
    _matmul((17, 9), (9, 33), "float32", _layout)
_matmul((0, 3), (3, 4), "float32")
_matmul((5, 0), (0, 4), "float32")
_matmul((40, 784), (784, 100), "float32")


def _linear(rows: int, inputs: int, outputs: int, activation: str, dtype: str, layout: str = "contiguous") -> None:
    def operands(rng: np.random.Generator) -> tuple[Array, ...]:
        return normal(rng, (rows, inputs), dtype, layout), normal(rng, (outputs, inputs), dtype, layout)

    def bias(rng: np.random.Generator) -> Array:
        return normal(rng, (outputs,), dtype, layout)

    case = f"{rows}-{inputs}-{outputs}-{activation}-{dtype}-{layout}"
    add("linear_forward", case, lambda rng: ((*operands(rng), None, activation, 0.3), {}))
    add("linear_forward", f"{case}-bias", lambda rng: ((*operands(rng), bias(rng), activation, 0.3), {}))


for _name in ACTIVATIONS:
    for _dtype in DTYPES:
        _linear(5, 3, 4, _name, _dtype)
    _linear(37, 65, 33, _name, "float32")
for _layout in LAYOUTS:
    _linear(17, 9, 33, "relu", "float32", _layout)
_linear(3, 69, 5, "relu", "float32")
_linear(0, 3, 4, "relu", "float32")
_linear(5, 0, 4, "tanh", "float32")
_linear(128, 400, 120, "relu", "float32")


# --- sums ---------------------------------------------------------------------------------------


def _sum(name: str, x: Any, axes: tuple[int, ...], keepdims: bool = False) -> None:
    """`x`: a function of a random generator."""

    def with_out(rng: np.random.Generator) -> Arguments:
        values = x(rng)
        result = np.sum(values, axis=axes, keepdims=keepdims)
        dtype = values.dtype if values.dtype.kind in "fc" else result.dtype
        return (values, axes, keepdims, np.full(result.shape, 7, dtype)), {}

    add("sum", name, lambda rng: ((x(rng), axes, keepdims), {}))
    add("sum", f"{name}-out", with_out, in_place=(3,))


for _axes, _keepdims in (((0,), False), ((1,), True), ((0, 2), False), ((0, 1, 2), True), ((), False)):
    for _dtype in ("float32", "float64", "float16", "int8", "bool", "complex64"):
        _sum(
            f"{_axes}-{_keepdims}-{_dtype}",
            lambda rng, dtype=_dtype: (3 * rng.normal(size=(5, 4, 3))).astype(dtype),
            _axes,
            _keepdims,
        )
for _layout in LAYOUTS:
    _sum(_layout, lambda rng, layout=_layout: normal(rng, (7, 9), "float32", layout), (0,))
for _layout, _axes in product(("contiguous", "reversed", "Fortran order"), ((0,), (1,), (0, 1))):
    _sum(f"long-{_axes}-{_layout}", lambda rng, layout=_layout: normal(rng, (300, 280), layout=layout), _axes)
for _shape, _axes in (
    ((70, 4, 96), (0, 2)),
    ((3, 5, 2400), (0, 2)),
    ((3, 1, 5), (0,)),
    ((2100, 2), (0,)),
    ((3, 1033), (1,)),
    ((9, 64), (1,)),
):
    for _dtype in DTYPES:
        _sum(f"{_shape}-{_axes}-{_dtype}", lambda rng, s=_shape, d=_dtype: normal(rng, s, d), _axes)
_sum("empty", lambda rng: np.zeros((0, 3), np.float32), (0,))
_swing = np.tile(np.array([3e4, 3e4, 3e4, -3e4, -3e4], np.float16), (4, 1))
_sum("float16 that overflows on the way", lambda rng: _swing, (1,))
