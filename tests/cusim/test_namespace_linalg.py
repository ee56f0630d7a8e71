"""`linalg` of the simulator's namespace: NumPy's values, CuPy's refusals, waiting; what the backend makes of CuPy's."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlcore.backends.cupy.namespace import Namespace
from dlcore.backends.cusim import counters
from dlcore.backends.cusim import namespace as cp

A = np.array([[4.0, 1.0], [1.0, 3.0]])
STACK = np.stack([A, A + np.eye(2)])
CALLS: dict[str, tuple[dict[str, Any], int]] = {  # arguments, how often it waits
    "cholesky": ({}, 1), "det": ({}, 0), "eigh": ({"UPLO": "U"}, 1), "eigvalsh": ({}, 1), "inv": ({}, 1),
    "qr": ({"mode": "complete"}, 1), "slogdet": ({}, 0), "svd": ({"full_matrices": False}, 1),
}  # fmt: skip


@pytest.mark.parametrize("array", [A, STACK, A.astype("complex64")], ids=["matrix", "batch", "complex"])
@pytest.mark.parametrize("name", CALLS)
def test_values_and_waiting(name: str, array: Any) -> None:
    options, waits = CALLS[name]
    x = cp.array(array)
    with counters.record() as r:
        result = getattr(cp.linalg, name)(x, **options)
    assert (r.launches, r.synchronisations) == (1, waits)
    expected = getattr(np.linalg, name)(array, **options)
    if not isinstance(result, tuple):
        result, expected = (result,), (expected,)
    assert len(result) == len(expected)
    for part, other in zip(result, expected, strict=True):
        assert isinstance(part, cp.ndarray)
        np.testing.assert_array_equal(part.get(), other)


def test_solve() -> None:
    for a, b in ((A, A[:, :1]), (STACK, STACK)):
        np.testing.assert_array_equal(cp.linalg.solve(cp.array(a), cp.array(b)).get(), np.linalg.solve(a, b))
    with pytest.raises(ValueError, match="a must have"):  # NumPy broadcasts
        cp.linalg.solve(cp.array(A), cp.array(STACK))
    with pytest.raises(NotImplementedError, match="b as matrices"):
        cp.linalg.solve(cp.array(STACK), cp.array(A))


def test_what_cupy_refuses() -> None:
    with pytest.raises(TypeError, match="only supports"):
        cp.linalg.inv(A)
    with pytest.raises(TypeError, match="float16"):
        cp.linalg.inv(cp.array(A.astype("float16")))
    with pytest.raises(TypeError, match="upper"):
        cp.linalg.cholesky(cp.array(A), upper=True)  # NumPy's alone
    with pytest.raises(np.linalg.LinAlgError):
        cp.linalg.inv(cp.zeros((2, 2)))


def test_real_cupy_is_told_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy would give an invalid result for a singular matrix."""
    state: list[str] = ["ignore"]

    @contextmanager
    def errstate(linalg: str) -> Any:
        state.append(linalg)
        yield
        state.pop()

    monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(errstate=errstate))
    made_up = SimpleNamespace(
        __name__="cupy", __version__="0", linalg=SimpleNamespace(inv=lambda a: (state[-1], a), LinAlgError=ValueError)
    )
    xp = Namespace(made_up, lambda error, name: error)
    assert xp.linalg.inv(3) == ("raise", 3)
    assert xp.linalg.inv is xp.linalg.inv  # kept
    assert state == ["ignore"]
    with pytest.raises(AttributeError, match="nothing"):
        _ = xp.linalg.nothing
