"""The case table: for every primitive of `Backend`, calls that each device must answer as the reference does.

A case is a function of a random generator that gives the arguments as NumPy arrays, some of them with unusual
strides. `in_place` names the positions of arguments that the primitive changes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from dlcore.backend import Conv2dSpec, PhiloxCounter, Pool2dSpec
from dlcore.reference import ACTIVATIONS

Array = Any
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Case(NamedTuple):
    name: str
    make: Callable[[np.random.Generator], Arguments]
    in_place: tuple[int, ...] = ()


CASES: dict[str, list[Case]] = {}


def add(
    primitive: str, name: str, make: Callable[[np.random.Generator], Arguments], in_place: tuple[int, ...] = ()
) -> None:
    CASES.setdefault(primitive, []).append(Case(name, make, in_place))


# --- arrays -------------------------------------------------------------------------------------


def _order(x: Array, order: tuple[int, ...]) -> Array:
    """`x` with its axes in this order in memory."""
    inverse = [order.index(axis) for axis in range(x.ndim)]
    return np.ascontiguousarray(x.transpose(order)).transpose(inverse)


def _sparse(x: Array) -> Array:
    """`x` as every second element of a larger array, along every axis."""
    larger = np.full(tuple(2 * size for size in x.shape), 7, x.dtype)
    larger[tuple(slice(None, None, 2) for _ in x.shape)] = x
    return larger[tuple(slice(None, None, 2) for _ in x.shape)]


def _read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda x: x,
    "reversed": lambda x: np.ascontiguousarray(x[(slice(None, None, -1),) * x.ndim])[(slice(None, None, -1),) * x.ndim],
    "every second": _sparse,
    "Fortran order": lambda x: _order(x, tuple(reversed(range(x.ndim)))),
    "read-only": _read_only,
}
LAYOUTS_4D = LAYOUTS | {
    "channels first": lambda x: _order(x, (1, 0, 2, 3)),
    "batch inner": lambda x: _order(x, (1, 2, 3, 0)),
    "channels last": lambda x: _order(x, (0, 2, 3, 1)),
}
DTYPES = ("float32", "float64", "float16")


def variants(layouts: dict[str, Any]) -> list[tuple[str, str]]:
    """(dtype, layout): every dtype, and in float32 every layout."""
    return [(dtype, "contiguous") for dtype in DTYPES] + [
        ("float32", layout) for layout in layouts if layout != "contiguous"
    ]


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "float32", layout: str = "contiguous") -> Any:
    return LAYOUTS_4D[layout](rng.normal(size=shape).astype(dtype))


# --- convolution --------------------------------------------------------------------------------

# x (N, C, H, W), weight (K, C/groups, R, S), spec
CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Conv2dSpec]] = {
    "plain": ((2, 3, 7, 6), (4, 3, 3, 2), Conv2dSpec()),
    "small images, batch": ((9, 3, 7, 6), (2, 3, 3, 2), Conv2dSpec(padding=(1, 1, 1, 1))),
    "wide images, batch": ((9, 2, 3, 40), (4, 2, 2, 3), Conv2dSpec(padding=(1, 1, 1, 1))),
    "1x1": ((9, 3, 5, 4), (2, 3, 1, 1), Conv2dSpec()),
    "1x1 stride 2": ((2, 3, 5, 4), (4, 3, 1, 1), Conv2dSpec(stride=(2, 2))),
    "1x1 padding": ((2, 3, 5, 4), (4, 3, 1, 1), Conv2dSpec(padding=(1, 0, 0, 2))),
    "1x1 cropped by stride": ((2, 3, 1, 4), (4, 3, 1, 1), Conv2dSpec(stride=(2, 4))),
    "whole image": ((3, 2, 4, 5), (6, 2, 4, 5), Conv2dSpec()),
    "stride": ((2, 3, 9, 8), (4, 3, 3, 3), Conv2dSpec(stride=(2, 3))),
    "stride, batch": ((8, 3, 9, 8), (4, 3, 3, 3), Conv2dSpec(stride=(2, 1), padding=(0, 1, 1, 0))),
    "asymmetric padding": ((2, 3, 7, 6), (3, 3, 3, 3), Conv2dSpec(padding=(2, 0, 1, 2))),
    "wide padding": ((1, 2, 3, 3), (2, 2, 3, 3), Conv2dSpec(padding=(4, 3, 5, 4), stride=(2, 2))),
    "dilation": ((2, 2, 10, 9), (3, 2, 3, 2), Conv2dSpec(dilation=(2, 3), padding=(1, 1, 1, 1))),
    "groups": ((2, 4, 6, 6), (6, 2, 3, 3), Conv2dSpec(groups=2, padding=(1, 1, 1, 1))),
    "fewer outputs, groups": ((2, 6, 6, 6), (4, 3, 3, 2), Conv2dSpec(groups=2, padding=(1, 0, 0, 1))),
    "depthwise": ((2, 4, 6, 6), (4, 1, 3, 3), Conv2dSpec(groups=4, padding=(1, 1, 1, 1))),
    "depthwise, batch": ((8, 4, 6, 6), (4, 1, 3, 3), Conv2dSpec(groups=4, padding=(1, 2, 1, 0))),
    "depthwise, stride": ((8, 3, 7, 6), (3, 1, 3, 2), Conv2dSpec((2, 2), (1, 2, 0, 1), (1, 2), 3)),
    "depthwise multiplier": ((2, 4, 6, 6), (8, 1, 3, 3), Conv2dSpec(groups=4, stride=(2, 2), dilation=(2, 1))),
    "everything": ((3, 6, 11, 9), (9, 2, 3, 2), Conv2dSpec((2, 1), (1, 2, 0, 3), (2, 2), 3)),
    "unused border": ((1, 1, 8, 8), (1, 1, 3, 3), Conv2dSpec(stride=(3, 4))),
    "zero batch": ((0, 2, 5, 5), (3, 2, 3, 3), Conv2dSpec()),
    "several chunks": ((24, 8, 28, 28), (4, 8, 3, 3), Conv2dSpec(padding=(1, 1, 1, 1))),
    "several chunks of wide images": ((12, 8, 40, 40), (8, 8, 3, 3), Conv2dSpec(padding=(1, 1, 1, 1))),
}


def _convolution(name: str, dtype: str, layout: str) -> None:
    shape, weight_shape, spec = CONVOLUTIONS[name]
    output = (shape[0], weight_shape[0], *spec.output_size(shape[2:], weight_shape[2:]))
    case = f"{name}-{dtype}-{layout}"

    def x(rng: np.random.Generator) -> Array:
        return normal(rng, shape, dtype, layout)

    def weight(rng: np.random.Generator) -> Array:
        return normal(rng, weight_shape, dtype, layout if layout in LAYOUTS else "contiguous")

    def grad(rng: np.random.Generator) -> Array:
        return normal(rng, output, dtype, layout)

    add("conv2d_forward", case, lambda rng: ((x(rng), weight(rng), None, spec), {}))
    add(
        "conv2d_forward",
        f"{case}-bias",
        lambda rng: ((x(rng), weight(rng), normal(rng, weight_shape[:1], dtype), spec), {}),
    )
    add("conv2d_backward_input", case, lambda rng: ((grad(rng), weight(rng), shape, spec), {}))
    add("conv2d_backward_weight", case, lambda rng: ((grad(rng), x(rng), weight_shape, spec), {}))


for _name in CONVOLUTIONS:
    _convolution(_name, "float32", "contiguous")
for _dtype, _layout in variants(LAYOUTS_4D):
    for _name in ("small images, batch", "everything", "1x1", "depthwise, batch"):
        if (_dtype, _layout) != ("float32", "contiguous"):
            _convolution(_name, _dtype, _layout)
add(
    "conv2d_backward_weight",
    "layouts that differ",
    lambda rng: (
        (normal(rng, (9, 4, 5, 5)), normal(rng, (9, 3, 7, 7), layout="batch inner"), (4, 3, 3, 3), Conv2dSpec()),
        {},
    ),
)


# --- pooling ------------------------------------------------------------------------------------

POOLS: dict[str, tuple[tuple[int, ...], Pool2dSpec]] = {
    "2x2": ((9, 3, 6, 8), Pool2dSpec((2, 2), (2, 2))),
    "2x2 with a rest": ((2, 3, 7, 9), Pool2dSpec((2, 2), (2, 2))),
    "2x2 ceil_mode": ((2, 3, 7, 9), Pool2dSpec((2, 2), (2, 2), ceil_mode=True)),
    "2x2 padding": ((2, 3, 6, 6), Pool2dSpec((2, 2), (2, 2), (1, 1, 1, 1))),
    "overlapping": ((2, 3, 7, 8), Pool2dSpec((3, 2), (2, 1))),
    "asymmetric padding": ((2, 2, 7, 7), Pool2dSpec((3, 3), (2, 2), (1, 0, 0, 2))),
    "padding beyond the kernel": ((1, 2, 3, 3), Pool2dSpec((2, 2), (1, 2), (3, 2, 0, 4))),
    "dilation": ((2, 2, 9, 8), Pool2dSpec((3, 2), (1, 2), (1, 1, 1, 1), (2, 3))),
    "dilation, no overlap": ((2, 2, 9, 8), Pool2dSpec((2, 2), (4, 3), (1, 0, 0, 1), (3, 2), True)),
    "dilated windows that interleave": ((2, 1, 8, 8), Pool2dSpec((2, 2), (2, 2), dilation=(3, 3))),
    "ceil_mode and padding": ((2, 2, 8, 7), Pool2dSpec((4, 3), (3, 2), (2, 1, 1, 2), ceil_mode=True)),
    "gaps": ((1, 1, 9, 9), Pool2dSpec((2, 2), (3, 4))),
    "1x1": ((2, 2, 3, 3), Pool2dSpec((1, 1), (1, 1))),
    "whole image": ((2, 3, 5, 4), Pool2dSpec((5, 4), (5, 4))),
    "17x17, index of 32 bits": ((1, 1, 19, 20), Pool2dSpec((17, 17), (1, 1))),
    "zero batch": ((0, 2, 4, 4), Pool2dSpec((2, 2), (2, 2))),
    "zero channels": ((2, 0, 4, 4), Pool2dSpec((2, 2), (2, 2))),
}
POOL_VALUES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Array]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "ties": lambda rng, shape: rng.integers(-1, 2, size=shape),
    "nan": lambda rng, shape: np.where(rng.random(shape) < 0.2, np.nan, rng.normal(size=shape)),
    "-inf": lambda rng, shape: np.where(rng.random(shape) < 0.8, -np.inf, rng.normal(size=shape)),
    "inf": lambda rng, shape: np.where(rng.random(shape) < 0.8, np.inf, rng.normal(size=shape)),
}


def _pool(name: str, dtype: str, layout: str, values: str) -> None:
    shape, spec = POOLS[name]
    output = (*shape[:2], *spec.output_size(shape[2:]))
    places = spec.kernel_size[0] * spec.kernel_size[1]
    case = f"{name}-{dtype}-{layout}-{values}"

    def array(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return LAYOUTS_4D[layout](POOL_VALUES[values](rng, shape).astype(dtype))

    def index(rng: np.random.Generator) -> Array:
        return LAYOUTS_4D[layout](rng.integers(0, places, size=output).astype(spec.index_dtype()))

    add("max_pool2d_forward", case, lambda rng: ((array(rng, shape), spec), {}))
    add("min_pool2d_forward", case, lambda rng: ((array(rng, shape), spec), {}))
    if values in ("normal", "nan"):
        add("index_pool2d_gather", case, lambda rng: ((array(rng, shape), index(rng), spec), {}))
        add("index_pool2d_scatter", case, lambda rng: ((array(rng, output), index(rng), shape, spec), {}))
    if values == "normal":
        for include_pad, divisor in ((True, None), (False, None), (True, 3)):
            options = {"count_include_pad": include_pad, "divisor": divisor}
            add("avg_pool2d_forward", f"{case}-{options}", lambda rng, o=options: ((array(rng, shape), spec), o))
            add(
                "avg_pool2d_backward",
                f"{case}-{options}",
                lambda rng, o=options: ((array(rng, output), shape, spec), o),
            )


for _name, _values in product(POOLS, POOL_VALUES):
    _pool(_name, "float32", "contiguous", _values)
for _dtype, _layout in variants(LAYOUTS_4D):
    for _name in ("2x2", "ceil_mode and padding"):
        if (_dtype, _layout) != ("float32", "contiguous"):
            _pool(_name, _dtype, _layout, "normal")
add(
    "index_pool2d_scatter",
    "layouts that differ",
    lambda rng: (
        (
            normal(rng, (9, 3, 4, 4)),
            _order(rng.integers(0, 4, size=(9, 3, 4, 4)).astype(np.uint8), (1, 2, 3, 0)),
            (9, 3, 8, 8),
            Pool2dSpec((2, 2), (2, 2)),
        ),
        {},
    ),
)


# --- activations --------------------------------------------------------------------------------

EXTREMES = (0.0, -0.0, 1e4, -1e4, np.nan, np.inf, -np.inf)


def _activation(name: str, shape: tuple[int, ...], axis: int, dtype: str, layout: str, alpha: float) -> None:
    case = f"{name}-{shape}-{axis}-{dtype}-{layout}-{alpha}"

    def x(rng: np.random.Generator) -> Array:
        values = 3 * rng.normal(size=shape)
        values.reshape(-1)[: len(EXTREMES)] = EXTREMES[: values.size]
        return LAYOUTS_4D[layout](values.astype(dtype))

    def bias(rng: np.random.Generator) -> Array:
        return normal(rng, (shape[axis],), dtype, layout if layout in LAYOUTS else "contiguous")

    def backward(rng: np.random.Generator) -> tuple[Array, ...]:
        saved = 3 * rng.normal(size=shape).astype(dtype)
        saved.reshape(-1)[:3] = (0.0, 1.0, np.nan)[: saved.size]
        if ACTIVATIONS[name].saves == "output":
            saved = ACTIVATIONS[name].forward(np, saved, alpha)
        return normal(rng, shape, dtype, layout), LAYOUTS_4D[layout](saved), name, alpha, axis

    add("bias_activation_forward", case, lambda rng: ((x(rng), None, name, alpha, axis), {}))
    add("bias_activation_backward", case, lambda rng: (backward(rng), {}))
    if not shape:
        return
    add("bias_activation_forward", f"{case}-bias", lambda rng: ((x(rng), bias(rng), name, alpha, axis), {}))
    add("bias_activation_backward", f"{case}-bias", lambda rng: (backward(rng), {"bias_grad": True}))
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
    _activation(_name, (), -1, "float32", "contiguous", 0.3)
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
_softmax((0, 4), 1, "float32", "contiguous", 1.0)
_softmax((4, 0), 1, "float32", "contiguous", 1.0)


# --- losses -------------------------------------------------------------------------------------


def _cross_entropy(name: str, n: int, dtype: str, layout: str, scale: float, **options: Any) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        chosen = dict(options)
        labels = rng.integers(0, 5, size=n).astype(chosen.pop("labels", "int64"))
        if "ignored" in chosen:
            labels[rng.random(n) < chosen.pop("ignored")] = chosen["ignore_index"]
        if chosen.pop("weighted", False):
            chosen["weight"] = rng.random(5).astype(dtype)
        return (normal(rng, (n, 5), dtype, layout) * scale, labels), chosen

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
_cross_entropy("uint8 labels", 9, "float32", "contiguous", 1.0, labels="uint8")
_cross_entropy("int32 labels", 9, "float64", "contiguous", 1.0, labels="int32")


def _bce(name: str, shape: tuple[int, ...], dtype: str, layout: str, scale: float, **options: Any) -> None:
    def make(rng: np.random.Generator) -> Arguments:
        arrays = {key: (rng.random(value) + 0.5).astype(dtype) for key, value in options.items() if key != "reduction"}
        target = LAYOUTS[layout](rng.random(shape).astype(dtype))
        chosen = arrays | {"reduction": options["reduction"]}
        return (normal(rng, shape, dtype, layout) * scale, target), chosen

    add("bce_with_logits", f"{name}-{shape}-{dtype}-{layout}-{scale}-{options}", make)


for _reduction in ("none", "mean", "sum"):
    for _dtype, _layout in variants(LAYOUTS):
        _bce("plain", (6, 4), _dtype, _layout, 1.0, reduction=_reduction)
    _bce("large", (6, 4), "float32", "contiguous", 1e4, reduction=_reduction)
    _bce("weight", (6, 4), "float32", "contiguous", 1.0, reduction=_reduction, weight=(4,))
    _bce("weights", (6, 4), "float32", "contiguous", 1.0, reduction=_reduction, weight=(6, 1), pos_weight=(4,))
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


for _p, (_dtype, _layout) in product((0.0, 0.3, 0.5, 1.0), variants(LAYOUTS_4D)):
    for _shape in ((9, 2, 3, 4), (0, 2, 3, 4), ()):
        if not _shape and _layout != "contiguous":
            continue
        for _primitive, _last in (("dropout_forward", ()), ("dropout_backward", (None,))):
            add(
                _primitive,
                f"{_p}-{_dtype}-{_layout}-{_shape}",
                lambda rng, p=_p, dtype=_dtype, layout=_layout, shape=_shape, last=_last: (
                    (_with_infinities(normal(rng, shape, dtype, layout)), p, COUNTERS["some"], *last),
                    {},
                ),
            )


# --- indexing -----------------------------------------------------------------------------------

for (_rows, _size, _width), (_dtype, _layout) in product(
    ((20, 4, ()), (0, 3, (2,)), (20, 6, (3,)), (10, 3, (2, 3)), (5, 2, (0,)), (300, 7, (512,))), variants(LAYOUTS)
):
    add(
        "scatter_add",
        f"{_rows}-{_size}-{_width}-{_dtype}-{_layout}",
        lambda rng, rows=_rows, size=_size, width=_width, dtype=_dtype, layout=_layout: (
            (normal(rng, (rows, *width), dtype, layout), LAYOUTS[layout](rng.integers(0, size, size=rows)), size),
            {},
        ),
    )
for _dtype in ("int64", "int32", "uint8"):
    add(
        "check_index_range",
        _dtype,
        lambda rng, dtype=_dtype: ((rng.integers(2, 9, size=(3, 4)).astype(dtype), 2, 9, "index: "), {}),
    )
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
            chosen |= {key: np.asarray(chosen[key]) for key in ("lr", "step") if key in chosen}
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
