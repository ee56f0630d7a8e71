"""PyTorch's own sample inputs (`torch.testing._internal ... op_db`) tried here: values, first and second gradients.

A test file holds one table, from the name of an operation of PyTorch to an `Entry` that says how it is called here
and which samples have arguments that do not exist here. Every other sample is compared, and every sample set aside
must raise here: an argument that is not supported never gives a wrong number.

    TABLE = {
        "sin": Entry(dl.sin),
        "sum": Entry(named(dl.sum, dim="axis", keepdim="keepdims")),
        "round.decimals_3": Entry(dl.round, skips=(Skip("no decimals in the standard", has("decimals")),)),
    }

    @pytest.mark.every_device  # `make test-cusim` runs it, too, on a few small samples
    @pytest.mark.parametrize(("name", "dtype"), comparisons(TABLE))
    def test_samples(name, dtype, rng):
        check_samples(name, TABLE[name], dtype, rng)

    @pytest.mark.parametrize("name", TABLE)
    def test_error_inputs(name, rng):
        check_error_inputs(name, TABLE[name], rng)
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

import dlcore as dl

torch = pytest.importorskip("torch", exc_type=ImportError)

RTOL = 1e-7
#: Of float32 and complex64, which are compared without second gradients: relative to the largest element.
SINGLE = 2e-5
#: Samples with more elements than this, in and out together, are compared without second gradients.
SECOND_ORDER = 2000
#: On a GPU, be it simulated: elements of a sample at most, and about how many samples of an operation.
SMALL, FEW = 400, 12
#: What bad input may raise here.
ERRORS = (TypeError, ValueError, IndexError, OverflowError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class Skip:
    """Samples that have something which does not exist here. They must raise, unless that is impossible to ask."""

    reason: str
    when: Callable[[Any], bool]  # of PyTorch's SampleInput
    raises: bool = True  # False: there is no way to pass it, such as another order of results


@dataclass(frozen=True)
class NoError:
    """Error inputs of PyTorch that are good input here, such as numbers that its functions want as tensors."""

    reason: str
    pattern: str  # found in what PyTorch says; "" in every message
    when: Callable[[Any], bool] = lambda sample: True  # of PyTorch's SampleInput


@dataclass(frozen=True)
class Entry:
    """How an operation of PyTorch is called here."""

    here: Callable[..., Any]
    skips: tuple[Skip, ...] = ()
    no_errors: tuple[NoError, ...] = ()
    dtypes: tuple[str, ...] = ("float64", "complex128")  # those of them that PyTorch takes are compared
    theirs: Callable[[Any], Any] = lambda result: result  # what of PyTorch's result is compared (gauge invariants)
    ours: Callable[[Any], Any] = lambda result: result  # the same of ours
    second: bool = True
    rtol: float = RTOL
    ignore_nan: bool = False  # in second gradients: where formulas differ, one may meet 0 * inf, the other not


def named(function: Callable[..., Any], *positional: str, **names: str) -> Callable[..., Any]:
    """`function`, with the arguments after the first by PyTorch's names: `positional` ones, in order, and keywords.

    `names` says what a keyword is called here; others are passed on, and raise TypeError if there is no such.
    """

    def call(x: Any, *arguments: Any, **keywords: Any) -> Any:
        if len(arguments) > len(positional):
            raise TypeError(f"{function.__name__}: {len(arguments)} further arguments, expected {positional}")
        given = {**dict(zip(positional, arguments, strict=False)), **keywords}
        return function(x, **{names.get(key, key): value for key, value in given.items()})

    return call


def has(*keywords: str) -> Callable[[Any], bool]:
    """Samples that pass one of these keywords."""
    return lambda sample: any(name in sample.kwargs for name in keywords)


def _axis_of_scalar(sample: Any) -> bool:
    given = [sample.kwargs.get("dim"), *[x for x in sample.args if isinstance(x, (int, tuple, list))]]
    return sample.input.ndim == 0 and any(axis is not None and axis not in ((), []) for axis in given)


#: For functions of an axis.
AXIS_OF_SCALAR = Skip(
    "PyTorch takes axis 0 of a tensor that has no axes; the array API and NumPy refuse it", _axis_of_scalar
)


# --- PyTorch's table ----------------------------------------------------------------------------------------


@cache
def op_infos() -> dict[str, Any]:
    """PyTorch's table by "name" or "name.variant"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db

    return {".".join(filter(None, (op.name, op.variant_test_name))): op for op in op_db}


def comparisons(table: Mapping[str, Entry]) -> list[Any]:
    """(name, dtype) for `pytest.mark.parametrize`: each entry in each dtype that it and PyTorch have."""
    return [
        pytest.param(name, dtype, id=f"{name}-{dtype}")
        for name, entry in table.items()
        for dtype in entry.dtypes
        if getattr(torch, dtype) in op_infos()[name].supported_dtypes("cpu")
    ]


