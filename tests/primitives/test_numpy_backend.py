"""What is special about the NumPy device: layouts, reused scratch, threads, determinism, what it says of itself."""

from __future__ import annotations

import platform
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcore._errors import DeviceError
from dlcore.backend import Conv2dSpec, PhiloxCounter, Pool2dSpec
from dlcore.backends.numpy import NumpyBackend, create
from dlcore.backends.numpy import convolution as numpy_convolution
from dlcore.backends.numpy.blas import blas_threads
from dlcore.backends.numpy.convolution import is_batch_inner
from dlcore.backends.numpy.workspace import scratch

from .cases import CASES, CONVOLUTIONS
from .test_parity import check

BACKEND = NumpyBackend()
SAME = Conv2dSpec(padding=(1, 1, 1, 1))
POOL = Pool2dSpec((2, 2), (2, 2))
AT = PhiloxCounter(1, 2, 3)


def test_create() -> None:
    assert isinstance(create(0), NumpyBackend)
    with pytest.raises(DeviceError, match="'numpy:1'"):
        create(1)


def test_host_transfers(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    assert BACKEND.from_host(x) is not x or BACKEND.shares_memory(BACKEND.from_host(x), x)
    assert BACKEND.shares_memory(BACKEND.from_host(x), x)
    assert not BACKEND.shares_memory(BACKEND.from_host(x, copy=True), x)
    assert BACKEND.shares_memory(BACKEND.to_host(x), x)
    assert BACKEND.from_host([1, 2], dtype=np.dtype(np.float32)).dtype == np.float32
    assert isinstance(x, BACKEND.array_type)
    assert not isinstance(np.float32(1), BACKEND.array_type)


def test_info_names_versions_and_threads(tmp_path: Path) -> None:
    info = BACKEND.info()
    assert info["numpy"] == np.__version__
    assert set(info) == {"numpy", "blas", "blas threads"}
    assert info["blas threads"] == "unknown" or int(info["blas threads"]) >= 1
    assert blas_threads(tmp_path) == "unknown"


@pytest.mark.skipif(platform.system() != "Linux", reason="the folder and the loader are Linux's")
def test_a_library_that_does_not_load_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "numpy" / ".libs"
    folder.mkdir(parents=True)
    (folder / "libopenblas.so").write_bytes(b"not a library")
    assert blas_threads(tmp_path / "numpy") == "unknown"


# --- layout -------------------------------------------------------------------------------------


def test_batch_inner_layout_is_kept_through_a_network(rng: np.random.Generator) -> None:
    x = rng.normal(size=(16, 3, 12, 12)).astype(np.float32)
    weight = rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    y = BACKEND.conv2d_forward(x, weight, None, SAME)
    assert is_batch_inner(y)
    activated = BACKEND.bias_activation_forward(y, weight[:, 0, 0, 0], "relu", axis=1)
    pooled, index = BACKEND.max_pool2d_forward(activated, POOL)
    grad = BACKEND.index_pool2d_scatter(pooled, index, activated.shape, POOL)
    backward, _ = BACKEND.bias_activation_backward(grad, activated, "relu", axis=1)
    dx = BACKEND.conv2d_backward_input(backward, weight, x.shape, SAME)
    for array in (activated, pooled, index, grad, backward, dx):
        assert is_batch_inner(array)


def test_wide_images_keep_image_order(rng: np.random.Generator) -> None:
    x = rng.normal(size=(16, 3, 4, 40)).astype(np.float32)
    y = BACKEND.conv2d_forward(x, rng.normal(size=(4, 3, 3, 3)).astype(np.float32), None, SAME)
    assert y.transpose(1, 0, 2, 3).flags.c_contiguous


# --- scratch ------------------------------------------------------------------------------------


def test_results_are_not_scratch(rng: np.random.Generator) -> None:
    """Calling again with other values changes no earlier result."""
    for primitive in sorted(CASES):
        if primitive in ("check_index_range", "fill_zero"):
            continue
        case = CASES[primitive][0]
        arguments, options = case.make(rng)
        results = getattr(BACKEND, primitive)(*arguments, **options)
        results = [result for result in (results if isinstance(results, tuple) else (results,)) if result is not None]
        before = [result.copy() for result in results]
        again, options = case.make(rng)
        getattr(BACKEND, primitive)(*again, **options)
        for result, copy in zip(results, before, strict=True):
            np.testing.assert_array_equal(result, copy)


def test_scratch_is_reused_and_grows() -> None:
    small = scratch("test", (3, 4), np.float32)
    assert small.shape == (3, 4)
    assert np.shares_memory(small, scratch("test", (5,), np.float32))
    assert not np.shares_memory(small, scratch("test", (5,), np.float64))
    assert not np.shares_memory(small, scratch("another test", (5,), np.float32))
    assert scratch("test", (100,), np.float32).size == 100


def test_scratch_belongs_to_a_thread() -> None:
    mine = scratch("test", (10,), np.float32)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(scratch, "test", (10,), np.float32).result()
    assert not np.shares_memory(mine, theirs)


@pytest.mark.parametrize("primitive", ["conv2d_forward", "conv2d_backward_input", "conv2d_backward_weight"])
def test_chunks_of_one_image_or_row(primitive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_convolution, "COLUMN_BYTES", 1)
    for case in CASES[primitive]:
        if "several chunks" not in case.name:
            check(BACKEND, primitive, case)


# --- threads and determinism --------------------------------------------------------------------


def everything(seed: int) -> list[np.ndarray]:
    """The primitives that use scratch, on arrays drawn from a seed."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(16, 4, 12, 12)).astype(np.float32)
    weight = rng.normal(size=(6, 4, 3, 3)).astype(np.float32)
    y = BACKEND.conv2d_forward(x, weight, None, SAME)
    dx = BACKEND.conv2d_backward_input(y, weight, x.shape, SAME._replace(stride=(1, 1)))
    dw = BACKEND.conv2d_backward_weight(y, x, weight.shape, SAME)
    pooled, index = BACKEND.max_pool2d_forward(y, Pool2dSpec((3, 3), (2, 2)))
    spread = BACKEND.index_pool2d_scatter(pooled, index, y.shape, Pool2dSpec((3, 3), (2, 2)))
    dropped, mask = BACKEND.dropout_forward(x, 0.5, AT._replace(seed=seed))
    param, mean, square = (rng.normal(size=50000) ** 2 for _ in range(3))
    BACKEND.adam_update(param, param[::-1].copy(), mean, square, None, lr=0.1, weight_decay=0.1)
    norm = BACKEND.l2_norm(param)
    return [y, dx, dw, pooled, index, spread, dropped, mask, param, mean, square, norm]


def test_the_same_inputs_give_the_same_bits() -> None:
    for first, second in zip(everything(5), everything(5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_threads_do_not_disturb_each_other() -> None:
    seeds = range(4)
    alone = [everything(seed) for seed in seeds]
    start = threading.Barrier(len(seeds))

    def repeat(seed: int) -> list[list[np.ndarray]]:
        start.wait()
        return [everything(seed) for _ in range(5)]

    with ThreadPoolExecutor(len(seeds)) as pool:
        for expected, repeated in zip(alone, pool.map(repeat, seeds), strict=True):
            for results in repeated:
                for first, second in zip(expected, results, strict=True):
                    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-5)


# --- memory -------------------------------------------------------------------------------------


def test_convolution_of_a_large_batch_needs_little_scratch(rng: np.random.Generator) -> None:
    """The columns of all images at once would be 81 MB here."""
    shape, weight_shape, spec = CONVOLUTIONS["several chunks"]
    x: Any = rng.normal(size=(360, *shape[1:])).astype(np.float32)
    weight = rng.normal(size=weight_shape).astype(np.float32)
    sizes: list[int] = []

    def in_a_fresh_thread() -> None:
        BACKEND.conv2d_forward(x, weight, None, spec)
        sizes.append(scratch("columns", (0,), np.float32).base.nbytes)

    thread = threading.Thread(target=in_a_fresh_thread)
    thread.start()
    thread.join()
    assert 0 < sizes[0] <= 4 * 2**20


SUMS: dict[str, tuple[tuple[int, ...], tuple[int, ...], str]] = {
    "rows": ((1_000_000, 2), (0,), "C"),
    "columns": ((2, 1_000_000), (1,), "C"),
    "columns in Fortran order": ((2, 1_000_000), (1,), "F"),
    "bias of a convolution": ((500, 3, 20, 20), (0, 2, 3), "C"),
    "bias, batch inner": ((20, 20, 3, 500), (0, 1, 3), "C"),
    "middle": ((3, 100_003, 4), (1,), "C"),
    "all": ((1000, 1000), (0, 1), "C"),
}


@pytest.mark.parametrize(("shape", "axes", "order"), SUMS.values(), ids=SUMS.keys())
def test_long_float32_sums_are_accurate(
    shape: tuple[int, ...], axes: tuple[int, ...], order: Any, rng: np.random.Generator
) -> None:
    x = np.asarray(rng.uniform(size=shape).astype(np.float32), order=order)
    for view in (x, x[::-1]):
        exact = np.sum(view.astype(np.float64), axis=axes, keepdims=True)
        np.testing.assert_allclose(BACKEND.sum(view, axes, True), exact, rtol=2e-6)
        np.testing.assert_allclose(BACKEND.sum(view, axes), exact.squeeze(axes), rtol=2e-6)
