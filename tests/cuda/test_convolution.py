"""Convolution and linear on CUDA: every tile, whatever the shape; launches, determinism, infinities, activations."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from dlcore import reference
from dlcore.backend import Conv2dSpec
from dlcore.backends.cupy import convolution_plans as plans
from dlcore.backends.cupy import table
from dlcore.backends.cupy.launcher import source_text
from dlcore.backends.cupy.tiles import TILES
from dlcore.backends.cusim import counters

from .devices import new_backend, simulated

#: Of the largest value. Behind an activation that saturates this is too little for long sums: they are rounded by their
#: own size, and the largest value is 1. See test_a_long_sum_is_as_exact_before_tanh.
TOLERANCE = {"float64": 1e-12, "float32": 5e-6, "float16": 2e-3}
#: x (N, C, H, W), weight (K, C/groups, R, S), spec: results that no tile divides, and taps of all kinds.
GEOMETRIES = {
    "one tap more than a step": ((2, 3, 6, 5), (70, 3, 3, 1), Conv2dSpec(padding=(1, 1, 0, 0))),
    "several periods of channels": ((1, 37, 5, 6), (131, 37, 2, 2), Conv2dSpec((2, 1), (1, 0, 0, 1))),
    "phases without taps": ((2, 20, 7, 8), (5, 20, 1, 2), Conv2dSpec((3, 2), dilation=(1, 2))),
    "groups": ((3, 10, 9, 7), (140, 5, 3, 3), Conv2dSpec((2, 2), (2, 1, 0, 3), (2, 1), 2)),
    "quads": ((3, 24, 4, 8), (68, 24, 1, 1), Conv2dSpec()),
    "quads, groups": ((2, 80, 2, 2), (264, 40, 1, 1), Conv2dSpec(groups=2)),
}


def close(got: Any, wanted: np.ndarray) -> None:
    atol = TOLERANCE[wanted.dtype.name] * float(np.abs(wanted.astype(np.float64)).max())
    np.testing.assert_allclose(got, wanted, rtol=0, atol=atol)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Any:
    """On the simulator each access is checked."""
    monkeypatch.setenv("DLCORE_CUSIM_CHECK", "1")
    return new_backend()


@pytest.mark.parametrize("tile", TILES)
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("offset", [0, 1], ids=["aligned", "not aligned"])
def test_every_tile_takes_every_shape(
    geometry: Any, tile: str, offset: int, backend: Any, rng: np.random.Generator
) -> None:
    backend.tile = tile
    x_shape, weight_shape, spec = geometry
    grad_shape = (x_shape[0], weight_shape[0], *spec.output_size(x_shape[2:], weight_shape[2:]))
    x, weight, grad = (rng.normal(size=shape).astype(np.float32) for shape in (x_shape, weight_shape, grad_shape))
    bias = rng.normal(size=weight_shape[0]).astype(np.float32)

    def device(array: np.ndarray) -> Any:
        padded = np.concatenate([np.zeros(offset, array.dtype), array.ravel()])
        return backend.from_host(padded)[offset:].reshape(array.shape)

    y = backend.conv2d_forward(device(x), device(weight), device(bias), spec, "leaky_relu", 0.3)
    close(y.get(), reference.conv2d_forward(np, x, weight, bias, spec, "leaky_relu", 0.3))
    dx = backend.conv2d_backward_input(device(grad), device(weight), x_shape, spec)
    close(dx.get(), reference.conv2d_backward_input(np, grad, weight, x_shape, spec))
    dw = backend.conv2d_backward_weight(device(grad), device(x), weight_shape, spec)
    close(dw.get(), reference.conv2d_backward_weight(np, grad, x, weight_shape, spec))


@simulated
def test_one_launch(backend: Any, rng: np.random.Generator) -> None:
    """LeNet's second convolution and its first linear layer, the split sum of the weights' gradient included."""

    def normal(*shape: int) -> Any:
        return backend.from_host(rng.normal(size=shape).astype(np.float32))

    x, weight, grad, spec = normal(2, 6, 14, 14), normal(16, 6, 5, 5), normal(2, 16, 10, 10), Conv2dSpec()
    features, matrix, bias = normal(2, 400), normal(120, 400), normal(120)
    backend.conv2d_backward_weight(grad, x, weight.shape, spec)  # makes the tickets
    calls = {
        "conv2d_forward": lambda: backend.conv2d_forward(x, weight, None, spec, "relu"),
        "conv2d_backward_input": lambda: backend.conv2d_backward_input(grad, weight, x.shape, spec),
        "conv2d_backward_weight": lambda: backend.conv2d_backward_weight(grad, x, weight.shape, spec),
        "linear_forward": lambda: backend.linear_forward(features, matrix, bias, "tanh"),
    }
    for kernel, call in calls.items():
        with counters.record() as record:
            call()
        assert record.launches == record.by_kernel[kernel] == 1


@simulated
def test_the_split_sum_has_one_order(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    x, grad = rng.normal(size=(9, 3, 12, 11)).astype("f4"), rng.normal(size=(9, 5, 10, 9)).astype("f4")
    plan = plans.backward_weight(plans.geometry(x.shape, (5, 3, 3, 3), Conv2dSpec()), "float", "int", True)
    assert plan is not None
    assert plan.launch.grid[1] > 4  # splits, in clusters
    results = []
    for order in "012":
        monkeypatch.setenv("DLCORE_CUSIM_ORDER", order)
        backend = new_backend()
        for _ in range(2):  # the tickets are zero again
            arrays = backend.from_host(grad), backend.from_host(x)
            results.append(backend.conv2d_backward_weight(*arrays, (5, 3, 3, 3), Conv2dSpec()).get())
    assert len({result.tobytes() for result in results}) == 1


@pytest.mark.parametrize(
    ("x_shape", "weight_shape"), [((2, 3, 19, 16), (5, 3, 2, 2)), ((3, 4, 14, 14), (20, 4, 1, 1))], ids=["2x2", "1x1"]
)
@pytest.mark.parametrize("order", "012")
def test_a_split_may_have_several_chunks_of_pixels(
    x_shape: Any, weight_shape: Any, order: str, backend: Any, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setenv("DLCORE_CUSIM_ORDER", order)
    backend.splits = 1
    grad_shape = (x_shape[0], weight_shape[0], *Conv2dSpec().output_size(x_shape[2:], weight_shape[2:]))
    x, grad = (rng.normal(size=shape).astype(np.float32) for shape in (x_shape, grad_shape))
    assert grad[:, 0].size > 512  # a chunk of the kernels
    dw = backend.conv2d_backward_weight(backend.from_host(grad), backend.from_host(x), weight_shape, Conv2dSpec())
    close(dw.get(), reference.conv2d_backward_weight(np, grad, x, weight_shape, Conv2dSpec()))


@pytest.mark.parametrize("tile", TILES)
def test_a_long_sum_is_as_exact_before_tanh(tile: str, backend: Any, rng: np.random.Generator) -> None:
    """Each value has the rounding of a float32 sum of its products, times the slope of tanh there, and no more.

    A sum of n products may be off by n * 2^-24 of their absolute values' sum; of random ones, up to 800 products, the
    worst are off by 5 * 2^-24 of it. NumPy's own values are as far as 1.1e-5 from the exact ones, the largest being 1.
    """
    backend.tile, spec = tile, Conv2dSpec(padding=(1, 1, 1, 1))
    x, weight, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 40, 6, 5), (20, 40, 3, 3), (20,)))
    exact = reference.conv2d_forward(np, *(array.astype(np.float64) for array in (x, weight, bias)), spec, "tanh")
    sizes = reference.conv2d_forward(np, *(np.abs(array.astype(np.float64)) for array in (x, weight, bias)), spec)
    got = backend.conv2d_forward(*map(backend.from_host, (x, weight, bias)), spec, "tanh").get()
    allowed = 8 * 2.0**-24 * sizes * (1 - exact**2) + 2.0**-22
    assert (np.abs(got - exact) <= allowed).all(), float((np.abs(got - exact) / allowed).max())


def test_infinities_reach_only_what_sees_them(backend: Any) -> None:
    """What a tile has beyond the result, and steps beyond the depth, multiply nothing into it."""
    x, weight = np.ones((1, 3, 5, 5), "f4"), np.ones((17, 3, 3, 3), "f4")
    x[0, 0, 0, 0] = np.inf
    weight[16] = np.inf
    y = backend.conv2d_forward(backend.from_host(x), backend.from_host(weight), None, Conv2dSpec()).get()
    assert not np.isnan(y).any()
    assert (y[0, :16] == np.inf).sum() == 16  # at the first pixel of each
    assert np.isinf(y[0, 16]).all()


def test_division_by_a_magic_number() -> None:
    numbers = np.r_[0:300, 2**31 - 300 : 2**31].astype(object)
    for divisor in [*range(1, 70), 196, 784, 3136, 50176, 2**20 - 1, 2**30, 2**31 - 1]:
        magic, shift = plans.magic(divisor)
        assert 0 <= magic < 2**32
        for n in numbers:
            assert ((n * magic >> 32) + n) >> shift == n // divisor


def test_activations_have_the_order_of_the_kernels_table() -> None:
    assert tuple(re.findall(r"^    ROW\((\w+),", source_text("conv2d_forward"), re.MULTILINE)) == table.ACTIVATIONS