def samples(name: str, dtype: str, rng: np.random.Generator) -> list[Any]:
    op, kind = op_infos()[name], getattr(torch, dtype)
    torch.manual_seed(int(rng.integers(2**32)))
    grad = op.supports_autograd and kind in op.supported_backward_dtypes("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(op.sample_inputs("cpu", kind, requires_grad=grad))
    if not on_a_gpu():
        return found
    small = [sample for sample in found if getattr(sample.input, "numel", int)() <= SMALL]
    return small[:: max(1, len(small) // FEW)]


def on_a_gpu() -> bool:
    """Whether the current device's arrays are not NumPy's: then tests marked `every_device` try a few small samples."""
    return dl.current_device().backend.array_type is not np.ndarray


# --- what PyTorch's tests check -----------------------------------------------------------------------------


def check_samples(name: str, entry: Entry, dtype: str, rng: np.random.Generator) -> None:
    """Every sample: compared, or found in the table of what is left out and refused."""
    used: set[Skip] = set()
    compared = 0
    seed = int(rng.integers(2**32))
    for number, sample in enumerate(samples(name, dtype, rng)):
        skip = next((skip for skip in entry.skips if skip.when(sample)), None)
        try:
            if skip is None:
                compare(name, entry, sample, seed)
                compared += 1
            else:
                used.add(skip)
                if skip.raises:
                    refuse(entry, sample)
        except BaseException as error:
            error.add_note(f"sample {number} of {name}, {dtype}: {described(sample)}")
            raise
    assert compared or entry.skips, f"{name} has no samples"
    if dtype == entry.dtypes[0] and not on_a_gpu():
        unused = [skip.reason for skip in entry.skips if skip not in used]
        assert not unused, f"{name}: no sample is set aside by: {unused}"


def refuse(entry: Entry, sample: Any) -> None:
    arguments, keywords, _ = converted(sample)
    with pytest.raises(ERRORS), quiet():
        call_and_wait(entry, arguments, keywords)


def call_and_wait(entry: Entry, arguments: list[Any], keywords: dict[str, Any]) -> None:
    """A GPU says what is wrong with values when it is waited for."""
    entry.here(*arguments, **keywords)
    dl.current_device().backend.synchronize()


def check_error_inputs(name: str, entry: Entry, rng: np.random.Generator) -> None:
    """What PyTorch's list of bad input holds raises here too."""
    op = op_infos()[name]
    if op.error_inputs_func is None:
        return
    torch.manual_seed(int(rng.integers(2**32)))
    for bad in op.error_inputs("cpu"):
        if any(ok.when(bad.sample_input) and re.search(ok.pattern, str(bad.error_regex)) for ok in entry.no_errors):
            continue
        raised = False
        try:
            arguments, keywords, _ = converted(bad.sample_input)
            with quiet():
                entry.here(*arguments, **keywords)
        except ERRORS:
            raised = True
        assert raised, f"{name} takes {described(bad.sample_input)}; PyTorch says: {bad.error_regex}"


def compare(name: str, entry: Entry, sample: Any, seed: int) -> None:
    """One sample: the outputs, the gradients of a weighted sum of them, and the gradients of those."""
    arguments, keywords, pairs = converted(sample)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        their_outputs = flat(entry.theirs(op_infos()[name](sample.input, *sample.args, **sample.kwargs)))
    with quiet():
        our_outputs = flat(entry.ours(entry.here(*arguments, **keywords)))
    assert len(our_outputs) == len(their_outputs)
    for i, (mine, theirs) in enumerate(zip(our_outputs, their_outputs, strict=True)):
        close(mine.numpy(), host(theirs), entry.rtol, f"output {i}")
        assert mine.requires_grad == theirs.requires_grad, f"output {i}: requires_grad is {mine.requires_grad}"
    leaves = [(mine, theirs) for mine, theirs in pairs if mine.requires_grad]
    elements = sum(theirs.numel() for _, theirs in leaves) + sum(theirs.numel() for theirs in their_outputs)
    single = any(theirs.dtype in (torch.float32, torch.complex64) for theirs in their_outputs)
    second = entry.second and op_infos()[name].supports_gradgrad and elements <= SECOND_ORDER and not single
    rng = np.random.default_rng(seed)
    ends = list(zip(our_outputs, their_outputs, strict=True))
    for order in ("gradient", "second gradient")[: 2 if second else 1]:
        ends = [(mine, theirs) for mine, theirs in ends if theirs is not None and theirs.requires_grad]
        if not ends or not leaves:
            return
        ends = differentiated(ends, leaves, rng, second and order == "gradient")
        for i, ((mine, theirs), (leaf, _)) in enumerate(zip(ends, leaves, strict=True)):
            zero = np.zeros(leaf.shape, leaf.dtype)
            a, b = zero if mine is None else mine.numpy(), zero if theirs is None else host(theirs)
            if entry.ignore_nan and order == "second gradient":
                a, b = a[~np.isnan(b)], b[~np.isnan(b)]
            close(a, b, entry.rtol, f"{order} {i}")
        ends = without_constants(ends, leaves)


def without_constants(ends: list[tuple[Any, Any]], leaves: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Those that depend on the leaves here. PyTorch says of constants, too, that they do: their derivative is 0."""
    kept = []
    for mine, theirs in ends:
        if mine is not None and mine.requires_grad and theirs is not None:
            kept.append((mine, theirs))
        elif theirs is not None and theirs.requires_grad:
            found = torch.autograd.grad(
                theirs, [leaf for _, leaf in leaves], torch.ones_like(theirs), retain_graph=True, allow_unused=True
            )
            constant = all(x is None or bool((x.abs() < 1e-9).all()) for x in found)
            assert constant, "a gradient is a constant here, but not in PyTorch"
    return kept


def differentiated(
    ends: list[tuple[Any, Any]], leaves: list[tuple[Any, Any]], rng: np.random.Generator, create_graph: bool
) -> list[tuple[Any, Any]]:
    """For each leaf the gradients of the same weighted sum of the ends, ours and PyTorch's."""
    for i, (mine, _) in enumerate(ends):
        assert mine.requires_grad, f"end {i} has no gradient here"
    weights = [weight(rng, host(theirs)) for _, theirs in ends]
    with quiet():
        ours = dl.grad(
            [mine for mine, _ in ends], [mine for mine, _ in leaves], [dl.tensor(w) for w in weights],
            create_graph=create_graph, retain_graph=True, allow_unused=True,
        )  # fmt: skip
    theirs = torch.autograd.grad(
        [theirs for _, theirs in ends], [theirs for _, theirs in leaves], [torch.from_numpy(w) for w in weights],
        create_graph=create_graph, retain_graph=True, allow_unused=True,
    )  # fmt: skip
    return list(zip(ours, theirs, strict=True))


def weight(rng: np.random.Generator, like: Any) -> Any:
    """Numbers to weigh the elements of an output with: a plain sum would hide errors that cancel."""
    w = rng.uniform(0.5, 1.5, like.shape)
    return np.asarray(w + 1j * rng.uniform(0.5, 1.5, like.shape) if like.dtype.kind == "c" else w).astype(like.dtype)


def close(mine: Any, theirs: Any, rtol: float, what: str) -> None:
    assert mine.shape == theirs.shape, f"{what}: shape {mine.shape}, expected {theirs.shape}"
    if theirs.dtype.kind in "fc":
        assert mine.dtype == theirs.dtype, f"{what}: dtype {mine.dtype}, expected {theirs.dtype}"
        finite = theirs[np.isfinite(theirs)]
        scale = np.abs(finite).max(initial=0)  # relative to each element, or to the largest where sums cancel
        atol = rtol * max(1e-3 * scale, 1e-6)
        if theirs.dtype in (np.float32, np.complex64):
            rtol, atol = SINGLE, SINGLE * scale
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=atol, err_msg=what)
    else:
        np.testing.assert_array_equal(mine, theirs, err_msg=what)


# --- from PyTorch's tensors to ours -------------------------------------------------------------------------


def converted(sample: Any) -> tuple[list[Any], dict[str, Any], list[tuple[Any, Any]]]:
    """The sample's arguments with our tensors in them, and the pairs of tensors, ours and PyTorch's."""
    pairs: list[tuple[Any, Any]] = []
    arguments = [convert(x, pairs) for x in (sample.input, *sample.args)]
    return arguments, {key: convert(x, pairs) for key, x in sample.kwargs.items()}, pairs


def convert(x: Any, pairs: list[tuple[Any, Any]]) -> Any:
    if isinstance(x, torch.Tensor):
        made = dl.tensor(host(x), requires_grad=x.requires_grad)
        pairs.append((made, x))
        return made
    if isinstance(x, torch.dtype):
        return str(x).removeprefix("torch.")
    if isinstance(x, torch.Size):
        return tuple(x)
    if isinstance(x, (list, tuple)):
        return type(x)(convert(part, pairs) for part in x)
    return x


def host(x: Any) -> Any:
    return x.detach().resolve_conj().resolve_neg().numpy(force=True)


def flat(result: Any) -> list[Any]:
    """The tensors of a result, be it one or a (named) tuple of them."""
    return list(result) if isinstance(result, Iterable) and isinstance(result, (tuple, list)) else [result]


def described(sample: Any) -> str:
    def show(x: Any) -> str:
        if isinstance(x, torch.Tensor):
            return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"
        if isinstance(x, (list, tuple)):
            return f"[{', '.join(map(show, x))}]"
        return repr(x)

    keywords = [f"{key}={show(x)}" for key, x in sample.kwargs.items()]
    return f"({', '.join([*map(show, (sample.input, *sample.args)), *keywords])})"


def quiet() -> Any:
    return np.errstate(all="ignore")
