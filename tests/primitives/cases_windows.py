"""The cases of convolution and pooling."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from dlcore.backend import Conv2dSpec, Pool2dSpec
from dlcore.reference import ACTIVATIONS

from .case_tools import DTYPES, LAYOUTS, LAYOUTS_4D, Array, add, in_order, normal, variants

# --- convolution --------------------------------------------------------------------------------

# x (N, C, H, W), weight (K, C/groups, R, S), spec
CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Conv2dSpec]] = {
    "plain": ((2, 3, 7, 6), (4, 3, 3, 2), Conv2dSpec()),
    "small images, batch": ((9, 3, 7, 6), (2, 3, 3, 2), Conv2dSpec(padding=(1, 1, 1, 1))),
    "wide images, batch": ((9, 2, 3, 40), (4, 2, 2, 3), Conv2dSpec(padding=(1, 1, 1, 1))),
    "1x1": ((9, 3, 5, 4), (2, 3, 1, 1), Conv2dSpec()),
    "1x1 groups": ((3, 16, 4, 4), (8, 8, 1, 1), Conv2dSpec(groups=2)),
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
    "depthwise, many taps": ((2, 3, 9, 10), (3, 1, 5, 4), Conv2dSpec(padding=(2, 1, 0, 3), groups=3)),
    "depthwise, wide images": ((1, 2, 3, 270), (2, 1, 2, 3), Conv2dSpec((1, 2), (0, 0, 1, 1), (1, 2), 2)),
    "1x1, many channels": ((2, 20, 4, 6), (18, 20, 1, 1), Conv2dSpec()),
    "1x1, many channels, groups": ((3, 40, 2, 4), (36, 20, 1, 1), Conv2dSpec(groups=2)),
    "1x1, many channels, odd images": ((3, 20, 3, 5), (18, 20, 1, 1), Conv2dSpec()),
    "many channels": ((2, 18, 5, 6), (20, 18, 3, 2), Conv2dSpec(padding=(1, 1, 0, 1))),
    "many channels, large images": ((1, 64, 65, 67), (2, 64, 3, 3), Conv2dSpec((2, 2), (1, 1, 1, 1))),
    "channels beyond a period": ((1, 37, 2, 4), (2, 37, 1, 2), Conv2dSpec()),
    "outputs beyond a period": ((1, 2, 2, 4), (37, 2, 1, 2), Conv2dSpec()),
    "very many taps": ((2, 2, 20, 22), (3, 2, 17, 18), Conv2dSpec((1, 2), (1, 0, 2, 3))),
    "very many taps, dilation": ((1, 2, 5, 62), (1, 2, 2, 30), Conv2dSpec((2, 1), (1, 2, 1, 0), (3, 2))),
    "unused border": ((1, 1, 8, 8), (1, 1, 3, 3), Conv2dSpec(stride=(3, 4))),
    "zero batch": ((0, 2, 5, 5), (3, 2, 3, 3), Conv2dSpec()),
    "padding alone": ((2, 3, 0, 4), (2, 3, 2, 3), Conv2dSpec(padding=(1, 1, 0, 1))),
    "one split, several chunks": ((2, 1, 19, 16), (2, 1, 2, 2), Conv2dSpec()),
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
    add(
        "conv2d_backward_weight",
        f"{case}-out",
        lambda rng: ((grad(rng), x(rng), weight_shape, spec, np.full(weight_shape, 7, dtype)), {}),
        in_place=(4,),
    )


def _convolution_with_activation(name: str, activation: str, dtype: str) -> None:
    shape, weight_shape, spec = CONVOLUTIONS[name]

    def arguments(rng: np.random.Generator) -> tuple[Array, Array, Array]:
        return normal(rng, shape, dtype), normal(rng, weight_shape, dtype), normal(rng, weight_shape[:1], dtype)

    case = f"{name}-{dtype}-{activation}"
    add("conv2d_forward", f"{case}-bias", lambda rng: ((*arguments(rng), spec, activation, 0.3), {}))
    add("conv2d_forward", case, lambda rng: ((*arguments(rng)[:2], None, spec, activation, 0.3), {}))


for _name in CONVOLUTIONS:
    _convolution(_name, "float32", "contiguous")
    _convolution_with_activation(_name, "relu", "float32")
for _name, _activation, _dtype in product(
    ("small images, batch", "1x1", "depthwise", "zero batch"), ACTIVATIONS, DTYPES
):
    if (_activation, _dtype) != ("relu", "float32"):
        _convolution_with_activation(_name, _activation, _dtype)
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
    "dilated windows that meet": ((2, 1, 8, 8), Pool2dSpec((2, 2), (2, 2), dilation=(2, 2))),
    "dilated windows that interleave": ((2, 1, 8, 8), Pool2dSpec((2, 2), (2, 2), dilation=(3, 3))),
    "ceil_mode and padding": ((2, 2, 8, 7), Pool2dSpec((4, 3), (3, 2), (2, 1, 1, 2), ceil_mode=True)),
    "a first place that is padding always": ((2, 2, 1, 1), Pool2dSpec((2, 2), (1, 1), (1, 0, 1, 0))),
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
        for include_pad, divisor in ((True, None), (False, None), (True, 3), (False, -2)):
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
            in_order(rng.integers(0, 4, size=(9, 3, 4, 4)).astype(np.uint8), (1, 2, 3, 0)),
            (9, 3, 8, 8),
            Pool2dSpec((2, 2), (2, 2)),
        ),
        {},
    ),
)
