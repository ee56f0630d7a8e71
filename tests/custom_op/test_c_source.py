"""C source: compiled at first use, called with arrays, every argument held against the source."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlcore as dl
from dlcore._build import BuildError
from dlcore._c_source import Functions

compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in ("cc", "gcc", "clang")), reason="there is no C compiler"
)
pytestmark = [compiler, pytest.mark.host_memory]

SOURCE = """
#include <math.h>
#include <stdint.h>
#define COUNT long /* what counts elements */

static void hidden(double* x) { x[0] = 1; }
void declared(double* x);

// void commented(double* x) { }
void swish(const SCALAR* restrict x, SCALAR* out, COUNT n, SCALAR beta) {
    for (COUNT i = 0; i < n; i++) out[i] = x[i] / (1 + (SCALAR)exp(-beta * x[i]));
}

/* The gradient. */
void swish_gradient(const SCALAR *grad, SCALAR const *x, SCALAR *out, COUNT n,
                    SCALAR beta)
{
    for (COUNT i = 0; i < n; i++) {
        SCALAR s = 1 / (1 + (SCALAR)exp(-beta * x[i]));
        out[i] = grad[i] * (s + beta * x[i] * s * (1 - s));
    }
}
"""


def like(x: dl.Tensor, *, beta: float = 1.0) -> tuple[Any, Any]:
    return x.shape, x.dtype


def call(functions: Any, out: Any, x: Any, beta: float) -> None:
    functions["swish"](x, out, x.size, beta)


def call_gradient(functions: Any, out: Any, grad: Any, x: Any, beta: float) -> None:
    functions["swish_gradient"](grad, x, out, x.size, beta)


def second(gg: dl.Tensor, grad: dl.Tensor, x: dl.Tensor, beta: float) -> tuple[dl.Tensor, dl.Tensor]:
    s = 1 / (1 + dl.exp(-beta * x))
    return gg * (s + beta * x * s * (1 - s)), gg * grad * beta * s * (1 - s) * (2 + beta * x * (1 - 2 * s))


swish_gradient = dl.custom_op(
    "swish_gradient", lambda grad, x, *, beta: (x.shape, x.dtype), c=dl.CSource(SOURCE, call_gradient), backward=second
)
swish = dl.custom_op("swish", like, c=dl.CSource(SOURCE, call), backward=swish_gradient)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F", "reversed"])
def test_values(dtype: str, order: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5)).astype(dtype)
    given = x[::-1, ::-1] if order == "reversed" else np.asarray(x, order=order)
    y = swish(dl.asarray(given), beta=1.5)
    expected = given.astype("f8") / (1 + np.exp(-1.5 * given.astype("f8")))
    assert y.dtype == dtype
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_first_and_second_derivatives(rng: np.random.Generator) -> None:
    x = dl.tensor(rng.normal(size=(2, 3)), requires_grad=True)
    assert dl.gradcheck(lambda x: swish(x, beta=0.7), [x], second_order=True)


def test_it_comes_before_the_python_function() -> None:
    op = dl.custom_op("op", like, forward=lambda xp, x, beta: x * 0, c=dl.CSource(SOURCE, call))
    assert op(dl.tensor([1.0])).item() == pytest.approx(0.731059, rel=1e-5)


def test_an_empty_result_calls_nothing() -> None:
    op = dl.custom_op("op", like, c=dl.CSource("not C at all", call))
    assert op(dl.zeros((0, 3))).shape == (0, 3)


def test_float16_has_no_type_in_c() -> None:
    with pytest.raises(dl.DTypeError, match=r"custom op 'swish': SCALAR .* float16; expected one of .*float32"):
        swish(dl.ones(3, dtype="float16"))


def test_macros_flags_and_options_of_the_linker() -> None:
    source = "#if defined(EXTRA)\nvoid f(float* x) { x[0] = AMOUNT + EXTRA; }\n#endif"
    op = dl.custom_op(
        "op", like, c=dl.CSource(source, lambda f, out, x, beta: f["f"](out), {"AMOUNT": 40}, ("-DEXTRA=2",), ())
    )
    assert op(dl.tensor([0.0])).item() == 42.0
    refused = dl.custom_op("op", like, c=dl.CSource(source, call, flags=("-DEXTRA=2", "-Wno-such", "-Werror=wat")))
    with pytest.raises(LookupError, match="no function 'swish'"):
        refused(dl.tensor([0.0]))


def test_an_error_in_the_source_shows_the_compilers_message_with_its_line() -> None:
    op = dl.custom_op("op", like, c=dl.CSource("\nvoid swish(float* x) { x[0] = nothing; }", call))
    with pytest.raises(BuildError, match=r"(?s)custom op 'op':2:.*nothing"):
        op(dl.tensor([0.0]))


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    op = dl.custom_op("op", like, c=dl.CSource(SOURCE, call))
    with pytest.raises(BuildError, match="no C compiler"):
        op(dl.tensor([0.0]))


# --- arguments ----------------------------------------------------------------------------------------------

KINDS = {
    "_Bool": "bool", "signed char": "int8", "unsigned char": "uint8", "short": "int16", "unsigned short": "uint16",
    "int": "int32", "unsigned": "uint32", "unsigned int": "uint32", "long long": "int64", "int64_t": "int64",
    "unsigned long long": "uint64", "uint8_t": "uint8", "float": "float32", "double": "float64",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_as_pointer_and_as_number(kind: str) -> None:
    dtype = np.dtype(KINDS[kind])
    source = f"""#include <stdint.h>
    void set(const {kind}* x, {kind}* out, {kind} number) {{ out[0] = x[1]; out[1] = number; }}"""
    functions = Functions("here", source, {}, (), ())
    x, out = np.array([0, 1], dtype), np.zeros(2, dtype)
    largest = True if dtype.kind == "b" else 0.5 if dtype.kind == "f" else np.iinfo(dtype).max
    functions["set"](x, out, largest)
    np.testing.assert_array_equal(out, np.array([1, largest], dtype))
    functions["set"](x, out, dtype.type(1))  # NumPy's own numbers, too
    assert out[1] == 1
    with pytest.raises(dl.DTypeError, match=f"here: set: x must be {dtype}, got complex64"):
        functions["set"](x.astype("complex64"), out, 1)
    if dtype.kind in "iu":
        with pytest.raises(OverflowError, match=f"here: set: number={largest + 1} does not fit into {dtype}"):
            functions["set"](x, out, largest + 1)
        with pytest.raises(TypeError, match=r"here: set: number must be an int, got 1.5"):
            functions["set"](x, out, 1.5)
    assert out[1] == 1


def test_void_pointers_and_null() -> None:
    functions = Functions("here", "void f(const void* x, double* out) { out[0] = x == 0; }", {}, (), ())
    out = np.full(1, 7.0)
    functions["f"](None, out)
    assert out[0] == 1
    functions["f"](np.ones(2, "complex64"), out)
    assert out[0] == 0


F = Functions("here", "void f(const double* x, double* out, long n, double a) { out[0] = x[0]; }", {}, (), ())
ONE = np.ones(1)
READ_ONLY = np.broadcast_to(ONE, 1)
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "too few": (lambda: F["f"](ONE, ONE), TypeError, r"here: f takes 4 argument\(s\), got 2"),
    "unknown": (lambda: F["g"], LookupError, r"here: its C source has no function 'g': void g\(...\); there is: f"),
    "no array": (lambda: F["f"](1.0, ONE, 1, 1.0), TypeError, "f: x must be an array or None, got float"),
    "a tensor": (lambda: F["f"](dl.ones(1), ONE, 1, 1.0), TypeError, "f: x must be an array or None, got Tensor"),
    "dtype": (lambda: F["f"](ONE.astype("f4"), ONE, 1, 1.0), dl.DTypeError, "f: x must be float64, got float32"),
    "strides": (lambda: F["f"](np.ones(4)[::2], ONE, 1, 1.0), ValueError, r"f: x must be C-contiguous, got strides"),
    "read-only": (lambda: F["f"](ONE, READ_ONLY, 1, 1.0), ValueError, "f: out is written to .* read-only"),
    "array for a number": (lambda: F["f"](ONE, ONE, ONE, 1.0), TypeError, "f: n must be a number, got an array"),
    "text for a number": (lambda: F["f"](ONE, ONE, 1, "x"), TypeError, "f: a must be a number, got 'x'"),
    "type": (
        lambda: Functions("here", "struct s { int i; }; void f(struct s* x) { }", {}, (), ())["f"], TypeError,
        r"here: f: argument 'struct s\* x' must be a number or a pointer to numbers, of one of the types .*double",
    ),
    "pointer to pointer": (lambda: Functions("h", "void f(double** x) { }", {}, (), ())["f"], TypeError, "'double.*x'"),
    "array type": (lambda: Functions("h", "void f(double x[]) { }", {}, (), ())["f"], TypeError, r"'double x\[\]'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_argument(name: str) -> None:
    use, error, message = BAD[name]
    with pytest.raises(error, match=message):
        use()


def test_a_read_only_array_may_be_read() -> None:
    out = np.zeros(1)
    F["f"](READ_ONLY, out, 1, 1.0)
    assert out[0] == 1


def test_functions_that_cannot_be_called_are_not_there() -> None:
    functions = Functions("here", SOURCE, {"SCALAR": "double"}, (), ("-lm",))
    for name in ("hidden", "declared", "commented"):
        with pytest.raises(LookupError, match="there is: swish, swish_gradient"):
            functions[name]
