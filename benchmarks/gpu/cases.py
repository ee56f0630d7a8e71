"""What is timed: primitives at the sizes of real networks.

A case is made for a batch, so that the same one serves a GPU (its own batch), the simulator (a small batch at the
real image size) and a run of the code with no meaning (`divide`, which also makes images and channels smaller).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dlcore.backend import Conv2dSpec, PhiloxCounter, Pool2dSpec

Array = Any
COUNTER = PhiloxCounter(seed=7, offset=3, stream=1)


class Work(NamedTuple):
    """The arguments of a call as NumPy arrays, the least bytes that it must move, and its operations."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]
    bytes: int
    flops: float


@dataclass(frozen=True)
class Case:
    """One primitive at one size.

    Attributes:
        make: (random generator, batch, divide) -> Work.
        batch: on a GPU.
        in_place: the positions of the arguments that the primitive changes.
        tolerance: of the largest value, against float64; None: the values must be the same bits as the reference's.
        facts: what peers need to know (shapes, geometry).
    """

    name: str
    primitive: str
    make: Callable[[np.random.Generator, int, int], Work]
    batch: int = 32
    in_place: tuple[int, ...] = ()
    tolerance: float | None = 1e-5
    facts: dict[str, Any] = field(default_factory=dict)


CASES: list[Case] = []


def find(words: list[str]) -> list[Case]:
    """The cases whose names contain one of the words; all without words."""
    return [case for case in CASES if not words or any(word in case.name for word in words)]


def _normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape, dtype=np.float32)


