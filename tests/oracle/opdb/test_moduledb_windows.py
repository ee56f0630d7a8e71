"""Layers of convolution, pooling, dropout and their like on PyTorch's own samples, and on more: see module_harness.py.

The samples of `module_db` are few; `common_nn` has an older list, and what neither has follows here.
"""

from __future__ import annotations

import warnings
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from oracle.opdb.harness import on_a_gpu, torch
from oracle.opdb.module_harness import Module, check_module, check_module_errors, compare_modules

import dlcore as dl
from dlcore import nn

TABLE = {
    name: Module(getattr(nn, name))
    for name in (
        "Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d", "MaxPool1d", "MaxPool2d", "AvgPool1d", "AvgPool2d",
        "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    )
}  # fmt: skip
#: Without samples in `module_db`. Dropout is compared where it does nothing.
OTHERS = {
    name: Module(getattr(nn, name))
    for name in ("Dropout", "Dropout1d", "Dropout2d", "Flatten", "Identity", "Unflatten", "Upsample")
}


@pytest.mark.every_device
@pytest.mark.parametrize(("name", "training"), list(product(TABLE, (True, False))))
def test_samples(name: str, training: bool, rng: np.random.Generator) -> None:
    check_module(name, TABLE[name], training, rng)


@pytest.mark.parametrize("name", TABLE)
def test_error_inputs(name: str, rng: np.random.Generator) -> None:
    check_module_errors(name, TABLE[name], rng)


def given(*args: Any, **kwargs: Any) -> Any:
    return SimpleNamespace(args=args, kwargs=kwargs)


# --- the older list -------------------------------------------------------------------------------------


def test_samples_of_common_nn(rng: np.random.Generator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_nn import get_new_module_tests, module_tests

        listed = [*module_tests, *get_new_module_tests()]
    compared = 0
    for test in listed:
        name = test.get("module_name")
        if name in TABLE | OTHERS and "constructor_args" in test and "input_size" in test:
            x = torch.from_numpy(rng.normal(size=test["input_size"])).requires_grad_()
            sample = SimpleNamespace(constructor_input=given(*test["constructor_args"]), forward_input=given(x))
            try:
                compare_modules(name, (TABLE | OTHERS)[name], sample, True, rng)
            except BaseException as error:
                error.add_note(f"{name} {test.get('desc')}: {test['constructor_args']}, input {test['input_size']}")
                raise
            compared += 1
    assert compared > 25


# --- what neither list has ------------------------------------------------------------------------------

MODES = ("zeros", "reflect", "replicate", "circular")
CASES: list[tuple[str, Any, tuple[int, ...], Any]] = [
    *(
        ("Conv2d", given(4, 6, kernel, padding=padding, padding_mode=mode, **options), (2, 4, 6, 5), given())
        for mode in MODES
        for kernel, padding, options in [
            (3, "same", {}),
            ((2, 4), "same", {"dilation": (1, 1), "bias": False}),
            ((3, 2), "same", {"dilation": (2, 1), "groups": 2}),
            (3, "valid", {"stride": 2}),
            ((2, 3), (2, 1), {"stride": (1, 2)}),
        ]
    ),
    *(("Conv2d", given(2, 3, 3, padding=1, padding_mode=mode), (2, 5, 4), given()) for mode in MODES),
    *(
        ("Conv1d", given(4, 6, kernel, padding=padding, padding_mode=mode, **options), shape, given())
        for mode in MODES
        for kernel, padding, options, shape in [
            (4, "same", {}, (2, 4, 7)),
            (3, 2, {"stride": 2, "groups": 2}, (2, 4, 7)),
            (2, "same", {"dilation": 3}, (4, 7)),
        ]
    ),
    *(
        ("ConvTranspose2d", given(4, 6, kernel, **options), shape, call)
        for kernel, options, shape, call in [
            (3, {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}, (2, 4, 3, 4), given()),
            ((2, 3), {"stride": (3, 1), "dilation": (1, 2), "bias": False}, (4, 3, 4), given()),
            (3, {"stride": 2, "padding": 1}, (2, 4, 3, 4), given(output_size=(6, 7))),
            (3, {"stride": 2, "padding": 1}, (2, 4, 3, 4), given(output_size=[2, 6, 5, 8])),
            (2, {"dilation": 3, "output_padding": 2}, (2, 4, 3, 4), given()),
            (2, {"dilation": 4, "output_padding": (3, 1), "padding": 1}, (2, 4, 3, 4), given()),
            (1, {"stride": 3, "output_padding": 2, "padding": 0}, (2, 4, 3, 4), given()),
            (3, {}, (0, 4, 3, 4), given()),
        ]
    ),
    *(
        ("ConvTranspose1d", given(4, 6, 3, **options), (2, 4, 5), call)
        for options, call in [
            ({"stride": 3, "padding": 1, "output_padding": 2, "groups": 2}, given()),
            ({"stride": 3}, given(output_size=[17])),
        ]
    ),
    *(
        (kind, given(size, **options), (2, 3, 7, 5), given())
        for kind, options in [("AdaptiveAvgPool2d", {}), ("AdaptiveMaxPool2d", {"return_indices": True})]
        for size in [1, 3, (7, 5), (2, 9), (None, 2), (4, None)]
    ),
    *(
        (kind, given(size), (2, 3, 7), given())
        for kind in ("AdaptiveAvgPool1d", "AdaptiveMaxPool1d")
        for size in (1, 3, 7, 9)
    ),
    *(
        ("MaxPool2d", given(3, 2, 1, dilation, True, ceil), (2, 3, 8, 9), given())
        for dilation in (1, (2, 1))
        for ceil in (True, False)
    ),
    ("MaxPool1d", given(3, 2, 1, 2, True, True), (3, 9), given()),
    ("AvgPool1d", given(3, 2, 1, True, False), (2, 3, 8), given()),
    *(
        ("Upsample", given(size, factor), (2, 3, 4, 5), given())
        for size, factor in [(7, None), ((8, 10), None), ((3, 11), None), (None, 2), (None, (3.0, 1.5)), (None, 0.6)]
    ),
    ("Upsample", given(scale_factor=1.7, recompute_scale_factor=True), (2, 3, 9), given()),
    ("Upsample", given(scale_factor=(2, 1, 3)), (1, 2, 2, 3, 2), given()),
    *(("Flatten", given(*dims), (2, 3, 4, 5), given()) for dims in [(), (0,), (1, 2), (-2, -1), (3, 3)]),
    ("Unflatten", given(1, (2, 3)), (4, 6, 2), given()),
    ("Identity", given(7, unused=True), (2, 3), given()),
]
RESTING = [
    ("Dropout", given(0.4), (2, 3), given()),
    ("Dropout1d", given(0.4), (2, 3, 4), given()),
    ("Dropout2d", given(0.4), (2, 3, 4, 4), given()),
]


@pytest.mark.every_device
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("case", [*CASES, *RESTING], ids=lambda c: f"{c[0]} {c[1].args} {c[1].kwargs} {c[2]}")
def test_more(case: Any, rng: np.random.Generator) -> None:
    name, made, shape, call = case
    if (
        on_a_gpu()
        and name.startswith("Conv")
        and made.kwargs.get("padding_mode", "zeros") not in ("zeros", "replicate")
    ):
        pytest.skip("on a GPU one mode of borders is enough")
    x = torch.from_numpy(rng.permutation(int(np.prod(shape))).reshape(shape) / 7).requires_grad_()
    sample = SimpleNamespace(constructor_input=made, forward_input=given(x, *call.args, **call.kwargs))
    compare_modules(name, (TABLE | OTHERS)[name], sample, case in CASES, rng)


SIZES = [{"size": (1, n)} for n in (*range(1, 40), 200)]
FACTORS = [{"scale_factor": (1.0, factor)} for factor in (0.3, 0.7, 1.1, 1.5, 1.7, 2.0, 2.3, 3.0, 7.1)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nearest_neighbours_of_every_size(dtype: str) -> None:
    """PyTorch computes places in float32 for images of float32, and in every backward pass; here it is always so."""
    for size in (*range(1, 24), 97):
        x = torch.arange(size, dtype=torch.float32).reshape(1, 1, 1, size)
        for given_size in [*SIZES, *[g for g in FACTORS if int(size * g["scale_factor"][1])]]:
            expected = torch.nn.functional.interpolate(x, **given_size).numpy()
            actual = nn.functional.interpolate(dl.tensor(x.numpy().astype(dtype)), **given_size).numpy()
            np.testing.assert_array_equal(actual, expected, err_msg=f"{size}: {given_size}")
