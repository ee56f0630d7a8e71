"""The harness finds what is wrong: values, derivatives of both orders, arguments that are ignored, bad input taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import (
    Entry,
    NoError,
    Skip,
    check_error_inputs,
    check_samples,
    has,
    named,
    op_infos,
)

import dlcore as dl


class WrongSecond(dl.Function):
    """sin, whose second derivative is missing."""

    saves = (0,)

    def forward(self, x: Any) -> Any:
        return self.xp.sin(x)

    def backward(self, grad: dl.Tensor) -> dl.Tensor:
        return grad * dl.cos(self.saved[0].detach())


WRONG: dict[str, Callable[[Any], Any]] = {
    "value": lambda x: dl.sin(x) * (1 + 1e-6),
    "gradient": lambda x: dl.sin(x.detach()) + (dl.sin(x) - dl.sin(x).detach()) * (1 + 1e-6),
    "no gradient": lambda x: dl.sin(x.detach()),
    "second gradient": lambda x: WrongSecond()(x),
    "dtype": lambda x: dl.astype(dl.sin(x), "float32" if x.dtype == np.float64 else "complex64"),
    "shape": lambda x: dl.expand_dims(dl.sin(x), axis=0),
}


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_found(wrong: str, dtype: str, rng: np.random.Generator) -> None:
    check_samples("sin", Entry(dl.sin), dtype, rng)
    with pytest.raises(AssertionError) as caught:
        check_samples("sin", Entry(WRONG[wrong]), dtype, rng)
    assert f"sample 0 of sin, {dtype}: ({dtype}[20, 20])" in caught.value.__notes__


def test_a_wrong_number_where_an_argument_is_left_out_is_found(rng: np.random.Generator) -> None:
    def ignoring(x: Any, y: Any, alpha: Any = None) -> Any:
        return dl.add(x, y)

    skip = Skip("no factor", has("alpha"))
    check_samples("add", Entry(dl.add, (skip,)), "float64", rng)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_samples("add", Entry(ignoring, (skip,)), "float64", rng)
    with pytest.raises(AssertionError):
        check_samples("add", Entry(ignoring), "float64", rng)
    with pytest.raises(AssertionError, match="no sample is set aside by"):
        check_samples("add", Entry(dl.add, (skip, Skip("nothing has it", has("beta")))), "float64", rng)


def test_bad_input_that_is_taken_is_found(rng: np.random.Generator) -> None:
    taken = NoError("numbers are operands", "")
    check_error_inputs("maximum", Entry(dl.maximum, no_errors=(taken,)), rng)
    with pytest.raises(AssertionError, match=r"maximum takes \(int64\[3\], 2\)"):
        check_error_inputs("maximum", Entry(dl.maximum), rng)


def test_arguments_by_their_names() -> None:
    call = named(dl.sum, "axis", dim="axis", keepdim="keepdims")
    x = dl.ones((2, 3))
    assert call(x, 1).tolist() == [3, 3]
    assert call(x, dim=0, keepdim=True).shape == (1, 3)
    with pytest.raises(TypeError, match="2 further arguments"):
        call(x, 1, True)
    with pytest.raises(TypeError, match="unexpected keyword"):
        call(x, other=1)


def test_pytorchs_table_is_there() -> None:
    assert len(op_infos()) > 600
    assert {"sin", "round.decimals_3", "linalg.vector_norm"} <= op_infos().keys()
