"""The launcher: sources made self-contained, signatures read from them, arguments checked against these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dlcore import DeviceError, DTypeError
from dlcore.backends.cupy import launcher as launching
from dlcore.backends.cupy import table
from dlcore.backends.cupy.launcher import Launcher, Parameter, signatures
from dlcore.backends.cusim import namespace as cp

SOURCE = """
#include "common.cuh"
// extern "C" __global__ void not_this_one(int n) {}
#define THREADS 128
extern "C" __global__ void __launch_bounds__(THREADS)
scale(const SCALAR* __restrict__ x,   // (n,)
      SCALAR* __restrict__ out, INDEX n, REAL factor, unsigned char flag,
      const unsigned long long* seed) {
    for (INDEX i = grid_start<INDEX>(); i < n; i += grid_stride<INDEX>()) {
        out[i] = from_real<SCALAR>(to_real(x[i]) * factor + flag + (seed ? REAL(*seed) : REAL(0)));
    }
}
extern "C" __global__ void nothing() {}
"""


def kernel(dtype: str = "float32", name: str = "scale") -> launching.Kernel:
    macros = dict(launching.expanded({"SCALAR": launching.scalar(np.dtype(dtype)), "INDEX": "int"}))
    return Launcher(cp).user_kernel(SOURCE, name, macros)


def test_signatures_are_read_from_the_source() -> None:
    macros = dict(launching.expanded({"SCALAR": "half_t", "INDEX": "long long"}))
    found = signatures(launching.specialised(launching.inlined(SOURCE, "x.cu"), macros))
    assert set(found) == {"scale", "nothing"}
    f2, f4, i8, u1, u8 = (np.dtype(kind) for kind in ("f2", "f4", "i8", "u1", "u8"))
    assert found["scale"].max_threads == 128
    assert found["scale"].parameters == (
        Parameter("x", f2, True), Parameter("out", f2, True), Parameter("n", i8, False), Parameter("factor", f4, False),
        Parameter("flag", u1, False), Parameter("seed", u8, True),
    )  # fmt: skip
    assert found["nothing"] == ((), None)


def test_a_type_that_the_launcher_does_not_know() -> None:
    with pytest.raises(TypeError, match=r"k: parameter x is of type 'float4'; expected one of bool, char"):
        signatures('extern "C" __global__ void k(float4 x) {}')


def test_includes_are_put_in_their_place_once_and_lines_keep_their_numbers() -> None:
    text = launching.inlined('#include "common.cuh"\n#include "common.cuh"\nint here;\n', "a.cu")
    assert text.count("struct half_t") == 1
    assert '#line 3 "a.cu"\nint here;' in text
    with pytest.raises(LookupError, match=r"no CUDA source missing\.cuh"):
        launching.inlined('#include "missing.cuh"\n', "a.cu")


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_launch(dtype: str, rng: np.random.Generator) -> None:
    values = rng.normal(size=1000).astype(dtype)
    x, out = cp.asarray(values), cp.empty(1000, dtype)
    kernel(dtype)((3,), (128,), x, out, 1000, 0.5, 1, cp.full((), 2, np.uint64))
    np.testing.assert_allclose(out.get(), values * 0.5 + 3, rtol=2e-3 if dtype == "float16" else 1e-6)


X = np.arange(6, dtype=np.float32)
ARGUMENTS: dict[str, Callable[[], list[Any]]] = {
    "good": lambda: [cp.asarray(X), cp.empty(6, "float32"), 6, 1.0, 0, None],
}


@pytest.mark.parametrize(
    ("position", "value", "error", "message"),
    [
        (0, lambda: X, TypeError, r"scale: x must be an array of the device, got ndarray; move it there with x\.to"),
        (0, lambda: 3.0, TypeError, "scale: x must be an array of the device, got float"),
        (0, lambda: cp.asarray(X.astype("f8")), DTypeError, "scale: x must be float32, got float64"),
        (0, lambda: cp.asarray(X)[::2], ValueError, r"scale: x must be C-contiguous, got strides \(8,\)"),
        (2, lambda: 2**31, OverflowError, "scale: n=2147483648 does not fit into int32"),
        (2, lambda: 1.5, AttributeError, "__index__"),
        (3, lambda: cp.asarray(X), TypeError, "scale: factor must be a number, got an array"),
        (4, lambda: -1, OverflowError, "scale: flag=-1 does not fit into uint8"),
        (4, lambda: 256, OverflowError, "scale: flag=256 does not fit into uint8"),
    ],
)
def test_arguments_that_do_not_fit(position: int, value: Any, error: type[Exception], message: str) -> None:
    arguments = ARGUMENTS["good"]()
    out = arguments[1]
    out[...] = 7
    arguments[position] = value()
    with pytest.raises(error, match=message):
        kernel()((1,), (32,), *arguments)
    assert (out.get() == 7).all()


def test_numbers_take_the_type_of_their_parameter() -> None:
    """A NumPy float64 and a Python float are sent as 4 bytes where the kernel wants 4."""
    for factor in (0.5, np.float64(0.5), np.float32(0.5), 1):
        arguments = ARGUMENTS["good"]()
        arguments[3] = factor
        kernel()((1,), (32,), *arguments)
        np.testing.assert_array_equal(arguments[1].get(), X * np.float32(factor))


def test_a_misaligned_array_is_refused() -> None:
    raw = cp.zeros(64, np.uint8)
    shifted = raw[1:25].view(np.float32)
    with pytest.raises(DeviceError, match="scale: x, of float32, is misaligned at 0x"):
        kernel()((1,), (32,), shifted, cp.empty(6, "float32"), 6, 1.0, 0, None)


def test_the_number_of_arguments() -> None:
    with pytest.raises(TypeError, match="scale: 2 arguments for 6 parameters"):
        kernel()((1,), (32,), cp.asarray(X), 3)


def test_a_kernel_that_is_not_there() -> None:
    with pytest.raises(LookupError, match='no kernel scales: expected extern "C" __global__ void scales'):
        kernel(name="scales")


def test_only_what_the_table_has_is_launched() -> None:
    source, macros = next(table.specialisations())
    assert table.contains(source, macros)
    with pytest.raises(LookupError, match=rf"{source}\.cu: the table of specialisations has no {{'SCALAR': 'float128'"):
        Launcher(cp).kernel(source, "any", SCALAR="float128")


def test_specialisations_are_distinct_and_few() -> None:
    listed = [(source, tuple(sorted(macros.items()))) for source, macros in table.specialisations()]
    assert len(listed) == len(set(listed))
    assert len(listed) < 400


def test_modules_and_kernels_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = cp.RawModule
    monkeypatch.setattr(cp, "RawModule", lambda **options: made.append(options) or original(**options))
    shared = Launcher(cp)
    macros = dict(launching.expanded({"SCALAR": "float", "INDEX": "int"}))
    first = shared.user_kernel(SOURCE, "scale", macros)
    assert shared.user_kernel(SOURCE, "scale", macros) is first
    shared.user_kernel(SOURCE, "nothing", macros)
    assert len(made) == 1


def test_the_index_type_follows_the_largest_size() -> None:
    some = Launcher(cp)
    assert some.index(3, launching.INDEX_LIMIT) == "int"
    assert some.index(launching.INDEX_LIMIT + 1, 5) == "long long"
    assert launching.INDEX_LIMIT + 65535 * 1024 < 2**31  # a grid-stride loop goes one grid beyond the end
    some.index_limit = 100
    assert some.index(101) == "long long"