def _smaller(size: int, divide: int) -> int:
    return max(1, size // divide)


# --- convolutions ---------------------------------------------------------------------------------

# name: channels, height = width, output channels, kernel, stride, padding, groups
CONVOLUTIONS = {
    "VGG 3x3 128->256 56^2": (128, 56, 256, 3, 1, 1, 1),
    "ResNet 3x3 64->64 56^2": (64, 56, 64, 3, 1, 1, 1),
    "ResNet 3x3/2 128->256 28^2": (128, 28, 256, 3, 2, 1, 1),
    "ResNet 1x1 256->64 56^2": (256, 56, 64, 1, 1, 0, 1),
    "ResNet 7x7/2 3->64 224^2": (3, 224, 64, 7, 2, 3, 1),
    "MobileNet depthwise 3x3 96 112^2": (96, 112, 96, 3, 1, 1, 96),
    "17x17 16->32 56^2, by im2col": (16, 56, 32, 17, 1, 8, 1),
    "LeNet 5x5 1->6 28^2": (1, 28, 6, 5, 1, 2, 1),
    "LeNet 5x5 6->16 14^2": (6, 14, 16, 5, 1, 0, 1),
}


def _convolution(name: str, c: int, size: int, k: int, r: int, stride: int, padding: int, groups: int) -> None:
    spec_of = Conv2dSpec((stride, stride), (padding,) * 4, (1, 1), groups)
    batch = 128 if name.startswith("LeNet") else 32

    def shapes(n: int, divide: int) -> tuple[Any, ...]:
        channels, outputs, side = _smaller(c, divide), _smaller(k, divide), max(3, size // divide)
        spec = spec_of._replace(groups=channels if groups > 1 else 1)
        p, q = spec.output_size((side, side), (r, r))
        return (n, channels, side, side), (outputs, channels // spec.groups, r, r), (n, outputs, p, q), spec

    def forward(rng: np.random.Generator, n: int, divide: int) -> Work:
        x, w, y, spec = shapes(n, divide)
        arguments = (_normal(rng, *x), _normal(rng, *w), _normal(rng, w[0]), spec, "relu")
        return Work(arguments, {}, _float_bytes(x, w, y), _flops(w, y))

    def backward_input(rng: np.random.Generator, n: int, divide: int) -> Work:
        x, w, y, spec = shapes(n, divide)
        return Work((_normal(rng, *y), _normal(rng, *w), x, spec), {}, _float_bytes(x, w, y), _flops(w, y))

    def backward_weight(rng: np.random.Generator, n: int, divide: int) -> Work:
        x, w, y, spec = shapes(n, divide)
        return Work((_normal(rng, *y), _normal(rng, *x), w, spec), {}, _float_bytes(x, w, y), _flops(w, y))

    for what, make in (("forward", forward), ("backward_input", backward_input), ("backward_weight", backward_weight)):
        CASES.append(Case(f"conv2d {what} {name}", f"conv2d_{what}", make, batch, tolerance=2e-5))


def _float_bytes(*shapes: tuple[int, ...]) -> int:
    return 4 * sum(int(np.prod(shape)) for shape in shapes)


def _flops(weight: tuple[int, ...], output: tuple[int, ...]) -> float:
    return 2.0 * float(np.prod(output)) * float(np.prod(weight[1:]))


for _name, _sizes in CONVOLUTIONS.items():
    _convolution(_name, *_sizes)


def _linear(rng: np.random.Generator, n: int, divide: int) -> Work:
    x, w = (n, _smaller(400, divide)), (_smaller(120, divide), _smaller(400, divide))
    y = (x[0], w[0])
    return Work(
        (_normal(rng, *x), _normal(rng, *w), _normal(rng, w[0]), "relu"), {}, _float_bytes(x, w, y), _flops(w, y)
    )


CASES.append(Case("linear forward LeNet 400->120", "linear_forward", _linear, 128, tolerance=2e-5))

# --- pooling, activations -------------------------------------------------------------------------

_POOL = Pool2dSpec((3, 3), (2, 2), (1, 1, 1, 1))
_POOL_2 = Pool2dSpec((2, 2), (2, 2))


def _images(n: int, divide: int, channels: int = 64, side: int = 112) -> tuple[int, int, int, int]:
    return n, _smaller(channels, divide), max(4, side // divide), max(4, side // divide)


def _max_pool(rng: np.random.Generator, n: int, divide: int, spec: Pool2dSpec = _POOL) -> Work:
    shape = _images(n, divide)
    outputs = int(np.prod(shape[:2])) * int(np.prod(spec.output_size(shape[2:])))
    return Work((_normal(rng, *shape), spec), {}, _float_bytes(shape) + 5 * outputs, 0)


def _gather(rng: np.random.Generator, n: int, divide: int) -> Work:
    (_, index, shape, spec), _, moved, _ = _scatter(rng, n, divide)
    return Work((_normal(rng, *shape), index, spec), {}, moved, 0)


def _scatter(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide)
    output = (*shape[:2], *_POOL.output_size(shape[2:]))
    # places inside the image, as a forward pass would give them: the centre of each window
    index = np.full(output, 4, np.uint8)
    return Work((_normal(rng, *output), index, shape, _POOL), {}, _float_bytes(shape, output) + index.size, 0)


def _avg_pool(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide)
    output = (*shape[:2], *_POOL_2.output_size(shape[2:]))
    return Work((_normal(rng, *shape), _POOL_2), {}, _float_bytes(shape, output), 0)


def _avg_pool_backward(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide)
    output = (*shape[:2], *_POOL_2.output_size(shape[2:]))
    return Work((_normal(rng, *output), shape, _POOL_2), {}, _float_bytes(shape, output), 0)


def _bias_relu(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide)
    return Work((_normal(rng, *shape), _normal(rng, shape[1]), "relu", 0.0, 1), {}, _float_bytes(shape, shape), 0)


def _bias_relu_backward(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide)
    saved = np.maximum(_normal(rng, *shape), 0)
    return Work((_normal(rng, *shape), saved, "relu", 0.0, 1, True), {}, 3 * _float_bytes(shape), 0)


def _relu_backward(rng: np.random.Generator, n: int, divide: int) -> Work:
    (grad, saved, *_), _, moved, _ = _bias_relu_backward(rng, n, divide)
    return Work((grad, saved, "relu", 0.0, 1), {}, moved, 0)


def _mlp_relu(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = (128 * n, _smaller(1024, divide))
    return Work((_normal(rng, *shape), _normal(rng, shape[1]), "relu"), {}, 2 * _float_bytes(shape), 0)


def _mlp_relu_backward(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = (128 * n, _smaller(1024, divide))
    saved = np.maximum(_normal(rng, *shape), 0)
    return Work((_normal(rng, *shape), saved, "relu", 0.0, -1, True), {}, 3 * _float_bytes(shape), 0)


CASES += [
    Case("relu backward 64 112^2", "bias_activation_backward", _relu_backward),
    Case("bias_relu forward rows of 1024", "bias_activation_forward", _mlp_relu),
    Case("bias_relu backward rows of 1024", "bias_activation_backward", _mlp_relu_backward),
    Case("min_pool2d forward 3x3/2 64 112^2", "min_pool2d_forward", _max_pool, tolerance=None),
    Case("max_pool2d double backward 3x3/2 64 112^2", "index_pool2d_gather", _gather, tolerance=None),
    Case("max_pool2d forward 3x3/2 64 112^2", "max_pool2d_forward", _max_pool, tolerance=None),
    Case("max_pool2d backward 3x3/2 64 112^2", "index_pool2d_scatter", _scatter),
    Case("avg_pool2d forward 2x2 64 112^2", "avg_pool2d_forward", _avg_pool),
    Case("avg_pool2d backward 2x2 64 112^2", "avg_pool2d_backward", _avg_pool_backward),
    Case("bias_relu forward 64 112^2", "bias_activation_forward", _bias_relu),
    Case("bias_relu backward 64 112^2", "bias_activation_backward", _bias_relu_backward),
]

# --- rows: softmax and losses; about as many numbers for each image of the batch whatever the classes -----


def _rows(n: int, divide: int, classes: int) -> tuple[int, int]:
    return max(1, 131_072 * n // classes), _smaller(classes, divide)


def _softmax(classes: int) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = _rows(n, divide, classes)
        return Work((_normal(rng, *shape), -1), {}, 2 * _float_bytes(shape), 0)

    return make


def _softmax_backward(classes: int) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = _rows(n, divide, classes)
        return Work((_normal(rng, *shape), _probabilities(rng, shape, 1), -1), {}, 3 * _float_bytes(shape), 0)

    return make


def _probabilities(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> Array:
    values = rng.random(shape, dtype=np.float32)
    return values / values.sum(axis=axis, keepdims=True)


def _softmax_pixels(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide, 21, 64)
    return Work((_normal(rng, *shape), 1), {}, 2 * _float_bytes(shape), 0)


def _softmax_pixels_backward(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _images(n, divide, 21, 64)
    return Work((_normal(rng, *shape), _probabilities(rng, shape, 1), 1), {}, 3 * _float_bytes(shape), 0)


def _cross_entropy(classes: int) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = _rows(n, divide, classes)
        labels = rng.integers(0, shape[1], shape[0])
        return Work((_normal(rng, *shape), labels), {}, 2 * _float_bytes(shape) + labels.nbytes, 0)

    return make


def _bce(rng: np.random.Generator, n: int, divide: int) -> Work:
    shape = _rows(n, divide, 1000)
    return Work((_normal(rng, *shape), rng.random(shape, dtype=np.float32)), {}, 3 * _float_bytes(shape), 0)


def _sum(axes: tuple[int, ...]) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        shape = _rows(n, divide, 1000) if axes == (0,) else _images(n, divide)
        return Work((_normal(rng, *shape), axes), {}, _float_bytes(shape), 0)

    return make


def _labels(rng: np.random.Generator, n: int, divide: int) -> Work:
    labels = rng.integers(0, 1000, 1024 * n)
    return Work((labels, 0, 1000, "labels: "), {}, labels.nbytes, 0)


def _scatter_add(size: int, width: int) -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        rows, out, columns = 256 * n, _smaller(size, divide), _smaller(width, divide)
        index = rng.integers(0, out, rows)
        return Work((_normal(rng, rows, columns), index, out), {}, 4 * columns * (rows + out) + index.nbytes, 0)

    return make


CASES += [
    *(Case(f"softmax forward {n}", "softmax_forward", _softmax(n)) for n in (10, 1000, 32768)),
    *(Case(f"softmax backward {n}", "softmax_backward", _softmax_backward(n)) for n in (10, 1000, 32768)),
    Case("softmax forward of pixels, 21 64^2", "softmax_forward", _softmax_pixels),
    Case("softmax backward of pixels, 21 64^2", "softmax_backward", _softmax_pixels_backward),
    *(Case(f"softmax cross-entropy {n}", "softmax_cross_entropy", _cross_entropy(n)) for n in (10, 1000, 32768)),
    Case("bce with logits", "bce_with_logits", _bce),
    Case("sum of columns 1000", "sum", _sum((0,)), tolerance=2e-5),
    Case("sum of channels 64 112^2", "sum", _sum((0, 2, 3)), tolerance=2e-5),
    Case("label check", "check_index_range", _labels),
    Case("embedding backward 32000x512", "scatter_add", _scatter_add(32000, 512), tolerance=None),
    Case("scatter-add to 10 rows of 512", "scatter_add", _scatter_add(10, 512), tolerance=None),
]

# --- flat buffers: 25 million elements at batch 32 ---------------------------------------------------


def _size(n: int, divide: int) -> int:
    return max(64, n * 786_432 // divide**2)


def _flat(name: str, primitive: str, states: int, moved: int, in_place: tuple[int, ...], **options: Any) -> None:
    """`states`: buffers beside parameter and gradient; `moved`: numbers of 4 bytes for each element."""

    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        size = _size(n, divide)
        buffers = [0.1 + np.abs(_normal(rng, size)) for _ in range(states)]
        absent = [None] * ABSENT.get(name, 0)
        arguments = (_normal(rng, size), _normal(rng, size), *buffers, *absent)
        return Work(arguments, {"lr": 1e-3, **options}, 4 * moved * size, 0)

    CASES.append(Case(f"{name} 25M", primitive, make, in_place=in_place))


ABSENT = {"SGD": 1, "RMSprop": 2, "Adam": 1, "Adam scheduled": 1}  # buffers that the variant does not have
_flat("SGD", "sgd_update", 0, 3, (0,))
_flat("SGD momentum", "sgd_update", 1, 5, (0, 2), momentum=0.9)
_flat("Adagrad", "adagrad_update", 1, 5, (0, 2), step=7)
_flat("Adadelta", "adadelta_update", 2, 7, (0, 2, 3))
_flat("RMSprop", "rmsprop_update", 1, 5, (0, 2))
_flat("Adam", "adam_update", 2, 7, (0, 2, 3), step=7)
_flat("NAdam", "nadam_update", 2, 7, (0, 2, 3), step=7, grad_factor=0.7, mean_factor=1.1)
_flat("Lion", "lion_update", 1, 5, (0, 2))
# the learning rate in device memory, as in a captured graph
_flat("Adam scheduled", "adam_update", 2, 7, (0, 2, 3), step=np.asarray(7), lr=np.asarray(1e-3))


def _norm(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((_normal(rng, size),), {}, 4 * size, 0)


def _scale(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((_normal(rng, size), 0.999), {}, 8 * size, 0)


def _cast(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((_normal(rng, size).astype(np.float16), np.dtype(np.float32)), {}, 6 * size, 0)


def _fill(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((_normal(rng, size),), {}, 4 * size, 0)


# --- random numbers ------------------------------------------


def _random(dtype: str = "float32") -> Callable[[np.random.Generator, int, int], Work]:
    def make(rng: np.random.Generator, n: int, divide: int) -> Work:
        size = _size(n, divide)
        return Work((COUNTER, (size,), np.dtype(dtype)), {}, np.dtype(dtype).itemsize * size, 0)

    return make


def _philox(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((COUNTER, size), {}, 4 * size, 0)


def _permutation(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide) // 16
    return Work((COUNTER, size), {}, 16 * size, 0)


def _integers(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide) // 2
    return Work((COUNTER, (size,), 0, 1000), {}, 8 * size, 0)


def _dropout(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((_normal(rng, size), 0.5, COUNTER), {}, 8 * size, 0)


def _dropout_backward(rng: np.random.Generator, n: int, divide: int) -> Work:
    size = _size(n, divide)
    return Work((_normal(rng, size), 0.5, COUNTER, None), {}, 8 * size, 0)


CASES += [
    Case("l2 norm 25M", "l2_norm", _norm),
    Case("scale 25M", "scale", _scale, in_place=(0,)),
    Case("cast 25M float16 to float32", "cast", _cast, tolerance=None),
    Case("fill zero 25M", "fill_zero", _fill, in_place=(0,)),
    Case("random uniform 25M", "random_uniform", _random(), tolerance=None),
    Case("random normal 25M", "random_normal", _random(), tolerance=None),
    Case("philox words 25M", "philox", _philox, tolerance=None),
    Case("permutation of 1.6M", "random_permutation", _permutation, tolerance=None),
    Case("random integers 12M", "random_integers", _integers, tolerance=None),
    Case("dropout forward 25M", "dropout_forward", _dropout, tolerance=None),
    Case("dropout backward 25M", "dropout_backward", _dropout_backward, tolerance=None),
]

# --- families with a file of their own, which adds to CASES -----------------------------------------------------

from . import (  # noqa: E402
    cases_activations,  # noqa: F401
    cases_adaptive_pooling,  # noqa: F401
    cases_normalization,  # noqa: F401
    cases_special,  # noqa: F401
)
